/** The state of the phone page: who, where, what is to do, what waits; and the routes in the part after #. */
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { basemap, classes } from '../api/city';
import { get, unasked, useBearer } from '../api/client';
import { asProblem, type Problem } from '../api/problem';
import { currentSession } from '../api/session';
import type { CityClass, Light, Task, User } from '../api/types';
import { cached } from './keep';
import { Outbox } from './outbox';
import { metresBetween, Position } from './position';

const STORED = 'cityops.phone';

interface Kept {
  token: string;
  user: User;
}

export interface NearTask extends Task {
  away_m: number | null;
  shownLight: Light;
  /** Given to a colleague of the same beat; either of them may answer it. */
  colleagues: boolean;
}

export class Phone extends EventTarget {
  kept: Kept | null = read();
  route = location.hash.slice(1) || '/today';
  tasks: Task[] = [];
  tasksStale: number | null = null;
  tasksProblem: Problem | null = null;
  tasksState: 'loading' | 'ready' | 'error' = 'loading';
  klasses: CityClass[] = [];
  /** Whose data the map shows. */
  credit = '';
  online = navigator.onLine;
  now = Date.now();
  /** The token ran out while work was waiting. */
  expired = false;
  readonly outbox = new Outbox();
  readonly position = new Position();

  constructor() {
    super();
    window.addEventListener('hashchange', () => {
      this.route = location.hash.slice(1) || '/today';
      this.changed();
    });
    this.outbox.addEventListener('change', () => this.changed());
    this.outbox.addEventListener('unauthenticated', () => this.expire());
    this.position.addEventListener('change', () => this.changed());
    setInterval(() => {
      this.now = Date.now();
      this.changed();
      if (this.kept && !document.hidden) void this.loadTasks(false);
    }, 60_000);
    const wake = () => {
      if (!this.kept || document.hidden) return;
      void this.outbox.send();
      void this.loadTasks(false);
    };
    window.addEventListener('online', () => {
      this.online = true;
      this.changed();
      wake();
    });
    window.addEventListener('offline', () => {
      this.online = false;
      this.changed();
    });
    document.addEventListener('visibilitychange', wake);
  }

  changed(): void {
    this.dispatchEvent(new Event('change'));
  }

  go(route: string): void {
    location.hash = route;
  }

  async signedIn(token: string): Promise<void> {
    useBearer(token);
    const session = await currentSession();
    this.kept = { token, user: session.user };
    this.expired = false;
    localStorage.setItem(STORED, JSON.stringify(this.kept));
    await this.start();
  }

  async start(): Promise<void> {
    if (!this.kept) return;
    useBearer(this.kept.token);
    await this.outbox.open(this.kept.user.login);
    this.position.start();
    void this.outbox.send();
    void this.loadTasks(false);
    void this.loadClasses();
    void this.loadCredit();
    this.changed();
  }

  expire(): void {
    this.expired = true;
    this.changed();
  }

  signOut(): void {
    localStorage.removeItem(STORED);
    useBearer(null);
    this.kept = null;
    this.tasks = [];
    this.position.stop();
    this.go('/today');
    this.changed();
  }

  /** `pressed`: the user asked for it, so it is tried even on a quiet line. */
  async loadTasks(pressed = true): Promise<void> {
    if (!this.kept) return;
    const { fix } = this.position;
    const ask = () => get<{ items: Task[] }>('/tasks', { mine: false, lon: fix?.lon, lat: fix?.lat });
    try {
      const { value, stale, at } = await cached(
        `tasks:${this.kept.user.login}`,
        () => (pressed ? ask() : unasked(ask)),
        (error) => asProblem(error).passing,
      );
      this.tasks = value.items;
      this.tasksStale = stale ? at : null;
      this.tasksProblem = null;
      this.tasksState = 'ready';
    } catch (error) {
      const problem = asProblem(error);
      if (problem.status === 401) this.expire();
      this.tasksProblem = problem;
      this.tasksState = 'error';
    }
    this.changed();
  }

  async loadClasses(): Promise<void> {
    try {
      const { value } = await cached(
        'classes',
        () => unasked(classes),
        (error) => asProblem(error).passing,
      );
      this.klasses = value;
    } catch (error) {
      this.tasksProblem ??= asProblem(error);
    }
    this.changed();
  }

  private async loadCredit(): Promise<void> {
    try {
      const { value } = await cached(
        'credit',
        async () => (await unasked(basemap)).city?.attribution ?? '',
        (error) => asProblem(error).passing,
      );
      this.credit = value;
      this.changed();
    } catch (error) {
      // Without an answer there is no map either; the tasks tell what is wrong.
      if (asProblem(error).status === 401) this.expire();
    }
  }

  /**
   * Open tasks without those answered and waiting in the outbox; one's own before the colleagues', nearest first, by deadline
   * when we do not know where we are.
   */
  get todo(): NearTask[] {
    const { fix } = this.position;
    const answered = new Set(this.outbox.items.filter((item) => item.state !== 'refused').map((item) => item.task_id));
    const list = this.tasks
      .filter((task) => !answered.has(task.id))
      .map((task) => {
        const away_m =
          fix && task.lon !== null && task.lat !== null
            ? metresBetween(fix, { lon: task.lon, lat: task.lat })
            : (task.distance_m ?? null);
        return {
          ...task,
          away_m,
          shownLight: lightOf(task, this.now),
          colleagues: task.assignee_id !== null && task.assignee_id !== this.kept?.user.id,
        };
      });
    const due = (task: Task) => (task.due_at ? Date.parse(task.due_at) : Number.POSITIVE_INFINITY);
    return list.sort(
      (a, b) =>
        Number(a.colleagues) - Number(b.colleagues) ||
        (a.away_m !== null && b.away_m !== null ? a.away_m - b.away_m : due(a) - due(b)),
    );
  }
}

function lightOf(task: Task, now: number): Light {
  if (!task.due_at) return task.light ?? 'ok';
  if (now > Date.parse(task.due_at)) return 'late';
  return task.soon_at && now > Date.parse(task.soon_at) ? 'soon' : 'ok';
}

function read(): Kept | null {
  try {
    return JSON.parse(localStorage.getItem(STORED) ?? 'null') as Kept | null;
  } catch {
    // Spoilt or refused storage: sign in again.
    return null;
  }
}

export const phone = new Phone();

export class Watch implements ReactiveController {
  private readonly redraw: () => void;
  constructor(host: ReactiveControllerHost) {
    this.redraw = () => host.requestUpdate();
    host.addController(this);
  }
  hostConnected(): void {
    phone.addEventListener('change', this.redraw);
  }
  hostDisconnected(): void {
    phone.removeEventListener('change', this.redraw);
  }
}
