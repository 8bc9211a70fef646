/**
 * The outbox: every write is an action kept on the phone first, then sent in order. Photos travel before the action that names
 * them. A passing failure leaves the action waiting and is tried again; a refusal keeps the work and says why.
 */
import { uploadPhoto } from '../api/city';
import { request } from '../api/client';
import { line } from '../api/line';
import { asProblem } from '../api/problem';
import { uuid } from '../api/uuid';
import { type Action, db, type KeptPhoto } from './keep';

/** Delivered entries stay in sight, without their photos, up to this many. */
const KEEP_SENT = 30;
const NOUN = { verify: 'verification', check: 'check' } as const;

/** Seconds to wait after the n-th failed round: 2, 4, 8 … at most five minutes. */
export function pause(round: number): number {
  return Math.min(300, 2 ** Math.max(1, round));
}

/** `id` is that of the screen it was made on: the same screen makes the same action, however often it is sent. */
export type NewAction = Pick<Action, 'kind' | 'case_number' | 'task_id' | 'title' | 'body' | 'photos'> & {
  id?: string;
};

/** How one action is brought to the server; replaced in tests. */
export interface Carrier {
  photo(photo: KeptPhoto): Promise<number>;
  action(action: Action, photos: number[]): Promise<string>;
}

export const server: Carrier = {
  async photo(photo) {
    if (!photo.blob) throw new Error('photo without content');
    const { phase, taken_at, lon, lat } = photo;
    return (await uploadPhoto(photo.blob, { phase, taken_at, lon, lat }, photo.id)).id;
  },
  async action(action, photos) {
    const { id, made_at } = action;
    const body = { ...action.body, photos };
    const sent =
      action.kind === 'report' ? { kind: 'report' } : { kind: NOUN[action.kind], number: action.case_number };
    const { data } = await request<{ number: string }>('/actions', {
      method: 'POST',
      body: { id, made_at, body, ...sent },
      key: id,
    });
    return data.number;
  },
};

/** Dispatches `change` on every step and `unauthenticated` when a new sign-in is needed first. */
export class Outbox extends EventTarget {
  items: Action[] = [];
  owner = '';
  sending = false;
  private round = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Actions on their way into the store, by id. */
  private readonly adding = new Map<string, Promise<Action>>();

  constructor(private readonly carrier: Carrier = server) {
    super();
  }

  /** What is not delivered yet. */
  get waiting(): Action[] {
    return this.items.filter((item) => item.state !== 'sent');
  }

  /** Reads the kept actions; what was being sent when the app was killed waits again. */
  async open(owner: string): Promise<void> {
    this.owner = owner;
    const database = await db();
    this.items = (await database.getAll('actions')).filter((item) => item.owner === owner);
    for (const item of this.items) if (item.state === 'sending') await this.keep({ ...item, state: 'waiting' });
    this.changed();
  }

  /** Keeps an action and sends it. The same id again is the same action: one entry, whoever asks and how often. */
  add(made: NewAction): Promise<Action> {
    const id = made.id || uuid();
    const adding = this.adding.get(id) ?? this.put(made, id).finally(() => this.adding.delete(id));
    this.adding.set(id, adding);
    return adding;
  }

  private async put(made: NewAction, id: string): Promise<Action> {
    const database = await db();
    const known = await database.getFromIndex('actions', 'id', id);
    if (known) return known;
    const action: Action = {
      ...made,
      id,
      made_at: new Date().toISOString(),
      owner: this.owner,
      state: 'waiting',
      tries: 0,
      problem: null,
      result: null,
    };
    action.seq = await database.add('actions', action);
    this.items = [...this.items, action];
    this.changed();
    void this.send();
    return action;
  }

  /** Sends what waits, one after the other. Only one page of the phone sends at a time. */
  async send(): Promise<void> {
    clearTimeout(this.timer);
    if (this.sending) return;
    if (!navigator.locks) return this.drain();
    await navigator.locks.request('cityops-outbox', { ifAvailable: true }, async (lock) => {
      if (lock) await this.drain();
    });
  }

  private async drain(): Promise<void> {
    this.sending = true;
    /** Cases whose earlier action did not get through: the later ones keep their place behind it. */
    const held = new Set<string>();
    let failed = false;
    try {
      for (;;) {
        const next = this.items.find((item) => item.state === 'waiting' && !held.has(item.case_number ?? item.id));
        if (!next) break;
        const outcome = await this.carry(next);
        if (outcome === 'sent' || outcome === 'refused') continue;
        failed = true;
        held.add(next.case_number ?? next.id);
        if (outcome === 'stop') break;
      }
    } finally {
      this.sending = false;
      this.changed();
    }
    this.round = failed ? this.round + 1 : 0;
    if (failed) this.timer = setTimeout(() => void this.send(), Math.max(pause(this.round) * 1000, line.wait_ms));
    else await this.trim();
  }

  private async carry(item: Action): Promise<'sent' | 'refused' | 'later' | 'stop'> {
    let action = await this.keep({ ...item, state: 'sending', tries: item.tries + 1 });
    try {
      for (const photo of action.photos) {
        if (photo.media_id !== null) continue;
        const media_id = await this.carrier.photo(photo);
        action = await this.keep({
          ...action,
          photos: action.photos.map((other) => (other.id === photo.id ? { ...other, media_id } : other)),
        });
      }
      const result = await this.carrier.action(
        action,
        action.photos.map((photo) => photo.media_id!),
      );
      await this.keep({
        ...action,
        state: 'sent',
        problem: null,
        result,
        photos: action.photos.map((photo) => ({ ...photo, blob: null })),
      });
      return 'sent';
    } catch (error) {
      const problem = asProblem(error);
      if (problem.status === 401) {
        await this.keep({ ...action, state: 'waiting', problem: null });
        this.dispatchEvent(new Event('unauthenticated'));
        return 'stop';
      }
      if (problem.passing) {
        await this.keep({ ...action, state: 'waiting', problem: problem.readable });
        return problem.status === 0 ? 'stop' : 'later';
      }
      await this.keep({ ...action, state: 'refused', problem: problem.readable, technical: problem.technical });
      return 'refused';
    }
  }

  /** A refused or waiting action once more, at once. */
  async retry(id: string): Promise<void> {
    const item = this.items.find((other) => other.id === id);
    if (!item || item.state === 'sending' || item.state === 'sent') return;
    await this.keep({ ...item, state: 'waiting', problem: null });
    await this.send();
  }

  async drop(id: string): Promise<void> {
    const item = this.items.find((other) => other.id === id);
    if (!item || item.state === 'sending') return;
    await (await db()).delete('actions', item.seq!);
    this.items = this.items.filter((other) => other.id !== id);
    this.changed();
  }

  private async keep(action: Action): Promise<Action> {
    await (await db()).put('actions', action);
    this.items = this.items.map((other) => (other.id === action.id ? action : other));
    this.changed();
    return action;
  }

  private async trim(): Promise<void> {
    const sent = this.items.filter((item) => item.state === 'sent');
    for (const item of sent.slice(0, Math.max(0, sent.length - KEEP_SENT))) await this.drop(item.id);
  }

  private changed(): void {
    this.dispatchEvent(new Event('change'));
  }
}

/** Everything undelivered as one JSON text, photos included, for handing over when nothing else works. */
export async function exported(items: readonly Action[]): Promise<string> {
  const readable = await Promise.all(
    items.map(async (item) => ({
      ...item,
      photos: await Promise.all(
        item.photos.map(async (photo) => ({ ...photo, blob: photo.blob ? await dataUrl(photo.blob) : null })),
      ),
    })),
  );
  return JSON.stringify(readable, null, 1);
}

function dataUrl(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}
