/** Times as people say them: remaining time in lists, clock times, dates. All input is ISO 8601 in UTC; output is the city's time. */
import { lang, locale, t } from './i18n';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A length of time in at most two units: `1 小时 12 分`, `1 h 12 min`. Milliseconds in, sign ignored. */
export function span(ms: number): string {
  const whole = Math.abs(ms);
  const days = Math.floor(whole / DAY);
  const hours = Math.floor((whole % DAY) / HOUR);
  const minutes = Math.floor((whole % HOUR) / MINUTE);
  if (days >= 3 || (days > 0 && hours === 0)) return t('time.days', { n: days });
  if (days > 0) return t('time.days_hours', { d: days, h: hours });
  if (hours >= 10 || (hours > 0 && minutes === 0)) return t('time.hours', { n: hours });
  if (hours > 0) return t('time.hours_minutes', { h: hours, m: minutes });
  return t('time.minutes', { n: Math.max(1, minutes) });
}

/** `剩 31 分` or `超时 1 小时 12 分` for a due time; an empty text when there is none. */
export function remaining(due: string | null | undefined, now: number): string {
  if (!due) return '';
  const left = Date.parse(due) - now;
  return left >= 0 ? t('time.left', { span: span(left) }) : t('time.late', { span: span(left) });
}

/** `3 分钟前` for the near past, a date for the far one. */
export function ago(at: string | null | undefined, now: number): string {
  if (!at) return '';
  const past = now - Date.parse(at);
  if (past < MINUTE) return t('time.just_now');
  if (past < 2 * DAY) return t('time.ago', { span: span(past) });
  return date(at);
}

const ZONE_KEY = 'cityops.zone';
let zone: string | undefined = localStorage.getItem(ZONE_KEY) ?? undefined;

/**
 * From now on show times in the city's own zone, so that a deadline reads the same on every desk.
 * It is remembered, because the phone page starts before it has asked the server anything.
 */
export function setZone(name: string): void {
  zone = name;
  localStorage.setItem(ZONE_KEY, name);
}

const cache = new Map<string, Intl.DateTimeFormat>();
function format(kind: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${lang()}:${kind}:${zone}`;
  let made = cache.get(key);
  if (!made) {
    made = new Intl.DateTimeFormat(locale(), { ...options, timeZone: zone });
    cache.set(key, made);
  }
  return made;
}

/** `11:04` today, `11月20日 11:04` on other days. */
export function clock(at: string | null | undefined, now: number = Date.now()): string {
  if (!at) return '';
  const when = new Date(at);
  const time = format('time', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  // The calendar day and year are those of the city, which need not be those of this computer.
  const full = format('date', { year: 'numeric', month: 'short', day: 'numeric' });
  if (full.format(when) === full.format(now)) return time.format(when);
  const year = format('year', { year: 'numeric' });
  const day = year.format(when) === year.format(now) ? format('day', { month: 'short', day: 'numeric' }) : full;
  return `${day.format(when)} ${time.format(when)}`;
}

export function date(at: string | null | undefined): string {
  if (!at) return '';
  return format('date', { year: 'numeric', month: 'short', day: 'numeric' }).format(new Date(at));
}

/** The exact moment, for the title shown on hover. */
export function exact(at: string | null | undefined): string {
  if (!at) return '';
  return format('exact', { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(at));
}

/** A distance in metres: `320 m`, `1.4 km`. */
export function distance(metres: number): string {
  if (metres < 1000) return `${Math.round(metres / (metres < 30 ? 1 : 10)) * (metres < 30 ? 1 : 10)} m`;
  return `${(metres / 1000).toFixed(metres < 10_000 ? 1 : 0)} km`;
}
