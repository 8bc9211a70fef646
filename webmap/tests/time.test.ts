import { beforeEach, describe, expect, it } from 'vitest';
import './setup';
import { setLanguage } from '../src/i18n';
import { ago, clock, distance, remaining, setZone, span } from '../src/time';

const MIN = 60_000;
const now = Date.parse('2026-11-20T03:00:00Z');
const at = (minutes: number) => new Date(now + minutes * MIN).toISOString();

describe('times in lists', () => {
  beforeEach(() => setLanguage('zh'));

  it('say at most two units', () => {
    expect(span(31 * MIN)).toBe('31 分');
    expect(span(72 * MIN)).toBe('1 小时 12 分');
    expect(span(120 * MIN)).toBe('2 小时');
    expect(span(11 * 60 * MIN + MIN)).toBe('11 小时');
    expect(span(27 * 60 * MIN)).toBe('1 天 3 小时');
    expect(span(5 * 24 * 60 * MIN)).toBe('5 天');
    expect(span(10_000)).toBe('1 分');
  });

  it('tell what is left from what is late', () => {
    expect(remaining(at(31), now)).toBe('剩 31 分');
    expect(remaining(at(-72), now)).toBe('超时 1 小时 12 分');
    expect(remaining(null, now)).toBe('');
    setLanguage('en');
    expect(remaining(at(-72), now)).toBe('1 h 12 min late');
  });

  it('speak of the near past relatively', () => {
    expect(ago(at(-0.2), now)).toBe('刚刚');
    expect(ago(at(-5), now)).toBe('5 分前');
    expect(ago(at(-60 * 24 * 10), now)).toMatch(/2026/);
  });

  it("are the city's, wherever the computer stands", () => {
    setZone('Asia/Shanghai');
    expect(clock('2026-11-20T01:04:00Z', now)).toBe('09:04');
    expect(clock('2026-11-19T16:30:00Z', now)).toBe('00:30');
    expect(clock('2026-11-19T15:30:00Z', now)).toMatch(/19.*23:30/);
    setZone('Europe/Helsinki');
    expect(clock('2026-11-20T01:04:00Z', now)).toBe('03:04');
  });

  it('round distances to what a person can pace', () => {
    expect(distance(12.4)).toBe('12 m');
    expect(distance(324)).toBe('320 m');
    expect(distance(1440)).toBe('1.4 km');
    expect(distance(25_400)).toBe('25 km');
  });
});
