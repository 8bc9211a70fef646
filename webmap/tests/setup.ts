/** The few browser things the pure modules touch, for tests that run in Node. */
const kept = new Map<string, string>();
const storage = {
  getItem: (key: string) => kept.get(key) ?? null,
  setItem: (key: string, value: string) => void kept.set(key, value),
  removeItem: (key: string) => void kept.delete(key),
};
Object.assign(globalThis, {
  localStorage: storage,
  window: new EventTarget(),
  document: { documentElement: { lang: '', dataset: {} }, cookie: 'cityops_csrf=from-cookie' },
});
