/** The city that cases stand on: components, cells, departments, divisions, classes, layers, basemap. */
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
  class_code: string;
  class_name_zh?: string | null;
  class_name_en?: string | null;
  mark?: string | null;
  name: string | null;
  state: string;
  cell_code: string | null;
  lon?: number;
  lat?: number;
  geometry?: GeoJSON.Geometry | null;
  geom?: GeoJSON.Geometry | null;
  started_on?: string | null;
  changed_on?: string | null;
  source?: string | null;
  note?: string | null;
  attributes?: Record<string, unknown> | null;
  managing?: Department | null;
  owner?: Department | null;
  maintainer?: Department | null;
  managing_id?: number | null;
  owner_id?: number | null;
  maintainer_id?: number | null;
  distance_m?: number | null;
}

export interface HistoryEntry {
  version?: number;
  valid_from?: string;
  valid_to?: string | null;
  at?: string;
  act?: string;
  reason?: string | null;
  actor_name?: string | null;
  state?: string;
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
  area_m2: number;
  grade: string;
  started_on?: string | null;
  ended_on?: string | null;
  note?: string | null;
  beat?: { id: number; code: string; name_zh?: string; name_en?: string } | null;
  beat_id?: number | null;
  geometry?: GeoJSON.Geometry | null;
  geom?: GeoJSON.Geometry | null;
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
  return itemsOf(await get<Items<Department>>('/departments', { limit: 500 }));
}

export async function classes(query?: Query): Promise<CityClass[]> {
  return itemsOf(await get<Items<CityClass>>('/classes', query));
}

export async function layers(): Promise<Layer[]> {
  return itemsOf(await get<Items<Layer>>('/layers'));
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
}

export function basemap(): Promise<Basemap> {
  return get<Basemap>('/basemap');
}

export function layerItems(id: string, query: Query, signal?: AbortSignal): Promise<GeoJSON.FeatureCollection> {
  return get<GeoJSON.FeatureCollection>(`/layers/${encodeURIComponent(id)}/items`, query, signal);
}

export interface Place {
  cell_code: string;
  beat_id: number | null;
  community_code: string;
  street_code: string;
  district_code: string;
  grade: string;
  street_name_zh?: string;
  community_name_zh?: string;
}

export function locate(lon: number, lat: number): Promise<Place> {
  return get<Place>('/locate', { lon, lat });
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
