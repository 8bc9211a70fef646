/** The measuring tape: press points on the map, read the length; Esc or the button ends it. */
import L from 'leaflet';
import { distance } from '../time';

export class Measure {
  private points: L.LatLng[] = [];
  private readonly group = L.layerGroup();
  private readonly pressed = (event: L.LeafletMouseEvent) => this.add(event.latlng);

  constructor(private readonly map: L.Map) {}

  get on(): boolean {
    return this.map.hasLayer(this.group);
  }

  start(): void {
    this.points = [];
    this.group.clearLayers().addTo(this.map);
    this.map.on('click', this.pressed);
    this.map.getContainer().classList.add('measuring');
  }

  stop(): void {
    this.group.remove();
    this.map.off('click', this.pressed);
    this.map.getContainer().classList.remove('measuring');
  }

  private add(point: L.LatLng): void {
    this.points.push(point);
    this.group.clearLayers();
    L.polyline(this.points, { className: 'tape', interactive: false }).addTo(this.group);
    let sum = 0;
    this.points.forEach((at, number) => {
      if (number > 0) sum += this.points[number - 1]!.distanceTo(at);
      const dot = L.circleMarker(at, { radius: 4, className: 'tape-dot', interactive: false }).addTo(this.group);
      if (number > 0 && number === this.points.length - 1)
        dot.bindTooltip(distance(sum), { permanent: true, direction: 'right', className: 'tape-label' }).openTooltip();
    });
  }
}
