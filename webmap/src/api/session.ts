/** Who is at the screen: cookie session for the console, bearer token for the phone. */
import { get, request, useBearer, useCsrf } from './client';
import type { Session } from './types';

export async function signIn(login: string, password: string): Promise<Session> {
  const { data } = await request<Session>('/session', { method: 'POST', body: { login, password } });
  useCsrf(data.csrf_token ?? null);
  return data;
}

/** The session of this browser; a Problem with status 401 when there is none. */
export async function currentSession(): Promise<Session> {
  const session = await get<Session>('/session');
  if (session.csrf_token) useCsrf(session.csrf_token);
  return session;
}

export async function signOut(): Promise<void> {
  await request('/session', { method: 'DELETE' });
  useCsrf(null);
}

export interface Token {
  token: string;
  id: number;
  expires_at: string | null;
}

/** A bearer token for this phone; kept by the caller, never in a cookie. */
export async function issueToken(login: string, password: string, label: string): Promise<Token> {
  const { data } = await request<Token>('/tokens', {
    method: 'POST',
    body: { login, password, kind: 'bearer', label },
  });
  useBearer(data.token);
  return data;
}
