import { describe, expect, it } from 'vitest';
import './setup';
import type { Act } from '../src/api/types';
import { missing, refusals } from '../src/console/acts';
import { setLanguage } from '../src/i18n';

const act = (name: string, title: string, more: Partial<Act> = {}): Act =>
  ({ act: name, noun: name, title_zh: title, title_en: name, allowed: true, requires: [], ...more }) as Act;
const shut = (name: string, title: string, reason: string): Act =>
  act(name, title, { allowed: false, reason_zh: reason, reason_en: `${reason} (en)` });

describe('shut buttons', () => {
  it('each have their reason, one line for each distinct one', () => {
    setLanguage('zh');
    const lines = refusals([
      shut('file', '立案', '只有值班长可以立案'),
      shut('void', '作废', '只有值班长可以作废'),
      shut('close', '结案', '只有值班长可以立案'),
    ]);
    expect(lines).toEqual([
      { id: 'act-reason-file', acts: ['file', 'close'], text: '立案、结案不可用：只有值班长可以立案' },
      { id: 'act-reason-void', acts: ['void'], text: '作废不可用：只有值班长可以作废' },
    ]);
  });
});

describe('an act that is not complete', () => {
  const voiding = act('void', '作废', { requires: ['reason'] });

  it('says in our words what is missing', () => {
    setLanguage('zh');
    expect(missing(voiding, { reason: '' }, 0)).toEqual({
      field: 'reason',
      text: '请先写明“作废”的理由，至少两个字。',
    });
    expect(missing(act('handle', '办结', { requires: ['photo'] }), {}, 0)?.field).toBe('files');
    expect(missing(act('dispatch', '派遣', { requires: ['department'] }), {}, 0)?.field).toBe('department');
  });

  it('goes when everything is there', () => {
    expect(missing(voiding, { reason: '重复' }, 0)).toBeNull();
    expect(missing(act('handle', '办结', { requires: ['photo'] }), {}, 1)).toBeNull();
    expect(missing(act('dispatch', '派遣', { requires: ['department'] }), { department_id: 3 }, 0)).toBeNull();
  });
});
