/** Addresses and place names: what the gazetteer finds for the words somebody typed. */
import { get } from './client';

export interface PlaceHit {
  level: 'plate' | 'crossing' | 'poi' | 'interpolated' | 'offset' | 'street' | 'tract' | 'block' | 'region';
  name: string;
  name_en: string | null;
  score: number;
  matched: string | null;
  place_id: number | null;
  lon: number;
  lat: number;
  cell_code: string | null;
}

/** Below this the gazetteer only guesses, and a guess would push the cases out of sight. */
export const GOOD_ENOUGH = 0.5;

export async function searchPlaces(words: string, limit: number, signal?: AbortSignal): Promise<PlaceHit[]> {
  const { items } = await get<{ items: PlaceHit[] }>('/places', { q: words, limit }, signal);
  return items.filter((hit) => hit.score >= GOOD_ENOUGH);
}
