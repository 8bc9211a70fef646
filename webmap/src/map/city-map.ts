/**
 * The map as the rest of the console knows it. Everything about Leaflet and MapLibre stays in this folder; the others call
 * the methods below and hear the events `moved` (CustomEvent<{user}>), `pick` (CustomEvent<Pick>), `counts`, `plain`, `failed`.
 */
import L from 'leaflet';
import 'leaflet/dist/leaflet.css';
import './map.css';
import type { PinCollection } from '../api/cases';
import type { Basemap } from '../api/city';
import type { Box, Layer, Light } from '../api/types';
import { currentTheme, token } from '../ui/theme';
import type { View } from '../url';
import { CaseMarkers } from './case-markers';
import type { GlLayer, Picked } from './gl-layer';
import { Measure } from './measure';
import { PlainLayer } from './plain-layer';
import type { Ground } from './pmtiles';
import { buildStyle } from './style';

export type Pick = { kind: 'case' | 'component' | 'cell'; id: string };

/** GL zoom levels count 512 px tiles, Leaflet's 256 px ones. */
export const GL_OFFSET = 1;

function webglWorks(): boolean {
  try {
    return document.createElement('canvas').getContext('webgl2') !== null;
  } catch {
    // A browser that throws here has no GL for us either.
    return false;
  }
}

/** Attributions come from data; Leaflet would take them for HTML. */
function escaped(text: string): string {
  const place = document.createElement('span');
  place.textContent = text;
  return place.innerHTML;
}

export class CityMap extends EventTarget {
  readonly map: L.Map;
  readonly cases: CaseMarkers;
  readonly measure: Measure;
  /** True while a move is our own doing (a selection shown, the pane resized), false while it is the user's. */
  private ours = false;
  private readonly sized = new ResizeObserver(() => {
    this.ours = true;
    this.map.invalidateSize({ pan: false });
    this.ours = false;
  });
  plain: PlainLayer | null = null;
  gl: GlLayer | null = null;
  private layers: Layer[] = [];
  private basemap: Basemap | null = null;
  private on = new Set<string>();
  private outside: L.LayerGroup | null = null;
  private ground: Ground | null = null;
  private readonly credits = L.control.attribution({ prefix: false, position: 'bottomright' });
  private readonly highlight: L.GeoJSON;

  constructor(container: HTMLElement, view: View | null) {
    super();
    this.map = L.map(container, {
      zoomControl: false,
      attributionControl: false,
      minZoom: 3,
      maxZoom: 20,
      zoomSnap: 0.5,
      wheelPxPerZoomLevel: 100,
      maxBounds: [
        [-85, -180],
        [85, 180],
      ],
    });
    this.map.createPane('outside').classList.add('pane-outside');
    this.credits.addTo(this.map);
    L.control.scale({ imperial: false, position: 'bottomright' }).addTo(this.map);
    this.highlight = L.geoJSON(undefined, {
      interactive: false,
      style: { className: 'highlight' },
      pointToLayer: (_feature, place) =>
        L.circleMarker(place, { radius: 9, className: 'highlight-point', interactive: false }),
    }).addTo(this.map);
    this.cases = new CaseMarkers(this.map, () => this.placed);
    this.cases.addEventListener('pick', (event) =>
      this.picked({ kind: 'case', id: (event as CustomEvent<string>).detail }),
    );
    this.measure = new Measure(this.map);
    if (view) this.map.setView([view.lat, view.lon], view.zoom);
    this.map.on('moveend', () => {
      this.cases.draw();
      this.dispatchEvent(new CustomEvent('moved', { detail: { user: !this.ours } }));
      this.ours = false;
    });
    this.map.on('click', (event) => this.clicked(event.latlng));
    this.sized.observe(container);
  }

  remove(): void {
    this.sized.disconnect();
    this.plain?.remove();
    this.map.remove();
  }

  get placed(): boolean {
    // Leaflet keeps this flag itself but does not publish it; before a view is set most methods throw.
    return Boolean((this.map as unknown as { _loaded?: boolean })._loaded);
  }

  view(): View {
    const centre = this.map.getCenter();
    return { lon: centre.lng, lat: centre.lat, zoom: this.map.getZoom() };
  }

  box(): Box {
    const box = this.map.getBounds();
    return [box.getWest(), box.getSouth(), box.getEast(), box.getNorth()];
  }

  setView(view: View): void {
    this.map.setView([view.lat, view.lon], view.zoom);
  }

  fit(box: Box): void {
    const [west, south, east, north] = box;
    this.map.fitBounds(
      [
        [south, west],
        [north, east],
      ],
      { maxZoom: 17, padding: [40, 40] },
    );
  }

  /** Brings a place into view: pans only when it is outside or under the edge. */
  reveal(lon: number, lat: number): void {
    const size = this.map.getSize();
    const point = this.map.latLngToContainerPoint([lat, lon]);
    const inside = point.x > 40 && point.y > 40 && point.x < size.x - 40 && point.y < size.y - 40;
    if (inside && this.map.getZoom() >= 14) return;
    this.ours = true;
    this.map.setView([lat, lon], Math.max(16, this.map.getZoom()));
  }

  zoom(by: number): void {
    this.map.zoomIn(by);
  }

  /** Puts the city's layers on: GL when the browser has it, else plain GeoJSON. */
  async show(layers: Layer[], basemap: Basemap | null, on: string[]): Promise<void> {
    this.layers = layers;
    this.basemap = basemap;
    this.on = new Set(on);
    this.cases.setVisible(this.on.has('cases'));
    this.showOutside();
    const credit = basemap?.city?.attribution;
    if (credit) this.credits.addAttribution(escaped(credit));
    if (!webglWorks()) return this.goPlain();
    try {
      const { GlLayer } = await import('./gl-layer');
      await this.loadPmtiles();
      if (this.gl) this.gl.setStyle(this.style());
      else {
        this.gl = new GlLayer(this.map, this.style());
        this.gl.addEventListener('idle', () => this.dispatchEvent(new Event('counts')));
        this.gl.addEventListener('failed', (event) =>
          this.dispatchEvent(new CustomEvent('failed', { detail: (event as CustomEvent).detail })),
        );
      }
    } catch (error) {
      // The driver refused after all (a lost or blocked context): the plain map still works.
      this.dispatchEvent(new CustomEvent('failed', { detail: error }));
      this.goPlain();
    }
  }

  private goPlain(): void {
    this.plain ??= new PlainLayer(this.map, (id) => !['cells', 'components'].includes(id) || this.on.has(id));
    this.plain.addEventListener('idle', () => this.dispatchEvent(new Event('counts')));
    this.plain.addEventListener('pick', (event) => {
      if (!this.measure.on) this.pickedFeature((event as CustomEvent<Picked>).detail);
    });
    this.dispatchEvent(new Event('plain'));
  }

  private showOutside(): void {
    const outside = this.basemap?.outside;
    this.outside?.remove();
    this.outside = null;
    if (outside?.kind !== 'raster') return;
    const options = {
      pane: 'outside',
      maxNativeZoom: outside.max_zoom ?? 18,
      maxZoom: 20,
      tileSize: outside.tile_size ?? 256,
      attribution: outside.attribution,
    };
    const sheet = (urls: string[] | undefined) => {
      // Several hosts answer for the same tiles; Leaflet wants one address with {s}.
      const [first] = urls ?? [];
      return first ? L.tileLayer(first, options) : null;
    };
    this.outside = L.layerGroup(
      [sheet(outside.tiles), sheet(outside.label_tiles)].filter((layer) => layer !== null),
    ).addTo(this.map);
  }

  /** Reads the PMTiles file of the settings; our own ground stays when it cannot be read. */
  private async loadPmtiles(): Promise<void> {
    const outside = this.basemap?.outside;
    this.ground = null;
    if (outside?.kind !== 'pmtiles' || !outside.url) return;
    try {
      const { ground } = await import('./pmtiles');
      this.ground = await ground(outside.url, outside.attribution, token);
    } catch (error) {
      this.dispatchEvent(new CustomEvent('failed', { detail: error }));
    }
  }

  private style(): unknown {
    return buildStyle({
      base: this.basemap?.[currentTheme()] ?? null,
      withGround: !this.outside && !this.ground,
      outside: this.ground,
      layers: this.layers,
      on: this.on,
      colour: token,
    });
  }

  async retheme(): Promise<void> {
    await this.loadPmtiles();
    this.gl?.setStyle(this.style());
    this.plain?.redraw();
  }

  setLayers(on: string[]): void {
    this.on = new Set(on);
    this.cases.setVisible(this.on.has('cases'));
    for (const layer of this.layers) if (layer.role !== 'base') this.gl?.setVisible(layer.id, this.on.has(layer.id));
    this.plain?.redraw();
    this.dispatchEvent(new Event('counts'));
  }

  refresh(topic: string): void {
    for (const layer of this.layers) if (layer.live === topic && layer.id !== 'cases') this.gl?.refresh(layer.id);
  }

  setPins(pins: PinCollection): void {
    if (!this.placed) return;
    this.cases.setPins(pins);
    this.dispatchEvent(new Event('counts'));
  }

  /** Lights up what is selected: a ring around a case, the outline of a cell or a thing. */
  select(
    selected: { number: string; place: [number, number] | null; light: Light } | null,
    geometry: GeoJSON.Geometry | null,
  ): void {
    if (!this.placed) return;
    this.highlight.clearLayers();
    if (geometry) this.highlight.addData(geometry as GeoJSON.GeoJsonObject);
    this.cases.select(selected?.number ?? null, selected?.place ?? null, selected?.light ?? 'ok');
  }

  /** How many things of each layer are in view; null = this zoom does not show them. */
  counts(): Record<string, number | null> {
    const out: Record<string, number | null> = {};
    if (!this.placed) return out;
    const box = this.map.getBounds();
    out.cases = this.cases.inView();
    for (const layer of this.layers) {
      if (layer.role === 'base' || layer.id === 'cases') continue;
      if (!this.on.has(layer.id)) continue;
      if (this.gl)
        out[layer.id] = this.map.getZoom() - GL_OFFSET < layer.min_zoom ? null : this.gl.count(layer.id, box);
      else if (this.plain) out[layer.id] = this.plain.counts.get(layer.id) ?? null;
    }
    return out;
  }

  private clicked(place: L.LatLng): void {
    if (this.measure.on || !this.gl) return;
    const pickable = this.layers
      .filter((layer) => layer.role !== 'base' && this.on.has(layer.id))
      .map((layer) => layer.id);
    const [hit] = this.gl.pick(place.lng, place.lat, pickable);
    if (hit) this.pickedFeature(hit);
  }

  private pickedFeature(hit: Picked): void {
    const code = hit.properties.code;
    if (hit.layer === 'components' && code && hit.properties.n === undefined)
      this.picked({ kind: 'component', id: String(code) });
    else if (hit.layer === 'cells' && code) this.picked({ kind: 'cell', id: String(code) });
  }

  private picked(pick: Pick): void {
    this.dispatchEvent(new CustomEvent('pick', { detail: pick }));
  }
}
