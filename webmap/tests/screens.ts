/** What the elements and the state of the phone touch when their modules are read, for tests that run in Node. */
import { vi } from 'vitest';

const target = new EventTarget();
vi.stubGlobal('window', Object.assign(target, { setTimeout, clearTimeout, setInterval: () => 0, location: {} }));
vi.stubGlobal('setInterval', () => 0);
vi.stubGlobal('navigator', { onLine: true });
vi.stubGlobal('location', { hash: '', search: '', pathname: '/', hostname: 'city' });
vi.stubGlobal('requestAnimationFrame', (act: () => void) => setTimeout(act));
vi.stubGlobal('HTMLElement', class extends EventTarget {});
vi.stubGlobal('customElements', { define: () => undefined, get: () => undefined });
Object.assign(globalThis.document, {
  createTreeWalker: () => ({}),
  createComment: () => ({}),
  hidden: false,
  addEventListener: () => undefined,
  querySelector: () => null,
});
