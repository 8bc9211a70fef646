/** A refused or failed request as something a person can read. The server speaks RFC 9457 `application/problem+json`. */
import { has, type Key, lang, pick, t } from '../i18n';

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
   * What to tell the user, in his language: the reason when the server gave one, else the known code, else a sentence for the
   * family. The server's own words are English; they follow only there, and only where no sentence of ours says it already.
   */
  get readable(): string {
    const reason = pick(...this.reasons);
    if (reason) return reason;
    const known = `problem.${this.code}`;
    const family = has(known) ? t(known) : t(familyOf(this.status));
    if (has(known) && this.code !== 'input-invalid') return family;
    const said = this.said;
    return lang() === 'en' && said && this.status >= 400 && this.status < 500 ? `${family} ${said}` : family;
  }

  /** The server's own words and the code, for whoever looks into it; never the first thing a user reads. */
  get technical(): string {
    const said = this.status === 0 || this.status >= 500 ? '' : this.said;
    return [`${this.status || ''} ${this.code}`.trim(), this.field, said].filter(Boolean).join(' · ');
  }

  private get said(): string {
    return [this.message, this.fix].filter(Boolean).join(' ');
  }
}

const FAMILIES: Record<number, Key> = {
  0: 'problem.offline',
  401: 'problem.unauthenticated',
  403: 'problem.refused',
  404: 'problem.not_found',
  409: 'problem.conflict',
  412: 'problem.changed',
  428: 'problem.changed',
  429: 'problem.too_many',
};

function familyOf(status: number): Key {
  return FAMILIES[status] ?? (status >= 500 ? 'problem.server' : 'problem.invalid');
}

/** Any thrown thing as a Problem, so that a screen has one shape to show. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem(0, { detail: error instanceof Error ? error.message : String(error) });
}
