/** The phone's map: our own layers as GeoJSON on a canvas, the tasks as pins, the phone's place with its accuracy. */
import L from 'leaflet';
import 'leaflet/dist/leaflet.css';
import '../map/map.css';
import { pinSvg } from '../map/pin';
import { PlainLayer } from '../map/plain-layer';
import { theme } from '../ui/theme';
import { phone } from './phone';

export class PhoneMap {
  readonly map: L.Map;
  readonly plain: PlainLayer;
  /** The user moved it by hand since it last followed. */
  touched = false;
  private readonly pins = L.layerGroup();
  private readonly me = L.layerGroup();
  private readonly retheme = () => this.plain.redraw();
  private readonly sized = new ResizeObserver(() => this.map.invalidateSize({ pan: false }));
  private readonly credits = L.control.attribution({ prefix: false, position: 'bottomleft' });
  private credited = false;
  private following = false;
  private followed: object | null = null;

  constructor(container: HTMLElement, centre: [lon: number, lat: number], zoom: number, withTasks: boolean) {
    this.map = L.map(container, {
      zoomControl: false,
      attributionControl: false,
      minZoom: 10,
      maxZoom: 20,
      center: [centre[1], centre[0]],
      zoom,
    });
    this.credits.addTo(this.map);
    this.plain = new PlainLayer(this.map);
    this.pins.addTo(this.map);
    this.me.addTo(this.map);
    this.map.on('dragstart', () => {
      this.touched = true;
    });
    theme.addEventListener('change', this.retheme);
    this.sized.observe(container);
    this.drawMe();
    if (withTasks) this.drawTasks();
  }

  drawMe(): void {
    if (phone.credit && !this.credited) {
      this.credits.addAttribution(escaped(phone.credit));
      this.credited = true;
    }
    this.me.clearLayers();
    const { fix } = phone.position;
    if (!fix) return;
    L.circle([fix.lat, fix.lon], { radius: fix.accuracy_m, className: 'me-circle', interactive: false }).addTo(this.me);
    L.circleMarker([fix.lat, fix.lon], { radius: 8, className: 'me-dot', interactive: false }).addTo(this.me);
    if (!this.following || this.touched || this.followed === fix) return;
    this.followed = fix;
    this.map.setView([fix.lat, fix.lon], undefined, { animate: false });
  }

  /** Keeps the phone's place in the middle until the user drags the map. */
  follow(): void {
    this.following = true;
    this.touched = false;
    this.followed = null;
    this.drawMe();
  }

  drawTasks(): void {
    this.pins.clearLayers();
    for (const task of phone.todo) {
      if (task.lon === null || task.lat === null) continue;
      L.marker([task.lat, task.lon], {
        icon: L.divIcon({
          className: 'case-pin',
          html: pinSvg(task.shownLight, false),
          iconSize: [48, 48],
          iconAnchor: [20, 20],
        }),
        keyboard: false,
      })
        .on('click', () => phone.go(`/task/${task.id}`))
        .addTo(this.pins);
    }
  }

  remove(): void {
    theme.removeEventListener('change', this.retheme);
    this.sized.disconnect();
    this.plain.remove();
    this.map.remove();
  }
}

/** Attributions come from data; Leaflet would take them for HTML. */
function escaped(text: string): string {
  const place = document.createElement('span');
  place.textContent = text;
  return place.innerHTML;
}

/** Where a map without a better idea opens: the phone's place, else the first task, else nothing. */
export function firstPlace(): [number, number] | null {
  const { fix } = phone.position;
  if (fix) return [fix.lon, fix.lat];
  const task = phone.tasks.find((item) => item.lon !== null && item.lat !== null);
  return task ? [task.lon!, task.lat!] : null;
}
