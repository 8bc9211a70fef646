/** Where the map opens when the address names no place: at the cases, else at the city, wherever its outline comes from. */
import { layerItems } from '../api/city';
import type { Box } from '../api/types';

/** Layers that know where the city lies, the coarsest first. */
const OUTLINES = ['divisions', 'cells'];
/** Enough to know the extent of a city from its divisions; of its cells a part is enough to be in the right place. */
const MOST = 1000;

/** Bounds as a box, or null when they are missing or span nothing. */
export function usable(bounds: readonly number[] | null | undefined): Box | null {
  if (bounds?.length !== 4 || !bounds.every(Number.isFinite)) return null;
  const [west, south, east, north] = bounds as Box;
  return west < east && south < north ? [west, south, east, north] : null;
}

/** The city's box: what was written down when it was loaded, else around its divisions or cells; null when there is no city. */
export async function cityBox(
  bounds: readonly number[] | null | undefined,
  layers: readonly string[],
  ask: typeof layerItems = layerItems,
): Promise<Box | null> {
  const known = usable(bounds);
  if (known) return known;
  for (const id of OUTLINES) {
    if (!layers.includes(id)) continue;
    try {
      const { features } = await ask(id, { limit: MOST });
      const box = boxOf(features.flatMap((feature) => (feature.geometry ? flat(feature.geometry) : [])));
      if (box) return box;
    } catch {
      // The next layer may still tell; what is wrong with the server is told by the list and the layers themselves.
    }
  }
  return null;
}

/** The box around places, or null for none. */
export function boxOf(places: readonly (readonly number[])[]): Box | null {
  if (places.length === 0) return null;
  let [west, south, east, north] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [lon = 0, lat = 0] of places) {
    west = Math.min(west, lon);
    east = Math.max(east, lon);
    south = Math.min(south, lat);
    north = Math.max(north, lat);
  }
  return [west, south, east, north];
}

/** Every position of a geometry. */
export function flat(geometry: GeoJSON.Geometry): number[][] {
  if (geometry.type === 'GeometryCollection') return geometry.geometries.flatMap(flat);
  const out: number[][] = [];
  const walk = (value: unknown): void => {
    if (!Array.isArray(value)) return;
    if (typeof value[0] === 'number') out.push(value as number[]);
    else value.forEach(walk);
  };
  walk(geometry.coordinates);
  return out;
}
