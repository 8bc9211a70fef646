/** Two languages in one small table: `t(key, values)`, the language kept on the device, a change announced on `language`. */
import { en } from './en';
import { zh } from './zh';

export type Key = keyof typeof zh;
export type Language = 'zh' | 'en';
type Values = Record<string, string | number>;

const tables: Record<Language, Record<Key, string>> = { zh, en };
const STORED = 'cityops.language';

/** Announces `change` when the user picks the other language. */
export const language = new EventTarget();
let current: Language = read();

function read(): Language {
  try {
    return localStorage.getItem(STORED) === 'en' ? 'en' : 'zh';
  } catch {
    // Storage is refused in some private windows; the default language is good enough there.
    return 'zh';
  }
}

export function lang(): Language {
  return current;
}

/** The BCP 47 tag for `Intl` and for `<html lang>`. */
export function locale(): string {
  return current === 'zh' ? 'zh-CN' : 'en-GB';
}

export function setLanguage(next: Language): void {
  current = next;
  try {
    localStorage.setItem(STORED, next);
  } catch {
    // The choice still holds for this page.
  }
  document.documentElement.lang = locale();
  language.dispatchEvent(new Event('change'));
}

/**
 * The text of `key` with `{name}` places filled; numbers are grouped as the language does. `{n:day:days}` is the first word
 * for one, the second for any other number.
 */
export function t(key: Key, values?: Values): string {
  const text = tables[current][key];
  if (!values) return text;
  const numbered = text.replace(/\{(\w+):([^:{}]*):([^{}]*)\}/g, (_whole, name: string, one: string, many: string) =>
    Number(values[name]) === 1 ? one : many,
  );
  return numbered.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === 'number' ? value.toLocaleString(locale()) : value;
  });
}

/** True when a key built at run time (`state.` + code) exists in the table. */
export function has(key: string): key is Key {
  return key in zh;
}

/** The text of a key built at run time, or the fallback when the server knows a word the interface does not. */
export function tt(key: string, fallback: string, values?: Values): string {
  return has(key) ? t(key, values) : fallback;
}

/** Picks the value of the current language out of a pair; falls back to the other when one is missing. */
export function pick(zhText: string | null | undefined, enText: string | null | undefined): string {
  const [first, second] = current === 'zh' ? [zhText, enText] : [enText, zhText];
  return first || second || '';
}
