import { describe, expect, it } from 'vitest';
import './setup';
import { asProblem, Problem } from '../src/api/problem';
import { setLanguage } from '../src/i18n';

describe('a problem document', () => {
  it('becomes a sentence in the language of the user', () => {
    setLanguage('zh');
    const reasons = { reason_zh: '案卷当前为“待立案”，不能派遣', reason_en: 'The case is at “To file”' };
    const refused = new Problem(409, { code: 'act-not-possible', detail: 'The case is at “To file”', ...reasons });
    expect(refused.readable).toBe(reasons.reason_zh);
    expect(new Problem(404, { detail: 'There is no case x.' }).readable).toBe('找不到，或不在您的管辖范围内。');
    setLanguage('en');
    expect(refused.readable).toBe(reasons.reason_en);
    expect(new Problem(412, { code: 'x' }).readable).toContain('changed it just now');
    expect(new Problem(422, { detail: 'Not a number.' }).readable).toContain('Not a number.');
    setLanguage('zh');
  });

  it('shows no English sentence to a reader of Chinese, whatever the code and the family', () => {
    setLanguage('zh');
    const detail = 'Photo 6033 does not exist, is not yours, or belongs to another case already.';
    const known = ['photo-not-usable', 'case-not-found', 'filter-not-understood', 'input-invalid', 'never-heard-of'];
    for (const status of [0, 400, 401, 403, 404, 409, 412, 413, 422, 428, 429, 500, 503])
      for (const code of known) {
        const problem = new Problem(status, { code, detail, fix: 'take another photo', field: 'photos' });
        expect(problem.readable, `${status} ${code}`).toMatch(/^[^A-Za-z]*。$/);
      }
    expect(new Problem(422, { code: 'photo-not-usable', detail }).readable).toContain('照片用不了');
    expect(new Problem(422, { code: 'photo-not-usable', detail }).technical).toContain(detail);
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
