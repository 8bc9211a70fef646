/** What the phone keeps: the outbox, unfinished answers, and the last lists read. One IndexedDB database. */
import { type DBSchema, type IDBPDatabase, openDB } from 'idb';

export interface KeptPhoto {
  /** The client's id; the Idempotency-Key of the upload. */
  id: string;
  blob: Blob | null;
  phase: string;
  taken_at: string;
  lon?: number;
  lat?: number;
  /** The server's id once it has been uploaded. */
  media_id: number | null;
}

export type ActionKind = 'report' | 'verify' | 'check';

/** One thing the inspector did. Its `id` is the Idempotency-Key, so that sending it twice does it once. */
export interface Action {
  seq?: number;
  id: string;
  kind: ActionKind;
  /** The case it belongs to; null for a new report. */
  case_number: string | null;
  /** The task it answers; null for a new report. */
  task_id: number | null;
  /** What the list shows: class name, place. */
  title: string;
  body: Record<string, unknown>;
  photos: KeptPhoto[];
  made_at: string;
  owner: string;
  state: 'waiting' | 'sending' | 'refused' | 'sent';
  tries: number;
  problem: string | null;
  /** The server's own words of a refusal; folded away on the screen. */
  technical?: string;
  result: string | null;
}

interface Schema extends DBSchema {
  actions: { key: number; value: Action; indexes: { id: string } };
  drafts: { key: string; value: unknown };
  cache: { key: string; value: { at: number; value: unknown } };
}

let opened: Promise<IDBPDatabase<Schema>> | null = null;

export function db(): Promise<IDBPDatabase<Schema>> {
  opened ??= openDB<Schema>('cityops-inspect', 1, {
    upgrade(database) {
      const actions = database.createObjectStore('actions', { keyPath: 'seq', autoIncrement: true });
      actions.createIndex('id', 'id', { unique: true });
      database.createObjectStore('drafts');
      database.createObjectStore('cache');
    },
  });
  return opened;
}

export async function keepDraft(key: string, value: unknown): Promise<void> {
  await (await db()).put('drafts', value, key);
}

export async function draft<T>(key: string): Promise<T | null> {
  return ((await (await db()).get('drafts', key)) as T | undefined) ?? null;
}

export async function dropDraft(key: string): Promise<void> {
  await (await db()).delete('drafts', key);
}

/**
 * Asks the server; on a failure of the network the last answer serves. `stale` says which of the two it was. Answers are kept
 * per user, so that a shared phone never shows one inspector the other's lists.
 */
export async function cached<T>(
  key: string,
  ask: () => Promise<T>,
  mayFallBack: (error: unknown) => boolean,
): Promise<{ value: T; stale: boolean; at: number }> {
  try {
    const value = await ask();
    await (await db()).put('cache', { at: Date.now(), value }, key);
    return { value, stale: false, at: Date.now() };
  } catch (error) {
    if (!mayFallBack(error)) throw error;
    const kept = await (await db()).get('cache', key);
    if (!kept) throw error;
    return { value: kept.value as T, stale: true, at: kept.at };
  }
}
