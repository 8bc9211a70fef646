import { describe, expect, it } from 'vitest';
import { formatUrl, NO_FILTERS, parseUrl, type UrlState, withoutFilter } from '../src/url';

const start: UrlState = { view: null, layers: null, filters: { ...NO_FILTERS }, selection: null };

describe('a filter the server does not understand', () => {
  it('is found by the name the server gives it', () => {
    expect(withoutFilter('state')).toEqual({ state: 'open' });
    expect(withoutFilter('class')).toEqual({ klass: '' });
    expect(withoutFilter('query.division')).toEqual({ division: '' });
    expect(withoutFilter('desk')).toEqual({ mine: false });
    expect(withoutFilter('bbox')).toBeNull();
    expect(withoutFilter(undefined)).toBeNull();
  });
});

describe('the address bar', () => {
  it('is empty for the default state', () => {
    expect(formatUrl(start)).toBe('');
    expect(parseUrl('')).toEqual(start);
  });

  it('brings back every part of a state', () => {
    const state: UrlState = {
      view: { lon: 112.528123, lat: 32.990456, zoom: 16.5 },
      layers: ['cases', 'components'],
      filters: {
        ...NO_FILTERS,
        state: 'handling',
        light: 'late',
        mine: true,
        klass: '0102',
        department: '7',
        division: '411303',
        cell: '411303005003017',
        q: '井盖 & more',
        sort: '-reported',
      },
      selection: { kind: 'case', id: '411303-20261120-00417' },
    };
    expect(parseUrl(formatUrl(state))).toEqual(state);
  });

  it('keeps an empty set of layers apart from the default set', () => {
    expect(parseUrl(formatUrl({ ...start, layers: [] })).layers).toEqual([]);
  });

  it('takes nonsense for nothing', () => {
    const odd = parseUrl('?at=112,north,3&open=planet:9&layers=');
    expect(odd.view).toBeNull();
    expect(odd.selection).toBeNull();
    expect(parseUrl('?at=500,10,3').view).toBeNull();
    expect(parseUrl('?open=case:').selection).toBeNull();
  });
});
