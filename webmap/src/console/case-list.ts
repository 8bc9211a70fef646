/** The list of cases: pages by cursor, honest counts, live changes that never move a row under the pointer. */
import { casePins, listCases, type PinCollection, readCase } from '../api/cases';
import type { Query } from '../api/client';
import { asProblem, type Problem } from '../api/problem';
import type { Box, CaseItem, CasePage } from '../api/types';
import type { Filters } from '../url';
import type { Store } from './store';

const PAGE = 50;
const PINS = 5000;

/** The filters as the server's parameters. */
export function caseQuery(filters: Filters): Query {
  return {
    state: filters.state === 'all' ? '' : filters.state,
    light: filters.light,
    desk: filters.mine ? 'mine' : '',
    class: filters.klass,
    department: filters.department,
    division: filters.division,
    cell: filters.cell,
    q: filters.q,
  };
}

export class CaseList {
  /** The part of the map whose cases are listed. */
  box: Box | null = null;
  items: CaseItem[] = [];
  next: string | null = null;
  total = 0;
  inView = 0;
  withoutPlace = 0;
  capped = false;
  everythingCapped = false;
  /** Cases that exist for this viewer whatever the filters; null until known. */
  everything: number | null = null;
  state: 'loading' | 'ready' | 'error' = 'loading';
  problem: Problem | null = null;
  more = false;
  /** Rows that arrived while the user was in the list; shown after a press. */
  waiting = 0;
  /** The pointer or the focus is inside, or it is scrolled: rows must not move. */
  held = false;
  changedRows = new Set<string>();
  pins: PinCollection | null = null;
  pinsCut = false;

  private running: AbortController | null = null;
  private pinsRunning: AbortController | null = null;
  private timer = 0;
  private liveTimer = 0;
  private fresh: CaseItem[] | null = null;
  private freshNext: string | null = null;

  constructor(private readonly store: Store) {}

  private query(cursor?: string | null, limit = PAGE): Query {
    const { box } = this;
    return {
      ...caseQuery(this.store.url.filters),
      sort: this.store.url.filters.sort,
      bbox: box ? box.map((value) => value.toFixed(6)).join(',') : '',
      cursor: cursor ?? '',
      limit,
    };
  }

  /** Asks again from the first row; the old rows stay until the answer is there. */
  reload(delayMs = 0): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.load(), delayMs);
  }

  private async load(): Promise<void> {
    if (!this.store.session) return;
    this.running?.abort();
    const running = new AbortController();
    this.running = running;
    if (this.items.length === 0) this.state = 'loading';
    this.store.changed();
    void this.loadPins();
    try {
      const page = await listCases(this.query(), running.signal);
      this.items = page.items;
      this.next = page.next;
      this.take(page);
      this.state = 'ready';
      this.problem = null;
      this.waiting = 0;
      this.fresh = null;
    } catch (error) {
      if (running.signal.aborted) return;
      this.state = 'error';
      this.problem = asProblem(error);
    }
    this.store.changed();
    void this.countEverything();
  }

  private take(page: CasePage): void {
    this.capped = page.capped;
    this.total = page.total;
    this.inView = page.in_view;
    this.withoutPlace = page.without_place;
  }

  private async countEverything(): Promise<void> {
    if (this.everything && this.everything >= this.total) return;
    try {
      const page = await listCases({ limit: 1 });
      this.everything = page.total;
      this.everythingCapped = page.capped;
      this.store.changed();
    } catch {
      // Only the "hidden by filters" remark is missing then; the list itself reports its own failures.
      this.everything = null;
    }
  }

  async loadMore(): Promise<void> {
    if (!this.next || this.more || this.state !== 'ready') return;
    this.more = true;
    this.store.changed();
    const cursor = this.next;
    try {
      const page = await listCases(this.query(cursor));
      if (this.next !== cursor) return;
      const known = new Set(this.items.map((item) => item.number));
      this.items = [...this.items, ...page.items.filter((item) => !known.has(item.number))];
      this.next = page.next;
    } catch (error) {
      this.problem = asProblem(error);
    } finally {
      this.more = false;
      this.store.changed();
    }
  }

  /** The places of what the filters let through, in and around the view. */
  async loadPins(): Promise<void> {
    const box = this.store.box;
    if (!box) return;
    this.pinsRunning?.abort();
    const running = new AbortController();
    this.pinsRunning = running;
    const [west, south, east, north] = box;
    const [dx, dy] = [(east - west) * 0.25, (north - south) * 0.25];
    const bbox = [west - dx, south - dy, east + dx, north + dy].map((value) => value.toFixed(6)).join(',');
    try {
      const pins = await casePins({ ...caseQuery(this.store.url.filters), bbox, limit: PINS }, running.signal);
      this.pins = pins;
      this.pinsCut = pins.features.length >= PINS;
      this.store.dispatchEvent(new Event('pins'));
      this.store.changed();
    } catch (error) {
      if (!running.signal.aborted) this.problem ??= asProblem(error);
    }
  }

  /** Something happened to cases: look again soon, once for a burst of changes. */
  heard(number: string): void {
    if (number) this.changedRows.add(number);
    window.clearTimeout(this.liveTimer);
    this.liveTimer = window.setTimeout(() => void this.refresh(), 500);
  }

  private async refresh(): Promise<void> {
    if (this.state !== 'ready') return this.load();
    const touched = [...this.changedRows];
    this.changedRows.clear();
    void this.loadPins();
    try {
      const page = await listCases(this.query(null, Math.min(200, Math.max(PAGE, this.items.length))));
      this.take(page);
      if (!this.held) {
        this.items = page.items;
        this.next = page.next;
        this.waiting = 0;
        this.fresh = null;
      } else {
        const now = new Map(page.items.map((item) => [item.number, item]));
        const known = new Set(this.items.map((item) => item.number));
        this.items = this.items.map((item) => now.get(item.number) ?? item);
        this.waiting = page.items.filter((item) => !known.has(item.number)).length;
        this.fresh = page.items;
        this.freshNext = page.next;
        await this.refreshGone(touched.filter((number) => known.has(number) && !now.has(number)));
      }
    } catch (error) {
      this.problem = asProblem(error);
    }
    this.store.changed();
  }

  /** Rows that left the list while the user is in it stay where they are, with their new state. */
  private async refreshGone(numbers: string[]): Promise<void> {
    for (const number of numbers.slice(0, 10)) {
      try {
        const { data } = await readCase(number);
        this.items = this.items.map((item) => (item.number === number ? { ...item, ...data } : item));
      } catch {
        // No longer ours to see: the row goes at the next load.
      }
    }
  }

  /** The user pressed "n new": now rows may move. */
  showWaiting(): void {
    if (!this.fresh) {
      this.reload();
      return;
    }
    this.items = this.fresh;
    this.next = this.freshNext;
    this.fresh = null;
    this.waiting = 0;
    this.store.changed();
  }

  index(number: string): number {
    return this.items.findIndex((item) => item.number === number);
  }
}
