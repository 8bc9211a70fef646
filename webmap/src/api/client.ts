/**
 * The one door to the server. Reads retry nothing by themselves; writes carry the CSRF token (cookie session) or the bearer
 * token (phone), an Idempotency-Key that stays the same for one intention of the user, and If-Match when a version is known.
 */
import { line } from './line';
import { Problem, type ProblemBody } from './problem';
import { uuid } from './uuid';

export interface Sent {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  body?: unknown;
  /** A file upload; replaces `body`. */
  form?: FormData;
  /** The client's id of this intention; the same value on every retry of it. */
  key?: string;
  /** The ETag the user looked at. */
  ifMatch?: string | null;
  signal?: AbortSignal;
  query?: Query;
}

export interface Answer<T> {
  data: T;
  etag: string | null;
  status: number;
}

export type Query = Record<string, string | number | boolean | null | undefined>;

const BASE = '/api/v1';
let bearer: string | null = null;
let csrf: string | null = null;

/** Announces `unauthenticated` when the server no longer knows us. */
export const wire = new EventTarget();

export function useBearer(token: string | null): void {
  bearer = token;
}

export function useCsrf(token: string | null): void {
  csrf = token;
}

function csrfToken(): string | null {
  if (csrf) return csrf;
  const found = document.cookie.split('; ').find((part) => part.startsWith('cityops_csrf='));
  return found ? decodeURIComponent(found.slice('cityops_csrf='.length)) : null;
}

/** A query string without the empty parts, keys in the given order. */
export function queryString(query: Query | undefined): string {
  if (!query) return '';
  const out = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null || value === '') continue;
    out.set(name, String(value));
  }
  const text = out.toString();
  return text ? `?${text}` : '';
}

/** One request; throws `Problem` for anything but a 2xx answer. `path` starts below /api/v1. */
export async function request<T>(path: string, sent: Sent = {}): Promise<Answer<T>> {
  const method = sent.method ?? 'GET';
  const headers = new Headers({ Accept: 'application/json' });
  if (bearer) headers.set('Authorization', `Bearer ${bearer}`);
  if (method !== 'GET') {
    const token = bearer ? null : csrfToken();
    if (token) headers.set('X-CSRF-Token', token);
    headers.set('Idempotency-Key', sent.key ?? uuid());
    if (sent.ifMatch) headers.set('If-Match', sent.ifMatch);
  }
  let body: BodyInit | undefined;
  if (sent.form) body = sent.form;
  else if (sent.body !== undefined) {
    headers.set('Content-Type', 'application/json');
    body = JSON.stringify(sent.body);
  }
  let response: Response;
  try {
    response = await fetch(`${BASE}${path}${queryString(sent.query)}`, {
      method,
      headers,
      body,
      signal: sent.signal,
      credentials: bearer ? 'omit' : 'same-origin',
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    line.failed();
    throw new Problem(0, { detail: error instanceof Error ? error.message : 'network' });
  }
  line.answered();
  if (!response.ok) throw await problemOf(response, path);
  const data = response.status === 204 ? null : await response.json();
  return { data: data as T, etag: response.headers.get('ETag'), status: response.status };
}

async function problemOf(response: Response, path: string): Promise<Problem> {
  let body: ProblemBody = {};
  if (response.headers.get('Content-Type')?.includes('json')) {
    try {
      body = (await response.json()) as ProblemBody;
    } catch {
      // A cut answer: the status alone still tells the family of the trouble.
    }
  }
  if (response.status === 401 && path !== '/session' && path !== '/tokens')
    wire.dispatchEvent(new Event('unauthenticated'));
  return new Problem(response.status, body);
}

export async function get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  return (await request<T>(path, { query, signal })).data;
}

/** A reading that nobody pressed for: fails without asking while the line is quiet. */
export async function unasked<T>(ask: () => Promise<T>): Promise<T> {
  if (line.quiet) throw new Problem(0, { detail: 'the line is quiet' });
  return ask();
}

export async function post<T>(path: string, body: unknown, sent: Omit<Sent, 'body' | 'method'> = {}): Promise<T> {
  return (await request<T>(path, { ...sent, method: 'POST', body })).data;
}

/**
 * Keeps one Idempotency-Key per intention: the same act on the same thing with the same content reuses its key until it has
 * been answered for good, so that pressing the button again after a lost answer cannot do it twice.
 */
export class Intentions {
  private readonly keys = new Map<string, string>();

  key(intention: string): string {
    let key = this.keys.get(intention);
    if (!key) {
      key = uuid();
      this.keys.set(intention, key);
    }
    return key;
  }

  /** Called after a final answer, good or refused; a passing failure keeps the key. */
  settled(intention: string): void {
    this.keys.delete(intention);
  }
}

/** The header of the bearer token, for the few requests that are not JSON. */
export function authorization(): Record<string, string> {
  return bearer ? { Authorization: `Bearer ${bearer}` } : {};
}
