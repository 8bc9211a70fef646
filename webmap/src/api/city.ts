/** The city that cases stand on: components, cells, departments, divisions, classes, layers, basemap. */
import { setZone } from '../time';
import { get, type Query, request } from './client';
import type { CityClass, Department, Layer } from './types';

interface Items<T> {
  items: T[];
  next?: string | null;
}

/** Collections come as `{items}`; a bare array is taken as well. */
function itemsOf<T>(body: Items<T> | T[]): T[] {
  return Array.isArray(body) ? body : (body.items ?? []);
}

export interface Component {
  code: string;
  edition: string;
  class_code: string;
  class_name_zh: string;
  class_name_en: string;
  mark: string;
  name: string | null;
  state: string;
  cell_code: string;
  lon: number;
  lat: number;
  distance_m: number | null;
  managing_name_zh: string | null;
  managing_name_en: string | null;
  owner_name_zh: string | null;
  owner_name_en: string | null;
  maintainer_name_zh: string | null;
  maintainer_name_en: string | null;
  started_on: string | null;
  changed_on: string | null;
  source: string | null;
  note: string | null;
  attributes: Record<string, unknown>;
  /** In the detail only. */
  geometry?: GeoJSON.Geometry;
  aliases?: string[];
}

/** One version of a component: what held from when to when, and which act made it. */
export interface HistoryEntry {
  version: number;
  valid_from: string;
  valid_to: string | null;
  act: string;
  reason: string | null;
  actor_name: string | null;
  changed: string[];
}

export function readComponent(code: string): Promise<Component> {
  return get<Component>(`/components/${encodeURIComponent(code)}`);
}

export async function componentHistory(code: string): Promise<HistoryEntry[]> {
  return itemsOf(await get<Items<HistoryEntry>>(`/components/${encodeURIComponent(code)}/history`));
}

export async function searchComponents(query: Query, signal?: AbortSignal): Promise<Component[]> {
  return itemsOf(await get<Items<Component>>('/components', query, signal));
}

export interface Cell {
  code: string;
  community_code: string;
  community_name_zh?: string;
  community_name_en?: string | null;
  street_name_zh?: string;
  street_name_en?: string | null;
  area_m2: number;
  grade: string;
  started_on: string | null;
  ended_on: string | null;
  note?: string | null;
  beat_id: number | null;
  geometry?: GeoJSON.Geometry;
}

export interface Beat {
  id: number;
  code: string;
  name_zh: string;
  name_en: string | null;
}

export function readBeat(id: number): Promise<Beat> {
  return get<Beat>(`/beats/${id}`);
}

export function readCell(code: string): Promise<Cell> {
  return get<Cell>(`/cells/${encodeURIComponent(code)}`);
}

export async function searchCells(query: Query, signal?: AbortSignal): Promise<Cell[]> {
  return itemsOf(await get<Items<Cell>>('/cells', query, signal));
}

export interface Division {
  code: string;
  level: string;
  name_zh: string;
  name_en: string | null;
  parent_code: string | null;
}

export async function divisions(query?: Query): Promise<Division[]> {
  return itemsOf(await get<Items<Division>>('/divisions', query));
}

export async function departments(): Promise<Department[]> {
  return itemsOf(await get<Items<Department>>('/departments'));
}

/** The classes in use: those of the editions in force. */
export async function classes(): Promise<CityClass[]> {
  const [all, editions] = await Promise.all([
    get<Items<CityClass>>('/classes', { active: true }),
    get<Items<{ id: string; in_force: boolean }>>('/editions'),
  ]);
  const inForce = new Set(editions.items.filter((edition) => edition.in_force).map((edition) => edition.id));
  return all.items.filter((item) => inForce.has(item.edition));
}

export async function layers(): Promise<Layer[]> {
  return itemsOf(await get<Items<Layer>>('/layers'));
}

export interface CityFacts {
  name_zh: string;
  name_en: string;
  bounds: [west: number, south: number, east: number, north: number] | null;
  attribution?: string | null;
  licence?: string | null;
}

/** A MapLibre style fragment. */
export interface StyleFragment {
  sources: Record<string, { type: string; tiles: string[]; minzoom: number; maxzoom: number; attribution: string }>;
  layers: Record<string, unknown>[];
}

export interface OutsideBasemap {
  kind: 'raster' | 'pmtiles';
  tiles?: string[];
  label_tiles?: string[];
  tile_size?: number;
  max_zoom?: number;
  url?: string;
  attribution: string;
}

export interface Basemap {
  light: StyleFragment;
  dark: StyleFragment;
  outside: OutsideBasemap | null;
  /** Which city this is; null for an empty one. */
  city?: CityFacts | null;
  /** The city's time zone, such as `Asia/Shanghai`. */
  timezone: string;
}

export async function basemap(): Promise<Basemap> {
  const found = await get<Basemap>('/basemap');
  setZone(found.timezone);
  return found;
}

/** Features of a layer; `next` is set when there are more than were asked for. */
export type LayerPage = GeoJSON.FeatureCollection & { next?: string | null };

export function layerItems(id: string, query: Query, signal?: AbortSignal): Promise<LayerPage> {
  return get<LayerPage>(`/layers/${encodeURIComponent(id)}/items`, query, signal);
}

/** Uploads one file; `key` makes a retried upload the same upload. */
export async function uploadPhoto(
  file: Blob,
  fields: { phase?: string; taken_at?: string; lon?: number; lat?: number },
  key: string,
): Promise<{ id: number; thumb: string; full: string }> {
  const form = new FormData();
  form.set('file', file, 'photo.jpg');
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) form.set(name, String(value));
  return (await request<{ id: number; thumb: string; full: string }>('/media', { method: 'POST', form, key })).data;
}
