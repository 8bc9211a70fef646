/** The shapes the server answers with. Field names are the server's own; nothing is renamed on the way in. */

export type Light = 'ok' | 'soon' | 'late' | 'paused';
export type Position = [lon: number, lat: number];
export type Box = [west: number, south: number, east: number, north: number];

export interface Department {
  id: number;
  code?: string;
  name_zh: string;
  name_en: string | null;
  parent_id?: number | null;
}

export interface User {
  id: number;
  login: string;
  name: string;
  posts: string[];
  department: Department | null;
  divisions?: string[];
  whole_city?: boolean;
}

export interface Session {
  user: User;
  csrf_token?: string;
}

export interface CaseItem {
  number: string;
  state: string;
  stage: number;
  light: Light;
  kind: 'component' | 'event';
  class_code: string;
  class_name_zh: string;
  class_name_en: string | null;
  mark: string | null;
  icon?: string | null;
  description: string | null;
  address: string | null;
  lon: number | null;
  lat: number | null;
  cell_code: string;
  street_name_zh: string | null;
  street_name_en?: string | null;
  department_id: number | null;
  department_name_zh: string | null;
  department_name_en: string | null;
  reported_at: string;
  due_at: string | null;
  state_due_at: string | null;
  version: number;
}

export interface CasePage {
  items: CaseItem[];
  next: string | null;
  total: number;
  in_view: number;
  without_place: number;
  /** The counts stop at 10,000; then there are more than they say. */
  capped: boolean;
}

export interface Act {
  act: string;
  noun: string;
  title_zh: string;
  title_en: string;
  allowed: boolean;
  reason_code: string | null;
  reason_zh: string | null;
  reason_en: string | null;
  requires: string[];
  /** A way out of the usual path: return, void, send back. */
  aside?: boolean;
  results?: { result: string; title_zh: string; title_en: string }[];
}

export interface Photo {
  id: number;
  phase: 'before' | 'after' | 'check' | string;
  taken_at: string | null;
  thumb: string;
  full: string;
}

export interface CaseEvent {
  seq: number;
  at: string;
  act: string;
  actor_name: string | null;
  actor_post: string | null;
  from_state: string | null;
  to_state: string | null;
  result?: string | null;
  note: string | null;
  digest: string;
}

export interface Routing {
  rule?: string | null;
  department_id?: number | null;
  why_zh?: string | null;
  why_en?: string | null;
  losers?: { rule: string; outcome: string; why_zh: string | null; why_en: string | null }[];
}

export interface CaseDetail extends CaseItem {
  edition: string;
  source: string;
  filed_at: string | null;
  dispatched_at: string | null;
  handled_at: string | null;
  closed_at: string | null;
  handler_name?: string | null;
  assignee_name?: string | null;
  component: { code: string; name?: string | null; class_code?: string; started_on?: string | null } | null;
  condition: Record<string, unknown> | null;
  limit: { value?: number | string; unit?: string } | null;
  limit_value?: number | string | null;
  limit_unit?: string | null;
  area_grade?: string | null;
  routing: Routing | null;
  photos: Photo[];
  events: CaseEvent[];
  acts: Act[];
  verified?: string | null;
  rework_count?: number;
  return_count?: number;
  delay_count?: number;
  redispatch_count?: number;
  reopen_count?: number;
  suspended_until?: string | null;
  asked_until?: string | null;
  pending?: 'delay' | 'suspension' | null;
  supervision?: 'open' | 'answered' | null;
  supervision_kind?: string | null;
  appeal?: 'asked' | 'passed' | 'approved' | 'refused' | null;
  urgent?: boolean;
  simplified?: boolean;
  forced?: boolean;
  exempt?: boolean;
}

export interface Summary {
  open: number;
  late: number;
  soon: number;
  on_time_rate: number | null;
  inspectors_on_duty: number | null;
  inspectors: number | null;
}

export interface StyleRule {
  type: 'fill' | 'line' | 'circle' | 'symbol' | string;
  name?: string;
  pass?: string;
  minzoom?: number;
  maxzoom?: number;
  filter?: unknown[];
  paint?: Record<string, unknown>;
  layout?: Record<string, unknown>;
}

/** One entry of the catalogue; `role` says whether the basemap draws it (base) or the legend offers it. */
export interface Layer {
  id: string;
  title: { zh: string; en: string };
  geometry: 'point' | 'line' | 'polygon' | 'mixed' | string;
  role: 'core' | 'base' | 'theme';
  min_zoom: number;
  from_zoom: number;
  max_zoom: number;
  style: StyleRule[];
  tiles: string;
  attribution: string;
  live: string | null;
}

export interface CityClass {
  edition: string;
  code: string;
  kind: 'component' | 'event';
  name_zh: string;
  name_en: string | null;
  geometry: string;
  department_code: string | null;
  icon: string | null;
  mark: string | null;
  active?: boolean;
}

export interface Media {
  id: number;
  digest: string;
  width: number;
  height: number;
  thumb: string;
  full: string;
}

export interface Task {
  id: number;
  case_number: string;
  assignee_id: number | null;
  kind: 'verify' | 'check';
  state: string;
  soon_at: string | null;
  due_at: string | null;
  created_at: string;
  lon: number | null;
  lat: number | null;
  class_name_zh?: string;
  class_name_en?: string | null;
  mark?: string | null;
  light?: Light;
  address?: string | null;
  description?: string | null;
  distance_m?: number | null;
}
