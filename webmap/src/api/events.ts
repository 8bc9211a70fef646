/** Live changes by Server-Sent Events. The browser resumes by itself with the last id; we say whether we are connected. */
export interface Change {
  topic: 'case' | 'component' | 'grid' | string;
  id: string;
  data: Record<string, unknown>;
}

const TOPICS = ['case', 'component', 'grid'];

/**
 * Dispatches `change` (CustomEvent<Change>) and `status` (CustomEvent<boolean>). EventSource retries on its own; when the server
 * closes it for good (an answer that is not a stream) we open a new one after a pause.
 */
export class Stream extends EventTarget {
  private source: EventSource | null = null;
  private timer = 0;
  connected = false;

  open(): void {
    this.close();
    const source = new EventSource('/api/v1/events');
    this.source = source;
    source.onopen = () => this.status(true);
    source.onerror = () => {
      this.status(false);
      if (source.readyState === EventSource.CLOSED) this.timer = window.setTimeout(() => this.open(), 5000);
    };
    source.onmessage = (event) => this.take('', event);
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
    let data: Record<string, unknown>;
    try {
      data = JSON.parse(event.data) as Record<string, unknown>;
    } catch {
      // A heartbeat or a comment line is no change.
      return;
    }
    const change: Change = { topic: topic || String(data.topic ?? ''), id: event.lastEventId, data };
    this.dispatchEvent(new CustomEvent('change', { detail: change }));
  }
}
