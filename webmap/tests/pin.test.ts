import { describe, expect, it } from 'vitest';
import { clusterSvg, lightOf, pinSvg, worse } from '../src/map/pin';

describe('marks on the map', () => {
  it('have a different shape for each light, not only a colour', () => {
    const shapes = (['ok', 'soon', 'late', 'paused'] as const).map((light) => pinSvg(light, false).replace(light, ''));
    expect(new Set(shapes).size).toBe(4);
  });

  it('let a cluster show its worst light', () => {
    expect((['ok', 'soon', 'late', 'paused'] as const).reduce(worse)).toBe('late');
    expect(worse('paused', 'ok')).toBe('ok');
  });

  it('take an unknown light for a calm one', () => {
    expect(lightOf('purple')).toBe('ok');
  });

  it('shorten large counts', () => {
    expect(clusterSvg('ok', 1234)).toContain('1.2k');
    expect(clusterSvg('ok', 999)).toContain('>999<');
  });
});
