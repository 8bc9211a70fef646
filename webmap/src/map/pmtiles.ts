/** An outside basemap in one PMTiles file: pictures as they are, vector tiles of the Protomaps scheme in our palette. Loaded only when set. */
import { addProtocol } from 'maplibre-gl';
import { PMTiles, Protocol, TileType } from 'pmtiles';

export interface Ground {
  source: Record<string, unknown>;
  layers: Record<string, unknown>[];
}

let protocol: Protocol | null = null;

/** The source and layers of the file at `url`; throws when it cannot be read. */
export async function ground(url: string, attribution: string, colour: (token: string) => string): Promise<Ground> {
  if (!protocol) {
    protocol = new Protocol();
    addProtocol('pmtiles', protocol.tile);
  }
  const absolute = new URL(url, location.href).href;
  const file = new PMTiles(absolute);
  protocol.add(file);
  const header = await file.getHeader();
  const source = {
    url: `pmtiles://${absolute}`,
    attribution,
    type: header.tileType === TileType.Mvt ? 'vector' : 'raster',
  };
  if (source.type === 'raster')
    return { source: { ...source, tileSize: 256 }, layers: [{ id: 'outside', type: 'raster', source: 'outside' }] };
  const layer = (
    id: string,
    type: string,
    from: string,
    paint: Record<string, unknown>,
    more: Record<string, unknown> = {},
  ) => ({
    id: `outside-${id}`,
    type,
    source: 'outside',
    'source-layer': from,
    paint,
    ...more,
  });
  const wide = (narrow: number, broad: number) => [
    'interpolate',
    ['exponential', 1.6],
    ['zoom'],
    8,
    0.4,
    14,
    narrow,
    19,
    broad,
  ];
  return {
    source,
    layers: [
      { id: 'outside-ground', type: 'background', paint: { 'background-color': colour('land') } },
      layer(
        'green',
        'fill',
        'landuse',
        { 'fill-color': colour('green') },
        {
          filter: [
            'in',
            ['get', 'kind'],
            ['literal', ['park', 'forest', 'wood', 'grass', 'garden', 'nature_reserve', 'cemetery']],
          ],
        },
      ),
      layer(
        'water',
        'fill',
        'water',
        { 'fill-color': colour('water') },
        { filter: ['==', ['geometry-type'], 'Polygon'] },
      ),
      layer('buildings', 'fill', 'buildings', { 'fill-color': colour('building') }, { minzoom: 14 }),
      layer('casing', 'line', 'roads', { 'line-color': colour('road-casing'), 'line-width': wide(3.4, 22) }),
      layer('roads', 'line', 'roads', { 'line-color': colour('road'), 'line-width': wide(2.2, 19) }),
    ],
  };
}
