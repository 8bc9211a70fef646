/** The address bar is the state of the console: a pure pair of functions, tested by their round trip. */

export interface View {
  lon: number;
  lat: number;
  zoom: number;
}

export interface Filters {
  /** `open` (default), `all`, or one state of the workflow. */
  state: string;
  /** '' or ok, soon, late, paused. */
  light: string;
  /** True: only what waits for my post. */
  mine: boolean;
  klass: string;
  department: string;
  division: string;
  cell: string;
  q: string;
  /** `due` (remaining time) or `-reported`. */
  sort: string;
}

export type Selection = { kind: 'case' | 'component' | 'cell' | 'new'; id: string };

export interface UrlState {
  view: View | null;
  /** Ids of the layers that are on; null = the default set. */
  layers: string[] | null;
  filters: Filters;
  selection: Selection | null;
}

export const NO_FILTERS: Readonly<Filters> = {
  state: 'open',
  light: '',
  mine: false,
  klass: '',
  department: '',
  division: '',
  cell: '',
  q: '',
  sort: 'due',
};

const TEXTS = ['state', 'light', 'klass', 'department', 'division', 'cell', 'q', 'sort'] as const;
const NAMES: Record<(typeof TEXTS)[number], string> = {
  state: 'state',
  light: 'light',
  klass: 'class',
  department: 'department',
  division: 'division',
  cell: 'cell',
  q: 'q',
  sort: 'sort',
};
/** The filter that the server's parameter `field` came from, taken off; null when it is none of ours. */
export function withoutFilter(field: string | undefined): Partial<Filters> | null {
  const name = field?.split('.').pop();
  if (name === 'desk') return { mine: false };
  const found = TEXTS.find(
    (text) => text === name || NAMES[text] === name || (text === 'klass' && name === 'class_code'),
  );
  if (!found) return null;
  return { [found]: NO_FILTERS[found] };
}

const KINDS = ['case', 'component', 'cell', 'new'] as const;

/** Reads a query string; nonsense in any part falls back to that part's default. */
export function parseUrl(search: string): UrlState {
  const query = new URLSearchParams(search);
  const filters: Filters = { ...NO_FILTERS };
  for (const name of TEXTS) {
    const value = query.get(NAMES[name]);
    if (value !== null) filters[name] = value;
  }
  filters.mine = query.get('desk') === 'mine';
  return {
    view: parseView(query.get('at')),
    layers: query.has('layers') ? (query.get('layers') ?? '').split(' ').filter(Boolean) : null,
    filters,
    selection: parseSelection(query.get('open')),
  };
}

function parseView(text: string | null): View | null {
  const parts = (text ?? '').split(',').map(Number);
  const [lon, lat, zoom] = parts;
  if (parts.length !== 3 || lon === undefined || lat === undefined || zoom === undefined) return null;
  if (!(Math.abs(lon) <= 180 && Math.abs(lat) <= 85 && zoom >= 0 && zoom <= 22)) return null;
  return { lon, lat, zoom };
}

function parseSelection(text: string | null): Selection | null {
  if (!text) return null;
  const at = text.indexOf(':');
  const kind = KINDS.find((known) => known === text.slice(0, at));
  const id = text.slice(at + 1);
  return kind && id ? { kind, id } : null;
}

/** The query string of a state, without what is default; starts with `?` or is empty. */
export function formatUrl(state: UrlState): string {
  const query = new URLSearchParams();
  const { view, filters } = state;
  if (view) query.set('at', `${view.lon.toFixed(6)},${view.lat.toFixed(6)},${trim(view.zoom)}`);
  if (state.layers) query.set('layers', state.layers.join(' '));
  if (filters.mine) query.set('desk', 'mine');
  for (const name of TEXTS) if (filters[name] !== NO_FILTERS[name]) query.set(NAMES[name], filters[name]);
  if (state.selection) query.set('open', `${state.selection.kind}:${state.selection.id}`);
  const text = query.toString().replaceAll('%2C', ',').replaceAll('%3A', ':');
  return text ? `?${text}` : '';
}

function trim(zoom: number): string {
  return String(Math.round(zoom * 100) / 100);
}
