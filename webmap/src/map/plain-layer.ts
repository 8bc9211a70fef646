/** The same city without a GPU: GeoJSON of our own layers on Leaflet's canvas. Also the phone's map. */
import L from 'leaflet';
import { type LayerPage, layerItems } from '../api/city';
import { line } from '../api/line';
import { token } from '../ui/theme';

interface Look {
  id: string;
  /** Leaflet zoom from which the layer is asked for. */
  from: number;
  limit: number;
  style: (properties: Record<string, unknown>, shape: string) => L.PathOptions;
}

const LOOKS: readonly Look[] = [
  { id: 'water', from: 11, limit: 500, style: () => ({ stroke: false, fillColor: token('water'), fillOpacity: 1 }) },
  { id: 'green', from: 13, limit: 800, style: () => ({ stroke: false, fillColor: token('green'), fillOpacity: 1 }) },
  {
    id: 'buildings',
    from: 16,
    limit: 2500,
    style: () => ({ stroke: false, fillColor: token('building'), fillOpacity: 1 }),
  },
  {
    id: 'roads',
    from: 13,
    limit: 2500,
    style: (p) => ({ color: token('road-casing'), weight: width(p) + 2, opacity: 1 }),
  },
  { id: 'roads', from: 13, limit: 2500, style: (p) => ({ color: token('road'), weight: width(p), opacity: 1 }) },
  {
    id: 'cells',
    from: 15,
    limit: 1500,
    style: () => ({ color: token('cell'), weight: 0.8, dashArray: '3 3', fillOpacity: 0 }),
  },
  {
    id: 'components',
    from: 17,
    limit: 3000,
    style: (p, shape) =>
      shape === 'Point' || shape === 'MultiPoint'
        ? ({
            color: token('surface'),
            weight: 0.6,
            fillColor: token(thing(p)),
            fillOpacity: 1,
            radius: 3,
          } as L.PathOptions)
        : { color: token(thing(p)), weight: 1.4, fill: shape.endsWith('Polygon'), fillOpacity: 0.12 },
  },
];

function width(properties: Record<string, unknown>): number {
  const wide = Number(properties.width_m ?? 0);
  return wide > 20 ? 8 : wide > 10 ? 6 : wide > 0 && wide < 6 ? 3 : 4;
}

function thing(properties: Record<string, unknown>): string {
  const major = String(properties.class_code ?? '').slice(0, 2);
  const at = ['01', '02', '03', '04', '05'].indexOf(major);
  return `thing-${at < 0 ? 6 : at + 1}`;
}

export class PlainLayer extends EventTarget {
  private readonly renderer = L.canvas({ padding: 0.2, pane: 'tilePane' });
  private shown: L.LayerGroup = L.layerGroup();
  private running: AbortController | null = null;
  private timer = 0;
  private covered: L.LatLngBounds | null = null;
  private coveredZoom = -1;
  private readonly moved = () => this.plan();
  counts = new Map<string, number>();

  constructor(
    private readonly map: L.Map,
    private readonly wanted: (id: string) => boolean = () => true,
    private readonly skip: ReadonlySet<string> = new Set(),
  ) {
    super();
    this.shown.addTo(map);
    map.on('moveend', this.moved);
    line.addEventListener('back', this.moved);
    this.plan();
  }

  private plan(after_ms = 120): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.load(), after_ms);
  }

  /** Draws again with the present palette and switches. */
  redraw(): void {
    this.covered = null;
    this.plan();
  }

  private async load(): Promise<void> {
    const box = this.map.getBounds();
    const zoom = this.map.getZoom();
    if (this.covered?.contains(box) && zoom === this.coveredZoom) return;
    // Every move would ask for every layer again; what is drawn stays, and the rest waits for the line.
    if (line.quiet) return this.plan(Math.max(120, line.wait_ms));
    const wide = box.pad(0.25);
    this.running?.abort();
    const running = new AbortController();
    this.running = running;
    const bbox = [wide.getWest(), wide.getSouth(), wide.getEast(), wide.getNorth()]
      .map((value) => value.toFixed(6))
      .join(',');
    const asked = new Map<string, Promise<LayerPage>>();
    for (const look of LOOKS)
      if (zoom >= look.from && this.wanted(look.id) && !this.skip.has(look.id) && !asked.has(look.id))
        asked.set(look.id, layerItems(look.id, { bbox, limit: look.limit }, running.signal));
    const next = L.layerGroup();
    const counts = new Map<string, number>();
    const settled = new Map<string, LayerPage>();
    let failure: unknown = null;
    // All answers are waited for, so that none of them fails unheard when the map has moved on.
    const ids = [...asked.keys()];
    const answers = await Promise.allSettled(asked.values());
    if (running.signal.aborted) return;
    answers.forEach((answer, at) => {
      if (answer.status === 'fulfilled') settled.set(ids[at]!, answer.value);
      else failure = answer.reason;
    });
    // Without any answer what is drawn is better than nothing.
    if (failure && settled.size === 0) {
      this.dispatchEvent(new CustomEvent('failed', { detail: failure }));
      return this.plan(Math.max(1000, line.wait_ms));
    }
    for (const look of LOOKS) {
      const features = settled.get(look.id);
      if (!features) continue;
      // A part of the components would look like all of them: better none, and the legend says to zoom in.
      if (look.id === 'components' && features.next) continue;
      counts.set(look.id, features.features.length);
      next.addLayer(this.draw(look, features));
    }
    if (running.signal.aborted) return;
    this.shown.remove();
    this.shown = next.addTo(this.map);
    this.counts = counts;
    if (failure) {
      this.dispatchEvent(new CustomEvent('failed', { detail: failure }));
      if (line.quiet) this.plan(line.wait_ms);
    } else {
      this.covered = wide;
      this.coveredZoom = zoom;
    }
    this.dispatchEvent(new Event('idle'));
  }

  private draw(look: Look, features: GeoJSON.FeatureCollection): L.GeoJSON {
    return L.geoJSON(features, {
      renderer: this.renderer,
      interactive: look.id === 'components' || look.id === 'cells',
      bubblingMouseEvents: true,
      style: (feature) => look.style(feature?.properties ?? {}, feature?.geometry?.type ?? ''),
      pointToLayer: (feature, latlng) =>
        L.circleMarker(latlng, { renderer: this.renderer, ...look.style(feature.properties ?? {}, 'Point') }),
      onEachFeature: (feature, layer) => {
        layer.on('click', (event: L.LeafletMouseEvent) => {
          this.dispatchEvent(
            new CustomEvent('pick', {
              detail: { layer: look.id, properties: feature.properties ?? {}, geometry: feature.geometry },
            }),
          );
          L.DomEvent.stop(event);
        });
      },
    } as L.GeoJSONOptions);
  }

  remove(): void {
    this.running?.abort();
    window.clearTimeout(this.timer);
    this.map.off('moveend', this.moved);
    line.removeEventListener('back', this.moved);
    this.shown.remove();
  }
}
