import 'fake-indexeddb/auto';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import './setup';
import './screens';
import { Problem } from '../src/api/problem';
import { type Action, db, type KeptPhoto } from '../src/inspect/keep';
import { type Carrier, exported, type NewAction, Outbox, pause } from '../src/inspect/outbox';

vi.stubGlobal('navigator', { onLine: true });

const photo = (id: string): KeptPhoto => ({
  id,
  blob: new Blob(['x']),
  phase: 'before',
  taken_at: '2026-11-20T03:00:00Z',
  media_id: null,
});
const report = (title: string, photos: KeptPhoto[] = []): NewAction => ({
  kind: 'report',
  case_number: null,
  task_id: null,
  title,
  body: { class_code: '0102' },
  photos,
});

class Paper implements Carrier {
  got: string[] = [];
  fail: (what: string) => Problem | null = () => null;

  async photo(one: KeptPhoto): Promise<number> {
    const failure = this.fail(`photo ${one.id}`);
    if (failure) throw failure;
    this.got.push(`photo ${one.id}`);
    return this.got.length;
  }

  async action(one: Action, photos: number[]): Promise<string> {
    const failure = this.fail(`${one.kind} ${one.title}`);
    if (failure) throw failure;
    this.got.push(`${one.kind} ${one.title} ${photos.join(',')}`);
    return 'number';
  }
}

const settled = async (outbox: Outbox) => {
  await vi.waitFor(() => {
    if (outbox.sending) throw new Error('still sending');
  });
};

describe('the outbox', () => {
  beforeEach(async () => {
    await (await db()).clear('actions');
  });

  it('sends photos before the action that names them, and actions in their order', async () => {
    const paper = new Paper();
    const outbox = new Outbox(paper);
    await outbox.open('wang');
    await outbox.add(report('one', [photo('a'), photo('b')]));
    await outbox.add(report('two'));
    await settled(outbox);
    await outbox.send();
    await settled(outbox);
    expect(paper.got).toEqual(['photo a', 'photo b', 'report one 1,2', 'report two ']);
    expect(outbox.waiting).toEqual([]);
  });

  it('keeps everything when the network is silent and sends no photo twice', async () => {
    const paper = new Paper();
    const outbox = new Outbox(paper);
    await outbox.open('wang');
    paper.fail = (what) => (what.startsWith('report') ? new Problem(0, {}) : null);
    const added = await outbox.add(report('one', [photo('a')]));
    await settled(outbox);
    expect(outbox.items[0]).toMatchObject({ id: added.id, state: 'waiting', tries: 1 });
    paper.fail = () => null;
    await outbox.send();
    await settled(outbox);
    expect(paper.got).toEqual(['photo a', 'report one 1']);
    expect(outbox.items[0]).toMatchObject({ state: 'sent', result: 'number' });
    expect(outbox.items[0]?.photos[0]?.blob).toBeNull();
  });

  it('survives being killed while sending', async () => {
    const first = new Outbox(new Paper());
    await first.open('wang');
    const database = await db();
    await database.add('actions', {
      ...report('one'),
      id: 'k',
      made_at: '2026-11-20T03:00:00Z',
      owner: 'wang',
      state: 'sending',
      tries: 1,
      problem: null,
      result: null,
    } as Action);
    const paper = new Paper();
    const second = new Outbox(paper);
    await second.open('wang');
    expect(second.items[0]?.state).toBe('waiting');
    await second.send();
    expect(paper.got).toEqual(['report one ']);
  });

  it('keeps a refused action with its reason and goes on with the others', async () => {
    const paper = new Paper();
    const outbox = new Outbox(paper);
    await outbox.open('wang');
    paper.fail = (what) => (what.includes('one') ? new Problem(422, { detail: 'no such class' }) : null);
    await outbox.add(report('one'));
    await outbox.add(report('two'));
    await settled(outbox);
    await outbox.send();
    await settled(outbox);
    expect(outbox.items.map((item) => item.state)).toEqual(['refused', 'sent']);
    expect(outbox.items[0]?.problem).toBe('内容有误。');
    expect(outbox.items[0]?.technical).toContain('no such class');
    paper.fail = () => null;
    await outbox.retry(outbox.items[0]!.id);
    await settled(outbox);
    expect(outbox.waiting).toEqual([]);
  });

  it('holds later acts on a case behind one that has not got through', async () => {
    const paper = new Paper();
    const outbox = new Outbox(paper);
    await outbox.open('wang');
    let down = true;
    paper.fail = (what) => (down && what === 'verify first' ? new Problem(503, {}) : null);
    await outbox.add({ ...report('first'), kind: 'verify', case_number: 'A' });
    await outbox.add({ ...report('second'), kind: 'check', case_number: 'A' });
    await outbox.add({ ...report('other'), kind: 'check', case_number: 'B' });
    await settled(outbox);
    await outbox.send();
    await settled(outbox);
    expect(paper.got).toEqual(['check other ']);
    down = false;
    await outbox.send();
    await settled(outbox);
    expect(paper.got).toEqual(['check other ', 'verify first ', 'check second ']);
  });

  it('waits for a new sign-in without losing its place', async () => {
    const paper = new Paper();
    const outbox = new Outbox(paper);
    await outbox.open('wang');
    const heard = vi.fn();
    outbox.addEventListener('unauthenticated', heard);
    paper.fail = () => new Problem(401, {});
    await outbox.add(report('one'));
    await settled(outbox);
    expect(heard).toHaveBeenCalled();
    expect(outbox.items[0]?.state).toBe('waiting');
  });

  it('shows an inspector only his own work', async () => {
    const outbox = new Outbox(new Paper());
    await outbox.open('wang');
    await outbox.add(report('one'));
    await settled(outbox);
    await outbox.open('li');
    expect(outbox.items).toEqual([]);
  });

  it('exports what is not delivered as text', async () => {
    const waiting: Action = {
      ...report('one'),
      id: 'k',
      made_at: '',
      owner: 'wang',
      state: 'waiting',
      tries: 0,
      problem: null,
      result: null,
    };
    expect(JSON.parse(await exported([waiting]))).toMatchObject([{ id: 'k', title: 'one' }]);
  });

  it('waits longer each time, at most five minutes', () => {
    expect([1, 2, 3, 20].map(pause)).toEqual([2, 4, 8, 300]);
  });
});
