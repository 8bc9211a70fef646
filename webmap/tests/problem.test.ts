import { describe, expect, it } from 'vitest';
import './setup';
import { asProblem, Problem } from '../src/api/problem';
import { setLanguage } from '../src/i18n';

describe('a problem document', () => {
  it('becomes a sentence in the language of the user, with the server’s own words after it', () => {
    setLanguage('zh');
    const refused = new Problem(409, { code: 'act-refused', detail: '案卷当前为“待立案”，不能派遣。' });
    expect(refused.readable).toContain('当前状态不允许');
    expect(refused.readable).toContain('待立案');
    setLanguage('en');
    expect(new Problem(412, { code: 'x' }).readable).toContain('changed it just now');
    setLanguage('zh');
  });

  it('knows what may pass by itself', () => {
    expect(new Problem(0, {}).passing).toBe(true);
    expect(new Problem(503, {}).passing).toBe(true);
    expect(new Problem(429, {}).passing).toBe(true);
    expect(new Problem(422, {}).passing).toBe(false);
    expect(new Problem(409, {}).passing).toBe(false);
  });

  it('never shows the server’s inside for a failure of its own', () => {
    expect(new Problem(500, { detail: 'KeyError: x' }).readable).not.toContain('KeyError');
  });

  it('is what every thrown thing turns into', () => {
    expect(asProblem(new TypeError('failed to fetch')).code).toBe('offline');
  });
});
