/**
 * Whether asking makes sense now. Everything that asks by itself (map layers, lists by the clock, the event stream) looks here
 * first; what the user presses is always tried. After a failure the pauses double; without a network nothing is asked until the
 * browser says that there is one again.
 */
const LONGEST_MS = 60_000;

export class Line extends EventTarget {
  private rounds = 0;
  private openAt = 0;
  /** Some computers call themselves offline and still reach a server in the same house: an answer is the better witness. */
  private reached = false;

  constructor(private readonly clock: () => number = Date.now) {
    super();
    window.addEventListener('online', () => {
      this.rounds = 0;
      this.openAt = 0;
      this.dispatchEvent(new Event('back'));
    });
    window.addEventListener('offline', () => {
      this.reached = false;
    });
  }

  private get cut(): boolean {
    return navigator.onLine === false && !this.reached;
  }

  /** True while nothing should be asked that nobody pressed for. */
  get quiet(): boolean {
    return this.cut || this.clock() < this.openAt;
  }

  /** How long to wait before looking again, in milliseconds; `back` is announced earlier when the network returns. */
  get wait_ms(): number {
    return this.cut ? LONGEST_MS : Math.max(0, this.openAt - this.clock());
  }

  /** An answer came, whatever it said. */
  answered(): void {
    this.reached = true;
    const waited = this.rounds > 0;
    this.rounds = 0;
    this.openAt = 0;
    if (waited) this.dispatchEvent(new Event('back'));
  }

  /** No answer came. What fails together counts as one failure. */
  failed(): void {
    this.reached = false;
    if (this.clock() < this.openAt) return;
    this.rounds += 1;
    this.openAt = this.clock() + Math.min(LONGEST_MS, 1000 * 2 ** this.rounds);
  }
}

export const line = new Line();
