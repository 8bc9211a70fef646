/** Live changes by Server-Sent Events. We resume with the last id we saw and say whether we are connected. */
import { line } from './line';

export interface Change {
  /** case, component, component_batch, grid; `reset` = too much or too long ago, look at everything again. */
  topic: string;
  /** The case number or component code; empty where there is none. */
  subject: string;
}

const TOPICS = ['case', 'component', 'component_batch', 'grid', 'reset'];
const SHORTEST_MS = 1000;
const LONGEST_MS = 60_000;
/** A connection that held this long was a good one. */
const GOOD_MS = 30_000;

/**
 * Dispatches `change` (CustomEvent<Change>), `status` (CustomEvent<boolean>) and `end` (the session is over). EventSource would
 * retry on its own every few seconds for ever; instead we open a new one after pauses that double, name the last event we saw,
 * and wait for the network when there is none.
 */
export class Stream extends EventTarget {
  private source: EventSource | null = null;
  private timer = 0;
  private last = '';
  private rounds = 0;
  private since = 0;
  /** Somebody wants to hear changes: connected, or waiting for the next try. */
  opened = false;
  connected = false;

  constructor() {
    super();
    line.addEventListener('back', () => {
      if (this.opened && !this.source) this.open();
    });
  }

  open(): void {
    this.close();
    this.opened = true;
    const source = new EventSource(`/api/v1/events${this.last ? `?after=${encodeURIComponent(this.last)}` : ''}`);
    this.source = source;
    source.onopen = () => {
      this.since = Date.now();
      this.status(true);
    };
    source.onerror = () => {
      source.close();
      this.source = null;
      this.rounds = this.connected && Date.now() - this.since > GOOD_MS ? 0 : this.rounds + 1;
      this.status(false);
      this.again();
    };
    source.addEventListener('end', () => {
      this.close();
      this.dispatchEvent(new Event('end'));
    });
    for (const topic of TOPICS)
      source.addEventListener(topic, (event) => this.take(topic, event as MessageEvent<string>));
  }

  close(): void {
    window.clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
    this.opened = false;
  }

  private again(): void {
    const pause_ms = Math.min(LONGEST_MS, SHORTEST_MS * 2 ** this.rounds);
    this.timer = window.setTimeout(() => (line.quiet ? this.again() : this.open()), Math.max(pause_ms, line.wait_ms));
  }

  private status(connected: boolean): void {
    if (this.connected === connected) return;
    this.connected = connected;
    this.dispatchEvent(new CustomEvent('status', { detail: connected }));
  }

  private take(topic: string, event: MessageEvent<string>): void {
    if (event.lastEventId) this.last = event.lastEventId;
    let subject = '';
    try {
      subject = String((JSON.parse(event.data) as { subject?: unknown }).subject ?? '');
    } catch {
      // An event without readable data still says that something of its topic changed.
    }
    const change: Change = { topic, subject };
    this.dispatchEvent(new CustomEvent('change', { detail: change }));
  }
}
