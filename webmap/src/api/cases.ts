/** Cases: pages of the list, one case with its ETag, the acts, the pins. */
import { type Answer, get, type Query, request } from './client';
import type { CaseDetail, CasePage, Summary } from './types';

export function listCases(query: Query, signal?: AbortSignal): Promise<CasePage> {
  return get<CasePage>('/cases', query, signal);
}

export function readCase(number: string, signal?: AbortSignal): Promise<Answer<CaseDetail>> {
  return request<CaseDetail>(`/cases/${encodeURIComponent(number)}`, { signal });
}

export function readSummary(): Promise<Summary> {
  return get<Summary>('/cases/summary');
}

export interface ActBody {
  reason?: string;
  note?: string;
  photos?: number[];
  department_id?: number;
  result?: string;
  condition_id?: number;
  until_on?: string;
  made_at?: string;
}

/** Does one act on a case; `noun` is the path segment the server named in `acts`. */
export function doAct(
  number: string,
  noun: string,
  body: ActBody,
  key: string,
  ifMatch: string | null,
): Promise<Answer<CaseDetail>> {
  return request<CaseDetail>(`/cases/${encodeURIComponent(number)}/${noun}`, { method: 'POST', body, key, ifMatch });
}

export interface ReportBody {
  source: string;
  kind: 'component' | 'event';
  class_code: string;
  condition_id?: number;
  component_code?: string;
  lon: number;
  lat: number;
  crs?: string;
  accuracy_m?: number;
  address?: string;
  description?: string;
  photos: number[];
  made_at?: string;
}

export async function reportCase(body: ReportBody, key: string): Promise<{ number: string }> {
  return (await request<{ number: string }>('/cases', { method: 'POST', body, key })).data;
}

export interface Source {
  source: string;
  title_zh: string;
  title_en: string;
  posts: string[];
  needs_photo?: boolean;
}

/** The workflow as the server runs it; here for its sources and who may enter them. */
export function readWorkflow(): Promise<{ sources: Source[] }> {
  return get<{ sources: Source[] }>('/cases/workflow');
}

export interface PinCollection {
  type: 'FeatureCollection';
  features: {
    type: 'Feature';
    geometry: { type: 'Point'; coordinates: [number, number] } | null;
    properties: Record<string, unknown>;
  }[];
}

/** The places of all cases that fit the filters, at most `limit` of them, as GeoJSON with number and light only. */
export function casePins(query: Query, signal?: AbortSignal): Promise<PinCollection> {
  return get<PinCollection>('/cases/export', { ...query, format: 'pins' }, signal);
}
