/** The drawn marks of cases on the map: four shapes for four lights, and a ring for a cluster that shows its worst one. */
import type { Light } from '../api/types';

const RANK: Record<Light, number> = { late: 3, soon: 2, ok: 1, paused: 0 };

const OUTLINE: Record<Light, string> = {
  ok: '<rect x="-9" y="-9" width="18" height="18" rx="5.5"/>',
  soon: '<path d="M-9 7.5V-.5A9 9 0 0 1 9 -.5V7.5A1.5 1.5 0 0 1 7.5 9H-7.5A1.5 1.5 0 0 1 -9 7.5Z"/>',
  late: '<circle r="10"/>',
  paused: '<rect x="-8.5" y="-8.5" width="17" height="17" rx="2"/>',
};
const INNER: Record<Light, string> = {
  ok: '<circle class="in" r="3"/>',
  soon: '<path class="in" d="M0 -4L4.2 3.4H-4.2Z"/>',
  late: '<path class="in" d="M-1.3 -5h2.6v6h-2.6zM-1.3 2.4h2.6v2.6h-2.6z"/>',
  paused: '<path class="in" d="M-3.4 -3.8h2.3v7.6h-2.3zM1.1 -3.8h2.3v7.6h-2.3z"/>',
};

export function lightOf(value: unknown): Light {
  return value === 'late' || value === 'soon' || value === 'paused' ? value : 'ok';
}

export function worse(a: Light, b: Light): Light {
  return RANK[b] > RANK[a] ? b : a;
}

export function pinSvg(light: Light, selected: boolean): string {
  const ring = selected ? '<circle class="ring" r="16.5"/>' : '';
  return `<svg class="pin ${light}" viewBox="-20 -20 40 40" width="40" height="40" aria-hidden="true">${ring}<g class="out">${OUTLINE[light]}</g>${INNER[light]}</svg>`;
}

/** Size in px of a cluster's disc: grows slowly with its count. */
export function clusterSize(count: number): number {
  return count < 10 ? 32 : count < 100 ? 36 : count < 1000 ? 42 : 48;
}

export function clusterSvg(light: Light, count: number): string {
  const size = clusterSize(count);
  const r = size / 2 - 3;
  const text = count < 1000 ? String(count) : `${(count / 1000).toFixed(count < 10_000 ? 1 : 0)}k`;
  return `<svg class="cluster ${light}" viewBox="${-size / 2} ${-size / 2} ${size} ${size}" width="${size}" height="${size}" aria-hidden="true"><circle r="${r}"/><text y="4">${text}</text></svg>`;
}
