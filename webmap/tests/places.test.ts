import { afterEach, describe, expect, it, vi } from 'vitest';
import './setup';
import { type PlaceHit, searchPlaces } from '../src/api/places';
import { placeRows } from '../src/console/place-hits';

const STREET: PlaceHit = {
  level: 'street',
  name: '人民路',
  name_en: null,
  score: 0.98,
  matched: '中山街',
  place_id: 7,
  lon: 112.53,
  lat: 32.99,
  cell_code: null,
};

afterEach(() => vi.unstubAllGlobals());

describe('addresses in the search box', () => {
  it('say what they are, under which name they were found, and where they lie', () => {
    const [row] = placeRows([STREET]);
    expect(row).toEqual({ title: '人民路', hint: expect.stringContaining('中山街'), place: [112.53, 32.99] });
  });

  it('do not repeat the base of an offset, which its name holds already', () => {
    const [row] = placeRows([{ ...STREET, level: 'offset', name: '人民路以北50米', matched: '人民路' }]);
    expect(row?.hint).not.toContain('人民路');
  });

  it('leave out what the gazetteer only guesses', async () => {
    const body = { items: [STREET, { ...STREET, name: '人和街', score: 0.4 }] };
    const fetched = vi.fn(
      async (_path: string) => new Response(JSON.stringify(body), { headers: { 'Content-Type': 'application/json' } }),
    );
    vi.stubGlobal('fetch', fetched);
    const hits = await searchPlaces('人民路', 4);
    expect(hits.map((hit) => hit.name)).toEqual(['人民路']);
    expect(fetched.mock.calls[0]![0]).toContain('/places?');
  });
});
