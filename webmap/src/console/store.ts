/** The state of the console: what the address bar says, what the server answered, and what is being waited for. */
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { readSummary } from '../api/cases';
import { type Basemap, basemap, type Division, departments, divisions, layers } from '../api/city';
import { asProblem, type Problem } from '../api/problem';
import type { Box, Department, Layer, Session, Summary } from '../api/types';
import { type Filters, formatUrl, NO_FILTERS, parseUrl, type Selection, type UrlState, type View } from '../url';
import { CaseList } from './case-list';
import { Detail } from './detail-state';

/** Facts every part of the console needs once. */
export interface City {
  layers: Layer[];
  basemap: Basemap | null;
  departments: Department[];
  divisions: Division[];
}

export class Store extends EventTarget {
  session: Session | null = null;
  url: UrlState = parseUrl(location.search);
  box: Box | null = null;
  summary: Summary | null = null;
  city: City = { layers: [], basemap: null, departments: [], divisions: [] };
  cityProblem: Problem | null = null;
  live = false;
  everLive = false;
  now = Date.now();
  readonly list = new CaseList(this);
  readonly detail = new Detail(this);
  /** What the map shows per layer; null = not at this zoom. */
  counts: Record<string, number | null> = {};
  glMissing = false;

  constructor() {
    super();
    window.addEventListener('popstate', () => {
      const before = this.url;
      this.url = parseUrl(location.search);
      if (JSON.stringify(before.filters) !== JSON.stringify(this.url.filters)) this.list.reload();
      this.detail.show(this.url.selection);
      this.dispatchEvent(new Event('navigated'));
      this.changed();
    });
    window.setInterval(() => {
      this.now = Date.now();
      this.changed();
    }, 30_000);
  }

  /** Tells every part of the screen to draw itself again; Lit touches only what differs. */
  changed(): void {
    this.dispatchEvent(new Event('change'));
  }

  async loadCity(): Promise<void> {
    this.cityProblem = null;
    const [layerList, base, departmentList, divisionList] = await Promise.allSettled([
      layers(),
      basemap(),
      departments(),
      divisions({ limit: 1000 }),
    ]);
    this.city = {
      layers: layerList.status === 'fulfilled' ? layerList.value : [],
      basemap: base.status === 'fulfilled' ? base.value : null,
      departments: departmentList.status === 'fulfilled' ? departmentList.value : [],
      divisions: divisionList.status === 'fulfilled' ? divisionList.value : [],
    };
    const failed = [layerList, base].find((part) => part.status === 'rejected');
    if (failed) this.cityProblem = asProblem((failed as PromiseRejectedResult).reason);
    this.dispatchEvent(new Event('city'));
    this.changed();
  }

  async loadSummary(): Promise<void> {
    try {
      this.summary = await readSummary();
    } catch (error) {
      // The bar keeps the last figures; the stale mark is driven by the live connection.
      if (!this.summary) this.cityProblem ??= asProblem(error);
    }
    this.changed();
  }

  private write(push: boolean): void {
    const target = location.pathname + formatUrl(this.url);
    if (push) history.pushState(null, '', target);
    else history.replaceState(null, '', target);
    this.changed();
  }

  setFilters(patch: Partial<Filters>): void {
    this.url = { ...this.url, filters: { ...this.url.filters, ...patch } };
    this.write(true);
    this.list.reload();
    this.dispatchEvent(new Event('filters'));
  }

  clearFilters(): void {
    this.setFilters({ ...NO_FILTERS, state: 'all', sort: this.url.filters.sort });
  }

  /**
   * The map came to rest; history does not grow. The list follows the user's own moves. When the map moved to show what was
   * picked from the list, the list stays as it is under the pointer, and only the pins follow.
   */
  setView(view: View, box: Box, user: boolean): void {
    this.url = { ...this.url, view };
    this.box = box;
    this.write(false);
    if (user || !this.list.box) {
      this.list.box = box;
      this.list.reload(250);
    } else void this.list.loadPins();
  }

  setLayers(ids: string[]): void {
    this.url = { ...this.url, layers: ids };
    this.write(false);
    this.dispatchEvent(new Event('layers'));
  }

  select(selection: Selection | null): void {
    const before = this.url.selection;
    if (before?.kind === selection?.kind && before?.id === selection?.id) return;
    this.url = { ...this.url, selection };
    this.write(true);
    this.detail.show(selection);
    this.dispatchEvent(new Event('selection'));
  }

  get layersOn(): string[] {
    return this.url.layers ?? ['cases', 'cells', 'components'];
  }
}

export const store = new Store();

/** Redraws its host whenever the store changes. */
export class Watch implements ReactiveController {
  private readonly redraw: () => void;

  constructor(host: ReactiveControllerHost) {
    this.redraw = () => host.requestUpdate();
    host.addController(this);
  }

  hostConnected(): void {
    store.addEventListener('change', this.redraw);
  }

  hostDisconnected(): void {
    store.removeEventListener('change', this.redraw);
  }
}
