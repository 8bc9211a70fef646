/** The one GL canvas with all vector tiles; loaded lazily, after the shell. Picking goes through geography, never through pixels. */
import { maplibreGL } from '@maplibre/maplibre-gl-leaflet';
import type L from 'leaflet';
import { type Map as GlMap, type StyleSpecification, setWorkerUrl } from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url';

setWorkerUrl(workerUrl);

export interface Picked {
  layer: string;
  properties: Record<string, unknown>;
  geometry: GeoJSON.Geometry;
}

/** Half the side in px of the square in which a small thing is still hit. */
const REACH = 6;

export class GlLayer extends EventTarget {
  private readonly layer: L.MaplibreGL;

  constructor(map: L.Map, style: unknown) {
    super();
    this.layer = maplibreGL({
      style: style as StyleSpecification,
      attributionControl: false,
      interactive: false,
      fadeDuration: 0,
      minZoom: 1,
      maxZoom: 20,
      canvasContextAttributes: { failIfMajorPerformanceCaveat: false, antialias: false },
    } as unknown as L.LeafletMaplibreGLOptions);
    this.layer.addTo(map);
    const gl = this.gl;
    gl.on('idle', () => this.dispatchEvent(new Event('idle')));
    gl.on('error', (event) => this.dispatchEvent(new CustomEvent('failed', { detail: event.error })));
  }

  get gl(): GlMap {
    return this.layer.getMaplibreMap();
  }

  setStyle(style: unknown): void {
    this.gl.setStyle(style as StyleSpecification, { diff: true });
  }

  setVisible(layer: string, visible: boolean): void {
    for (const drawn of this.gl.getStyle()?.layers ?? [])
      if ('source' in drawn && drawn.source === layer)
        this.gl.setLayoutProperty(drawn.id, 'visibility', visible ? 'visible' : 'none');
  }

  /** Fetches a layer's tiles again after a change; tiles that stayed the same answer 304. */
  refresh(layer: string): void {
    if (this.gl.getSource(layer)) this.gl.refreshTiles(layer);
  }

  /** What lies at a place, the smallest geometry first; `layers` are catalogue ids. */
  pick(lon: number, lat: number, layers: readonly string[]): Picked[] {
    const at = this.gl.project([lon, lat]);
    const box: [[number, number], [number, number]] = [
      [at.x - REACH, at.y - REACH],
      [at.x + REACH, at.y + REACH],
    ];
    const ids = this.styleLayers(layers);
    if (ids.length === 0) return [];
    const near = this.gl.queryRenderedFeatures(box, { layers: ids });
    const inside = this.gl.queryRenderedFeatures([at.x, at.y], { layers: ids });
    const order = {
      Point: 0,
      MultiPoint: 0,
      LineString: 1,
      MultiLineString: 1,
      Polygon: 2,
      MultiPolygon: 2,
      GeometryCollection: 3,
    };
    const hits = [
      ...near.filter((feature) => order[feature.geometry.type] < 2),
      ...inside.filter((feature) => order[feature.geometry.type] >= 2),
    ];
    const distance = (geometry: GeoJSON.Geometry) => {
      if (geometry.type !== 'Point') return 0;
      const point = this.gl.project(geometry.coordinates as [number, number]);
      return Math.hypot(point.x - at.x, point.y - at.y);
    };
    return hits
      .map((feature) => ({
        layer: feature.source,
        properties: feature.properties ?? {},
        geometry: feature.geometry as GeoJSON.Geometry,
      }))
      .sort((a, b) => order[a.geometry.type] - order[b.geometry.type] || distance(a.geometry) - distance(b.geometry));
  }

  private styleLayers(layers: readonly string[]): string[] {
    return (this.gl.getStyle()?.layers ?? [])
      .filter(
        (layer) => 'source' in layer && layers.includes(String(layer.source)) && layer.layout?.visibility !== 'none',
      )
      .map((layer) => layer.id);
  }

  /** How many things of a layer are in view: single ones once each, aggregates by their `n`. */
  count(layer: string, box: L.LatLngBounds): number {
    const ids = this.styleLayers([layer]);
    if (ids.length === 0) return 0;
    const west = this.gl.project([box.getWest(), box.getNorth()]);
    const east = this.gl.project([box.getEast(), box.getSouth()]);
    const seen = new Map<unknown, number>();
    for (const feature of this.gl.queryRenderedFeatures(
      [
        [west.x, west.y],
        [east.x, east.y],
      ],
      { layers: ids },
    ))
      seen.set(
        feature.id ?? feature.properties?.code ?? JSON.stringify(feature.properties),
        Number(feature.properties?.n ?? 1),
      );
    let sum = 0;
    for (const n of seen.values()) sum += n;
    return sum;
  }

  remove(): void {
    this.layer.remove();
  }
}
