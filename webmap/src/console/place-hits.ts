/** How places stand in the answers of the search box: their name, what they are, and where choosing one leads. */
import type { PlaceHit } from '../api/places';
import { pick, t } from '../i18n';

export interface PlaceRow {
  title: string;
  hint: string;
  place: [number, number];
}

const LEVELS = {
  plate: 'place.plate',
  crossing: 'place.crossing',
  poi: 'place.poi',
  interpolated: 'place.interpolated',
  offset: 'place.offset',
  street: 'place.street',
  tract: 'place.tract',
  block: 'place.block',
  region: 'place.region',
} as const;

/** One row per place, in the order of the gazetteer. A name that was matched but is not the standard one is told. */
export function placeRows(hits: PlaceHit[]): PlaceRow[] {
  return hits.map((hit) => {
    const known = hit.level === 'offset' || !hit.matched ? '' : ` · ${hit.matched}`;
    return {
      title: pick(hit.name, hit.name_en) || hit.name,
      hint: `${t(LEVELS[hit.level])}${known}`,
      place: [hit.lon, hit.lat],
    };
  });
}
