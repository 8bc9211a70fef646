import { describe, expect, it } from 'vitest';
import './setup';
import type { LayerPage } from '../src/api/city';
import { emptiness } from '../src/console/empty-list';
import { cityBox, usable } from '../src/console/start-view';

const square = (west: number, south: number, side: number): GeoJSON.Feature => ({
  type: 'Feature',
  properties: {},
  geometry: {
    type: 'MultiPolygon',
    coordinates: [
      [
        [
          [west, south],
          [west + side, south],
          [west + side, south + side],
          [west, south],
        ],
      ],
    ],
  },
});
const server = (layers: Record<string, GeoJSON.Feature[]>) => async (id: string) => {
  const features = layers[id];
  if (!features) throw new Error(`no ${id}`);
  return { type: 'FeatureCollection', features } as LayerPage;
};

describe('a city without cases', () => {
  it('opens at its bounds', async () => {
    expect(await cityBox([9.5, 47.1, 9.6, 47.2], ['divisions'], server({}))).toEqual([9.5, 47.1, 9.6, 47.2]);
  });

  it('opens around its divisions when no bounds were written down, else around its cells', async () => {
    const both = server({ divisions: [square(1, 2, 1), square(3, 4, 1)], cells: [square(1, 2, 0.1)] });
    expect(await cityBox(null, ['cells', 'divisions'], both)).toEqual([1, 2, 4, 5]);
    expect(await cityBox(null, ['cells', 'divisions'], server({ cells: [square(1, 2, 1)] }))).toEqual([1, 2, 2, 3]);
    expect(await cityBox(null, ['cells'], server({ divisions: [], cells: [square(5, 6, 1)] }))).toEqual([5, 6, 6, 7]);
  });

  it('has no place when there is nothing in it, and bounds that span nothing are none', async () => {
    expect(await cityBox(null, ['cells', 'divisions'], server({ divisions: [], cells: [] }))).toBeNull();
    expect(usable([0, 0, 0, 0])).toBeNull();
    expect(usable([1, 2, 3])).toBeNull();
    expect(usable([1, 2, Number.NaN, 4])).toBeNull();
  });

  it('has an empty list that blames no filter', () => {
    expect(emptiness(0, 0, true)).toBe('none');
    expect(emptiness(0, 0, false)).toBe('none');
    expect(emptiness(0, 12, true)).toBe('filtered');
    expect(emptiness(0, null, true)).toBe('filtered');
    expect(emptiness(3, 12, true)).toBe('elsewhere');
  });
});
