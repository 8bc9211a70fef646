/** The MapLibre style of the console: the city's basemap below, the catalogue's layers above, in the colours of the theme. Pure. */
import type { StyleFragment } from '../api/city';
import type { Layer, StyleRule } from '../api/types';

export interface StyleParts {
  base: StyleFragment | null;
  /** With an outside basemap below, our own ground would hide it. */
  withGround: boolean;
  /** An outside basemap that is drawn by the same canvas, below everything. */
  outside?: { source: unknown; layers: Record<string, unknown>[] } | null;
  layers: Layer[];
  on: ReadonlySet<string>;
  /** Resolves `@token` names of the palette. */
  colour: (token: string) => string;
}

type Style = { version: 8; sources: Record<string, unknown>; layers: Record<string, unknown>[] };

/** Layers that other parts draw (cases are markers) or that the basemap holds already. */
const DRAWN_ELSEWHERE = new Set(['cases']);

/** Components by major class, small and coloured; the same order as the legend. */
const COMPONENT_COLOUR = [
  'match',
  ['slice', ['get', 'class_code'], 0, 2],
  '01',
  '@thing-1',
  '02',
  '@thing-2',
  '03',
  '@thing-3',
  '04',
  '@thing-4',
  '05',
  '@thing-5',
  '@thing-6',
];

/** Quiet dashes: the cells order the work, they are not the work. */
const CELL_LINE = {
  'line-color': '@cell',
  'line-width': ['interpolate', ['linear'], ['zoom'], 13, 0.4, 16, 0.8, 19, 1.4],
  'line-dasharray': [3, 3],
  'line-opacity': ['interpolate', ['linear'], ['zoom'], 13, 0.35, 16, 0.8],
};

const OWN_STYLE: Record<string, StyleRule[]> = {
  components: [
    {
      type: 'circle',
      name: 'counts',
      filter: ['has', 'n'],
      paint: {
        'circle-color': '@cell',
        'circle-opacity': 0.6,
        'circle-radius': ['interpolate', ['linear'], ['sqrt', ['to-number', ['get', 'n'], 1]], 1, 1.2, 8, 3, 30, 8],
      },
    },
    {
      type: 'line',
      name: 'lines',
      filter: ['all', ['!', ['has', 'n']], ['!=', ['geometry-type'], 'Point']],
      paint: { 'line-color': COMPONENT_COLOUR, 'line-width': 1.4 },
    },
    {
      type: 'circle',
      name: 'points',
      filter: ['all', ['!', ['has', 'n']], ['==', ['geometry-type'], 'Point']],
      paint: {
        'circle-color': COMPONENT_COLOUR,
        'circle-radius': ['interpolate', ['linear'], ['zoom'], 14, 1.7, 16, 2.6, 18, 4.5, 20, 7],
        'circle-stroke-color': '@surface',
        'circle-stroke-width': ['interpolate', ['linear'], ['zoom'], 14, 0, 16, 0.6, 18, 1.2],
      },
    },
  ],
};

/** Replaces `@token` anywhere inside a style value. */
export function painted(value: unknown, colour: (token: string) => string): unknown {
  if (typeof value === 'string') return value.startsWith('@') ? colour(value.slice(1)) : value;
  if (Array.isArray(value)) return value.map((part) => painted(part, colour));
  if (value && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, painted(part, colour)]));
  return value;
}

export function rulesOf(layer: Layer): StyleRule[] {
  return OWN_STYLE[layer.id] ?? (layer.style.length ? layer.style : defaultRules(layer));
}

/** A layer without a style of its own is still visible. */
function defaultRules(layer: Layer): StyleRule[] {
  if (layer.geometry === 'polygon') return [{ type: 'line', paint: { 'line-color': '@cell', 'line-width': 1 } }];
  if (layer.geometry === 'line') return [{ type: 'line', paint: { 'line-color': '@info', 'line-width': 1.5 } }];
  return [{ type: 'circle', paint: { 'circle-color': '@info', 'circle-radius': 3 } }];
}

/** The whole style. Layer ids are `<layer>-<rule>`, so that picking and counting know whose feature they met. */
export function buildStyle(parts: StyleParts): Style {
  const sources: Record<string, unknown> = {};
  const layers: Record<string, unknown>[] = [];
  for (const [id, source] of Object.entries(parts.base?.sources ?? {})) sources[id] = source;
  if (parts.outside) {
    sources.outside = parts.outside.source;
    layers.push(...parts.outside.layers);
  }
  const inBase = new Set<string>();
  for (const layer of parts.base?.layers ?? []) {
    const source = layer.source as string | undefined;
    if (!parts.withGround && (!source || !parts.layers.some((known) => known.id === source && known.role !== 'base')))
      continue;
    if (source) inBase.add(source);
    const drawn =
      layer.id === 'cells-face' || source !== 'cells' ? layer : { ...layer, paint: painted(CELL_LINE, parts.colour) };
    layers.push(source && switchable(source, parts.layers) ? withVisibility(drawn, parts.on.has(source)) : drawn);
  }
  // Things lie above the ground and below the names.
  const names = layers.findIndex((layer) => layer.type === 'symbol');
  const labels = names < 0 ? [] : layers.splice(names);
  for (const layer of parts.layers) {
    if (layer.role === 'base' || DRAWN_ELSEWHERE.has(layer.id)) continue;
    sources[layer.id] ??= { type: 'vector', tiles: [layer.tiles], minzoom: layer.min_zoom, maxzoom: layer.max_zoom };
    if (inBase.has(layer.id) && layer.id !== 'cells') continue;
    if (layer.id === 'cells') {
      // An invisible face makes the whole cell answer to a click, not its border only.
      layers.push(withVisibility(face(layer.id), parts.on.has(layer.id)));
      if (inBase.has(layer.id)) continue;
    }
    rulesOf(layer).forEach((rule, number) => {
      const { name, pass: _pass, ...drawn } = rule;
      const made = painted(
        { ...drawn, id: `${layer.id}-${name ?? number}`, source: layer.id, 'source-layer': layer.id },
        parts.colour,
      );
      layers.push(withVisibility(made as Record<string, unknown>, parts.on.has(layer.id)));
    });
  }
  layers.push(...labels);
  return { version: 8, sources, layers };
}

function face(id: string): Record<string, unknown> {
  return { id: `${id}-face`, type: 'fill', source: id, 'source-layer': id, paint: { 'fill-opacity': 0 } };
}

function switchable(source: string, layers: Layer[]): boolean {
  return layers.some((layer) => layer.id === source && layer.role !== 'base');
}

function withVisibility(layer: Record<string, unknown>, visible: boolean): Record<string, unknown> {
  const layout = (layer.layout ?? {}) as Record<string, unknown>;
  return { ...layer, layout: { ...layout, visibility: visible ? 'visible' : 'none' } };
}

/** The id of the catalogue layer a style layer draws. */
export function ownerOf(styleLayer: { source?: unknown }): string {
  return String(styleLayer.source ?? '');
}
