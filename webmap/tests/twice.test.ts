import 'fake-indexeddb/auto';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import './setup';
import './screens';
import { db } from '../src/inspect/keep';
import { phone } from '../src/inspect/phone';
import { Report } from '../src/inspect/report';
import { TaskScreen } from '../src/inspect/task';

vi.mock('../src/inspect/phone-map', () => ({ PhoneMap: class {}, firstPlace: () => null }));
vi.mock('../src/ui/toast', () => ({ toast: () => undefined }));
// Nothing leaves: what counts is what is kept.
phone.outbox.send = async () => undefined;

const photos = [{ id: 'p', blob: new Blob(['x']), phase: 'before', taken_at: '2026-11-20T03:00:00Z', media_id: null }];

describe('two presses in the same moment', () => {
  beforeEach(async () => {
    await (await db()).clear('actions');
    await phone.outbox.open('wang');
  });

  it('make one report', async () => {
    const screen = new Report();
    const klass = { kind: 'event', code: '0101', zh: '积水', en: 'Water' };
    Object.assign(screen, { data: { action: 'screen-1', klass, photos, words: '', place: { lon: 1, lat: 2 } } });
    await Promise.all([screen.submit(), screen.submit()]);
    expect(phone.outbox.items.map((item) => item.id)).toEqual(['screen-1']);
    expect(await (await db()).count('actions')).toBe(1);
  });

  it('make one answer to a task', async () => {
    const screen = new TaskScreen();
    Object.assign(screen, { data: { action: 'task-1', result: 'exists', words: '', photos } });
    const task = { id: 7, kind: 'verify', case_number: 'A', class_name_zh: '积水', class_name_en: '' } as never;
    await Promise.all([screen.submit(task), screen.submit(task)]);
    expect(phone.outbox.items.map((item) => item.task_id)).toEqual([7]);
  });

  it('are one action in the outbox too, and a screen that comes back makes no second one', async () => {
    const made = {
      id: 'a',
      kind: 'report',
      case_number: null,
      task_id: null,
      title: '',
      body: {},
      photos: [],
    } as const;
    const again = { ...made, photos: [] };
    const [first, second] = await Promise.all([phone.outbox.add({ ...again }), phone.outbox.add({ ...again })]);
    expect(second).toBe(first);
    await phone.outbox.add({ ...again });
    expect(phone.outbox.items).toHaveLength(1);
    expect(await (await db()).count('actions')).toBe(1);
  });
});
