/** Cases on the map: clustered by place, each cluster ringed by the worst light inside, pins when alone. */
import L from 'leaflet';
import Supercluster from 'supercluster';
import type { PinCollection } from '../api/cases';
import type { Light } from '../api/types';
import { clusterSize, clusterSvg, lightOf, pinSvg, worse } from './pin';

interface PinProps {
  number: string;
  light: Light;
}

interface ClusterProps {
  light: Light;
}

/** From this zoom on nothing is clustered. */
const LAST_CLUSTER_ZOOM = 17;

export class CaseMarkers extends EventTarget {
  private readonly group = L.layerGroup();
  private index: Supercluster<PinProps, ClusterProps> | null = null;
  private shown = new Map<string, L.Marker>();
  private points: { number: string; lon: number; lat: number; light: Light }[] = [];
  private selected: string | null = null;
  private hinted: string | null = null;
  private visible = true;

  /** `ready` says whether the map has a view yet; before that nothing can be placed. */
  constructor(
    private readonly map: L.Map,
    private readonly ready: () => boolean,
  ) {
    super();
    this.group.addTo(map);
  }

  setVisible(visible: boolean): void {
    this.visible = visible;
    this.draw();
  }

  setPins(pins: PinCollection): void {
    this.points = [];
    for (const feature of pins.features) {
      if (!feature.geometry) continue;
      const [lon, lat] = feature.geometry.coordinates;
      this.points.push({
        number: String(feature.properties.number),
        light: lightOf(feature.properties.light),
        lon,
        lat,
      });
    }
    this.index = new Supercluster<PinProps, ClusterProps>({
      radius: 44,
      extent: 256,
      maxZoom: LAST_CLUSTER_ZOOM,
      map: (props) => ({ light: props.light }),
      reduce: (sum, props) => {
        sum.light = worse(sum.light, props.light);
      },
    });
    this.index.load(
      this.points.map((point) => ({
        type: 'Feature',
        geometry: { type: 'Point', coordinates: [point.lon, point.lat] },
        properties: { number: point.number, light: point.light },
      })),
    );
    this.draw();
  }

  /** The selected case is always a pin of its own, even when its neighbours are a cluster. */
  select(number: string | null, place: [number, number] | null, light: Light): void {
    if (number && place && !this.points.some((point) => point.number === number))
      this.points.push({ number, lon: place[0], lat: place[1], light });
    this.selected = number;
    this.draw();
  }

  hint(number: string | null): void {
    this.hinted = number;
    this.draw();
  }

  /** How many of the known cases lie in the view now. */
  inView(): number {
    const box = this.map.getBounds();
    return this.points.filter((point) => box.contains([point.lat, point.lon])).length;
  }

  /** Draws what is in view; markers that stay are kept, so that nothing flickers. */
  draw(): void {
    if (!this.ready()) return;
    const next = new Map<string, () => L.Marker>();
    if (this.visible) this.collect(next);
    for (const [key, marker] of this.shown)
      if (!next.has(key)) {
        marker.remove();
        this.shown.delete(key);
      }
    for (const [key, make] of next) if (!this.shown.has(key)) this.shown.set(key, make().addTo(this.group));
  }

  private collect(next: Map<string, () => L.Marker>): void {
    const box = this.map.getBounds().pad(0.1);
    const zoom = Math.round(this.map.getZoom());
    const alone = new Set([this.selected, this.hinted]);
    for (const point of this.points)
      if (alone.has(point.number) && box.contains([point.lat, point.lon]))
        this.pin(next, point.number, point.lon, point.lat, point.light);
    const found = this.index?.getClusters([box.getWest(), box.getSouth(), box.getEast(), box.getNorth()], zoom) ?? [];
    for (const feature of found) {
      const [lon, lat] = feature.geometry.coordinates as [number, number];
      if ('cluster' in feature.properties && feature.properties.cluster) {
        const { cluster_id: id, point_count: count, light } = feature.properties;
        next.set(`c:${lon.toFixed(5)},${lat.toFixed(5)},${count},${light}`, () =>
          this.cluster(id, count, light, lon, lat),
        );
      } else {
        const props = feature.properties as PinProps;
        if (!alone.has(props.number)) this.pin(next, props.number, lon, lat, props.light);
      }
    }
  }

  private pin(next: Map<string, () => L.Marker>, number: string, lon: number, lat: number, light: Light): void {
    const lit = number === this.selected || number === this.hinted;
    next.set(`p:${number},${lon.toFixed(6)},${lat.toFixed(6)},${light},${lit}`, () => {
      const marker = L.marker([lat, lon], {
        icon: L.divIcon({ className: 'case-pin', html: pinSvg(light, lit), iconSize: [40, 40] }),
        keyboard: false,
        zIndexOffset: lit ? 1000 : light === 'late' ? 200 : 0,
      });
      marker.on('click', () => this.dispatchEvent(new CustomEvent('pick', { detail: number })));
      return marker;
    });
  }

  private cluster(id: number, count: number, light: Light, lon: number, lat: number): L.Marker {
    const size = clusterSize(count);
    const marker = L.marker([lat, lon], {
      icon: L.divIcon({ className: 'case-cluster', html: clusterSvg(light, count), iconSize: [size, size] }),
      keyboard: false,
      zIndexOffset: 100,
    });
    marker.on('click', () => {
      const zoom = this.index?.getClusterExpansionZoom(id) ?? this.map.getZoom() + 2;
      this.map.setView([lat, lon], Math.min(19, Math.max(zoom, this.map.getZoom() + 1)));
    });
    return marker;
  }
}
