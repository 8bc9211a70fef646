import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import './setup';
import { has, pick, setLanguage, t, tt } from '../src/i18n';
import { en } from '../src/i18n/en';
import { zh } from '../src/i18n/zh';

const places = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]).sort();

describe('the two languages', () => {
  it('have the same keys', () => {
    expect(Object.keys(en).sort()).toEqual(Object.keys(zh).sort());
  });

  it('leave no text empty and fill the same places', () => {
    for (const key of Object.keys(zh) as (keyof typeof zh)[]) {
      expect(zh[key], key).not.toBe('');
      expect(en[key], key).not.toBe('');
      expect(places(en[key]), key).toEqual(places(zh[key]));
    }
  });

  it('have no key that nothing asks for', () => {
    const folder = join(import.meta.dirname, '../src');
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
      (name) => name.endsWith('.ts') && !name.startsWith('i18n'),
    );
    const source = files.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n');
    const built = [...source.matchAll(/`([a-z]+\.)\$\{/g)].map((found) => found[1]!);
    const unused = Object.keys(zh).filter(
      (key) => !source.includes(`'${key}'`) && !built.some((start) => key.startsWith(start)),
    );
    expect(unused).toEqual([]);
  });

  it('fill numbers with grouping and leave unknown places alone', () => {
    setLanguage('zh');
    expect(t('list.without_place', { n: 1284 })).toBe('1,284 件无位置');
    expect(t('list.without_place')).toBe('{n} 件无位置');
    setLanguage('en');
    expect(t('list.without_place', { n: 12 })).toBe('12 without a place');
    setLanguage('zh');
  });

  it('count one thing as one', () => {
    setLanguage('en');
    expect(tt('unit.working_day', '', { n: 1 })).toBe('working day');
    expect(tt('unit.working_day', '', { n: 1.5 })).toBe('working days');
    expect(t('today.tasks', { n: 1 })).toBe('1 task');
    expect(t('today.tasks', { n: 0 })).toBe('0 tasks');
    setLanguage('zh');
    expect(tt('unit.working_day', '', { n: 1 })).toBe('工作日');
  });

  it('fall back kindly on words the interface does not know', () => {
    expect(has('state.closed')).toBe(true);
    expect(tt('state.asleep', 'asleep')).toBe('asleep');
    expect(pick('', 'Parks')).toBe('Parks');
    expect(pick('园林处', 'Parks')).toBe('园林处');
  });
});
