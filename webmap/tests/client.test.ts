import { afterEach, describe, expect, it, vi } from 'vitest';
import './setup';
import './screens';
import { Intentions, queryString, request, useBearer, wire } from '../src/api/client';
import { Problem } from '../src/api/problem';

function answer(status: number, body: unknown, headers: Record<string, string> = {}) {
  return vi.fn(
    async (_path: string, _init: RequestInit) =>
      new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json', ...headers } }),
  );
}
const sentHeaders = (fetched: ReturnType<typeof answer>) => fetched.mock.calls[0]![1].headers as Headers;

afterEach(() => {
  vi.unstubAllGlobals();
  useBearer(null);
});

describe('the one door to the server', () => {
  it('gives writes the CSRF token, the key of the intention and the version looked at', async () => {
    const fetched = answer(200, {}, { ETag: '"8"' });
    vi.stubGlobal('fetch', fetched);
    const { etag } = await request('/cases/1/filing', { method: 'POST', body: {}, key: 'k-1', ifMatch: '"7"' });
    const headers = sentHeaders(fetched);
    expect(headers.get('X-CSRF-Token')).toBe('from-cookie');
    expect(headers.get('Idempotency-Key')).toBe('k-1');
    expect(headers.get('If-Match')).toBe('"7"');
    expect(etag).toBe('"8"');
  });

  it('sends a bearer token instead of cookies from the phone', async () => {
    const fetched = answer(200, {});
    vi.stubGlobal('fetch', fetched);
    useBearer('secret');
    await request('/actions', { method: 'POST', body: {} });
    expect(sentHeaders(fetched).get('Authorization')).toBe('Bearer secret');
    expect(sentHeaders(fetched).get('X-CSRF-Token')).toBeNull();
    expect(fetched.mock.calls[0]![1].credentials).toBe('omit');
  });

  it('reads need no key', async () => {
    const fetched = answer(200, {});
    vi.stubGlobal('fetch', fetched);
    await request('/cases');
    expect(sentHeaders(fetched).get('Idempotency-Key')).toBeNull();
  });

  it('turns a problem document into a Problem and tells of an ended session', async () => {
    vi.stubGlobal(
      'fetch',
      answer(401, { code: 'unauthenticated', detail: 'no' }, { 'Content-Type': 'application/problem+json' }),
    );
    const heard = vi.fn();
    wire.addEventListener('unauthenticated', heard);
    await expect(request('/cases')).rejects.toMatchObject({ status: 401, code: 'unauthenticated' });
    expect(heard).toHaveBeenCalledOnce();
    wire.removeEventListener('unauthenticated', heard);
  });

  it('calls a silent network by its name', async () => {
    vi.stubGlobal('fetch', async () => {
      throw new TypeError('failed to fetch');
    });
    await expect(request('/cases')).rejects.toBeInstanceOf(Problem);
    await expect(request('/cases')).rejects.toMatchObject({ status: 0, passing: true });
  });

  it('leaves empty parameters out of the address', () => {
    expect(queryString({ a: '', b: null, c: undefined, d: 0, e: 'x y' })).toBe('?d=0&e=x+y');
    expect(queryString({})).toBe('');
  });
});

describe('intentions', () => {
  it('keep one key until they are answered for good', () => {
    const intentions = new Intentions();
    const first = intentions.key('file case 1');
    expect(intentions.key('file case 1')).toBe(first);
    expect(intentions.key('file case 2')).not.toBe(first);
    intentions.settled('file case 1');
    expect(intentions.key('file case 1')).not.toBe(first);
  });
});
