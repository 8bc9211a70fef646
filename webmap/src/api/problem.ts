/** A refused or failed request as something a person can read. The server speaks RFC 9457 `application/problem+json`. */
import { has, lang, pick, t } from '../i18n';

export interface ProblemBody {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  code?: string;
  field?: string;
  fix?: string;
  instance?: string;
  /** The number of a failure in the server's log. */
  incident?: string;
  /** Why an act was refused, in both languages. */
  reason_zh?: string;
  reason_en?: string;
}

/** Status 0 means that no answer came at all: the network, not the server, said no. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly field: string | undefined;
  readonly fix: string | undefined;
  /** What to quote: the number in the server's log, else the code. */
  readonly number: string;
  private readonly reasons: readonly [string | undefined, string | undefined];

  constructor(status: number, body: ProblemBody) {
    super(body.detail ?? body.title ?? `HTTP ${status}`);
    this.status = status;
    this.code = body.code ?? (status === 0 ? 'offline' : `http-${status}`);
    this.field = body.field;
    this.fix = body.fix;
    this.number = body.incident ?? this.code;
    this.reasons = [body.reason_zh, body.reason_en];
  }

  /** True when sending the very same request again later can succeed. */
  get passing(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }

  /**
   * What to tell the user, in his language: the reason when the server gave one, else the known code, else the family. The
   * server's own English words follow where they are understood, or where only they say what is wrong with an input.
   */
  get readable(): string {
    const reason = pick(...this.reasons);
    if (reason) return reason;
    const known = `problem.${this.code}`;
    if (has(known)) return t(known);
    const family =
      this.status === 0
        ? t('problem.offline')
        : this.status >= 500
          ? t('problem.server')
          : this.status === 401
            ? t('problem.unauthenticated')
            : this.status === 403
              ? t('problem.refused')
              : this.status === 404
                ? t('problem.not_found')
                : this.status === 409
                  ? t('problem.conflict')
                  : this.status === 412 || this.status === 428
                    ? t('problem.changed')
                    : this.status === 429
                      ? t('problem.too_many')
                      : t('problem.invalid');
    const said = [this.message, this.fix].filter(Boolean).join(' ');
    const useful =
      this.status === 400 || this.status === 422 || (lang() === 'en' && this.status >= 400 && this.status < 500);
    return said && useful ? `${family} ${said}` : family;
  }
}

/** Any thrown thing as a Problem, so that a screen has one shape to show. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem(0, { detail: error instanceof Error ? error.message : String(error) });
}
