import { describe, expect, it } from 'vitest';
import { symbol, wanted } from '../build/pictograms';

describe('the pictograms of the class tables', () => {
  it('are found in any column and named once', () => {
    expect(wanted(['kind,icon\ncomponent,temaki-manhole\nevent,maki-bicycle\n', 'x,temaki-manhole,水,S,'])).toEqual([
      'maki-bicycle',
      'temaki-manhole',
    ]);
  });

  it('keep the box and the shapes of the file, without its head', () => {
    expect(symbol('temaki-x', '<?xml version="1.0"?>\n<svg viewBox="0 0 15 15">\n  <path d="M0 0z"/>\n</svg>')).toBe(
      '<symbol id="temaki-x" viewBox="0 0 15 15"><path d="M0 0z"/></symbol>',
    );
  });
});
