import { describe, expect, it } from 'vitest';
import type { StyleFragment } from '../src/api/city';
import type { Layer } from '../src/api/types';
import { buildStyle, painted } from '../src/map/style';

const layer = (id: string, more: Partial<Layer> = {}): Layer => ({
  id,
  title: { zh: id, en: id },
  geometry: 'point',
  role: 'core',
  min_zoom: 8,
  from_zoom: 14,
  max_zoom: 16,
  style: [],
  tiles: `http://city/tiles/${id}/{z}/{x}/{y}.mvt`,
  attribution: '',
  live: null,
  ...more,
});
const base: StyleFragment = {
  sources: {
    roads: { type: 'vector', tiles: ['r'], minzoom: 8, maxzoom: 16, attribution: '' },
    cells: { type: 'vector', tiles: ['c'], minzoom: 8, maxzoom: 16, attribution: '' },
  },
  layers: [
    { id: 'land', type: 'background', paint: { 'background-color': '#fff' } },
    { id: 'roads-line', type: 'line', source: 'roads', 'source-layer': 'roads' },
    { id: 'cells-lines', type: 'line', source: 'cells', 'source-layer': 'cells' },
  ],
};
const parts = {
  base,
  withGround: true,
  layers: [
    layer('cells', { geometry: 'polygon' }),
    layer('components'),
    layer('cases'),
    layer('roads', { role: 'base' }),
  ],
  on: new Set(['cells', 'components']),
  colour: (token: string) => `#${token}`,
};
const visibility = (style: ReturnType<typeof buildStyle>, id: string) =>
  (style.layers.find((one) => one.id === id)?.layout as { visibility: string } | undefined)?.visibility;

describe('the style of the map', () => {
  it('draws the basemap first and cases not at all, because they are markers', () => {
    const style = buildStyle(parts);
    expect(style.layers[0]?.id).toBe('land');
    expect(style.layers.some((one) => one.source === 'cases')).toBe(false);
    expect(style.sources).toHaveProperty('components');
  });

  it('switches a layer with its switch and leaves the ground alone', () => {
    const style = buildStyle({ ...parts, on: new Set(['components']) });
    expect(visibility(style, 'cells-lines')).toBe('none');
    expect(visibility(style, 'components-points')).toBe('visible');
    expect(visibility(style, 'roads-line')).toBeUndefined();
  });

  it('leaves our ground out over an outside basemap', () => {
    const ids = buildStyle({ ...parts, withGround: false }).layers.map((one) => one.id);
    expect(ids).not.toContain('land');
    expect(ids).not.toContain('roads-line');
    expect(ids).toContain('cells-lines');
  });

  it('gives cells a face that answers to a click', () => {
    expect(buildStyle(parts).layers.some((one) => one.id === 'cells-face')).toBe(true);
  });

  it('paints tokens at any depth', () => {
    expect(painted(['match', 'a', '@ok', ['x', '@late']], (token) => token.toUpperCase())).toEqual([
      'match',
      'a',
      'OK',
      ['x', 'LATE'],
    ]);
  });

  it('shows a layer that brings no style of its own', () => {
    const style = buildStyle({ ...parts, layers: [layer('trees', { role: 'theme' })], on: new Set(['trees']) });
    expect(style.layers.some((one) => one.source === 'trees' && one.type === 'circle')).toBe(true);
  });
});
