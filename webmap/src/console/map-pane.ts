/** The map with its workbench and tools. Hears the store, tells the store; never moves by itself once touched. */
import { html, nothing } from 'lit';
import { casePins } from '../api/cases';
import { readCell } from '../api/city';
import { asProblem, type Problem } from '../api/problem';
import type { Box } from '../api/types';
import { t } from '../i18n';
import { CityMap, type Pick } from '../map/city-map';
import { Element } from '../ui/element';
import { icon } from '../ui/icon';
import { problemNote, technicalNote } from '../ui/problem';
import { theme } from '../ui/theme';
import { caseQuery } from './case-list';
import { boxOf, cityBox, flat } from './start-view';
import { store, Watch } from './store';
import './workbench';

export class MapPane extends Element {
  private city: CityMap | null = null;
  private measuring = false;
  private plain = false;
  private problem: Problem | null = null;
  private noCity = false;
  /** What the map engine last complained about; cleared when it comes to rest. */
  private mapTrouble = '';
  private cells = new Map<string, GeoJSON.Geometry | null>();
  private readonly hears: [EventTarget, string, (event: Event) => void][] = [
    [store, 'city', () => void this.show()],
    [store, 'pins', () => this.setPins()],
    [store, 'layers', () => this.city?.setLayers(store.layersOn)],
    [store, 'detail', () => void this.light(false)],
    [store, 'selection', () => void this.light(true)],
    [store, 'navigated', () => this.navigated()],
    [store, 'reveal', () => void this.light(true)],
    [store, 'fly', (event) => this.city?.reveal(...(event as CustomEvent<[number, number]>).detail)],
    [store, 'fit', () => void this.fitAll()],
    [store, 'hint', (event) => this.city?.cases.hint((event as CustomEvent<string | null>).detail)],
    [store, 'layer-change', (event) => this.city?.refresh((event as CustomEvent<string>).detail)],
    [theme, 'change', () => void this.city?.retheme()],
  ];

  constructor() {
    super();
    new Watch(this);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    for (const [target, name, hear] of this.hears) target.addEventListener(name, hear);
  }

  override disconnectedCallback(): void {
    for (const [target, name, hear] of this.hears) target.removeEventListener(name, hear);
    this.city?.remove();
    this.city = null;
    super.disconnectedCallback();
  }

  protected override firstUpdated(): void {
    const place = this.querySelector<HTMLElement>('.leaflet')!;
    const city = new CityMap(place, store.url.view);
    this.city = city;
    // The browser tests ask the map where a feature lies and what answers there.
    (place as HTMLElement & { cityMap?: CityMap }).cityMap = city;
    city.addEventListener('moved', (event) =>
      store.setView(city.view(), city.box(), (event as CustomEvent<{ user: boolean }>).detail.user),
    );
    city.addEventListener('pick', (event) => {
      const pick = (event as CustomEvent<Pick>).detail;
      store.select({ kind: pick.kind, id: pick.id });
    });
    city.addEventListener('counts', () => {
      store.counts = city.counts();
      store.changed();
    });
    city.addEventListener('failed', (event) => {
      // Single tiles may fail and come back; the message says so once, and the list goes on working.
      this.mapTrouble = String(((event as CustomEvent).detail as Error | undefined)?.message ?? '');
      this.requestUpdate();
    });
    city.addEventListener('counts', () => {
      if (!this.mapTrouble) return;
      this.mapTrouble = '';
      this.requestUpdate();
    });
    city.addEventListener('plain', () => {
      this.plain = true;
      this.requestUpdate();
    });
    if (store.url.view) store.setView(city.view(), city.box(), true);
    if (store.city.layers.length) void this.show();
  }

  private async show(): Promise<void> {
    const city = this.city;
    if (!city) return;
    if (!city.placed) await this.fitAll();
    await city.show(store.city.layers, store.city.basemap, store.layersOn);
    if (store.list.pins) this.setPins();
    void this.light(false);
  }

  /** Everything that fits the filters, wherever it is; the city when there is nothing or the filters make no sense. */
  private async fitAll(): Promise<void> {
    const city = this.city;
    if (!city) return;
    try {
      const pins = await casePins({ ...caseQuery(store.url.filters), limit: 2000 });
      const box = boxOf(
        pins.features.map((feature) => feature.geometry?.coordinates).filter((place) => place !== undefined) as [
          number,
          number,
        ][],
      );
      this.problem = null;
      if (box) city.fit(box);
      else await this.fitCity(city);
    } catch (error) {
      const problem = asProblem(error);
      // A filter that makes no sense is told by the list, with the way to take it off.
      this.problem = problem.status === 400 || problem.status === 422 ? null : problem;
      this.requestUpdate();
      if (!city.placed) await this.fitCity(city);
    }
  }

  private async fitCity(city: CityMap): Promise<void> {
    const { basemap, layers } = store.city;
    const box = await cityBox(
      basemap?.city?.bounds,
      layers.map((layer) => layer.id),
    );
    // The pane may have gone while the server was asked.
    if (this.city !== city) return;
    this.noCity = box === null && basemap !== null && !basemap.city;
    city.fit(box ?? WORLD);
    this.requestUpdate();
  }

  private setPins(): void {
    if (store.list.pins) this.city?.setPins(store.list.pins);
    void this.light(false);
  }

  private navigated(): void {
    const view = store.url.view;
    if (view && this.city) this.city.setView(view);
    this.city?.setLayers(store.layersOn);
    void this.light(false);
  }

  /** Draws the selection; `go` = the user asked for it just now, so the map may follow. */
  private async light(go: boolean): Promise<void> {
    const city = this.city;
    if (!city?.placed) return;
    const { selection } = store.url;
    const { detail } = store;
    if (!selection) return city.select(null, null);
    const ready = detail.state === 'ready' && detail.selection?.id === selection.id;
    if (selection.kind === 'case') {
      const item = ready ? detail.caseData : store.list.items.find((row) => row.number === selection.id);
      if (!item) return;
      const place: [number, number] | null = item.lon !== null && item.lat !== null ? [item.lon, item.lat] : null;
      city.select({ number: item.number, place, light: item.light }, this.cells.get(item.cell_code) ?? null);
      if (go && place) city.reveal(place[0], place[1]);
      if (!this.cells.has(item.cell_code)) {
        await this.loadCell(item.cell_code);
        void this.light(false);
      }
    } else if (selection.kind === 'component' && ready && detail.component) {
      const geometry = detail.component.geometry ?? null;
      city.select(null, geometry);
      const box = geometry && boxOf(flat(geometry));
      if (box && store.detail.round === 1) city.reveal((box[0] + box[2]) / 2, (box[1] + box[3]) / 2);
    } else if (selection.kind === 'cell' && ready && detail.cell) {
      const geometry = detail.cell.geometry ?? null;
      city.select(null, geometry);
      const box = geometry && boxOf(flat(geometry));
      if (box && store.detail.round === 1) city.reveal((box[0] + box[2]) / 2, (box[1] + box[3]) / 2);
    }
  }

  private async loadCell(code: string): Promise<void> {
    this.cells.set(code, null);
    try {
      const cell = await readCell(code);
      this.cells.set(code, cell.geometry ?? null);
    } catch {
      // The case is shown all the same, without the outline of its cell.
      this.cells.set(code, null);
    }
  }

  private measure(): void {
    const city = this.city;
    if (!city) return;
    this.measuring = !this.measuring;
    if (this.measuring) city.measure.start();
    else city.measure.stop();
    this.requestUpdate();
  }

  protected override render() {
    const problem = this.problem ?? store.cityProblem;
    return html`<section class="map" aria-label=${t('map.title')} @keydown=${(event: KeyboardEvent) => {
      if (event.key === 'Escape' && this.measuring) {
        event.stopPropagation();
        this.measure();
      }
    }}>
      <div class="leaflet" role="application" aria-label=${t('map.label')}></div>
      ${store.url.selection?.kind === 'new' ? html`<span class="cross" aria-hidden="true"></span>` : nothing}
      <co-workbench></co-workbench>
      <div class="panel tools" role="toolbar" aria-label=${t('map.tools')}>
        <button type="button" aria-label=${t('map.zoom_in')} title=${t('map.zoom_in')} @click=${() => this.city?.zoom(1)}>${icon('plus')}</button>
        <button type="button" aria-label=${t('map.zoom_out')} title=${t('map.zoom_out')} @click=${() => this.city?.zoom(-1)}>${icon('minus')}</button>
        <button type="button" aria-label=${t('map.fit')} title=${t('map.fit')} @click=${() => void this.fitAll()}>${icon('crosshair')}</button>
        <button type="button" aria-label=${t('map.measure')} title=${t('map.measure')} aria-pressed=${this.measuring ? 'true' : 'false'} @click=${() => this.measure()}>${icon('ruler')}</button>
      </div>
      <div class="notices">
        ${this.noCity ? html`<p class="panel" role="status">${t('map.no_city')}</p>` : nothing}
        ${this.plain ? html`<p class="panel" role="status">${t('map.no_gl')}</p>` : nothing}
        ${this.measuring ? html`<p class="panel" role="status">${t('map.measuring')}</p>` : nothing}
        ${this.mapTrouble ? html`<div class="panel" role="status">${t('map.trouble')} ${technicalNote(this.mapTrouble)}</div>` : nothing}
        ${store.list.pinsCut ? html`<p class="panel" role="status">${t('map.pins_cut', { n: store.list.pins?.features.length ?? 0 })}</p>` : nothing}
        ${problem ? html`<div class="panel">${problemNote(problem, () => void store.loadCity())}</div>` : nothing}
      </div>
    </section>`;
  }
}

/** Where a database without any city in it opens; the notice says that there is none. */
const WORLD: Box = [-170, -60, 170, 75];
customElements.define('co-map-pane', MapPane);
