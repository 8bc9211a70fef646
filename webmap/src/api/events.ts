/** Live changes by Server-Sent Events. The browser resumes by itself with the last id; we say whether we are connected. */
export interface Change {
  /** case, component, component_batch, grid; `reset` = too much or too long ago, look at everything again. */
  topic: string;
  /** The case number or component code; empty where there is none. */
  subject: string;
}

const TOPICS = ['case', 'component', 'component_batch', 'grid', 'reset'];
const PAUSE_MS = 5000;

/**
 * Dispatches `change` (CustomEvent<Change>), `status` (CustomEvent<boolean>) and `end` (the session is over). EventSource retries
 * on its own; when the server closed it for good (an answer that is no stream) we open a new one after a pause and name the
 * last event we saw, because a new one would not.
 */
export class Stream extends EventTarget {
  private source: EventSource | null = null;
  private timer = 0;
  private last = '';
  connected = false;

  get opened(): boolean {
    return this.source !== null;
  }

  open(): void {
    this.close();
    const source = new EventSource(`/api/v1/events${this.last ? `?after=${encodeURIComponent(this.last)}` : ''}`);
    this.source = source;
    source.onopen = () => this.status(true);
    source.onerror = () => {
      this.status(false);
      if (source.readyState === EventSource.CLOSED) this.timer = window.setTimeout(() => this.open(), PAUSE_MS);
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
