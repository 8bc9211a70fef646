/** What the detail pane shows: one case, component or cell, with its ETag, its failure, and the act under way. */
import { type ActBody, doAct, readCase } from '../api/cases';
import {
  type Beat,
  type Cell,
  type Component,
  componentHistory,
  type HistoryEntry,
  readBeat,
  readCell,
  readComponent,
} from '../api/city';
import { Intentions } from '../api/client';
import { asProblem, type Problem } from '../api/problem';
import type { Act, CaseDetail } from '../api/types';
import { pick, t } from '../i18n';
import { toast } from '../ui/toast';
import type { Selection } from '../url';
import type { Store } from './store';

export class Detail {
  selection: Selection | null = null;
  state: 'none' | 'loading' | 'ready' | 'error' = 'none';
  problem: Problem | null = null;
  caseData: CaseDetail | null = null;
  component: Component | null = null;
  history: HistoryEntry[] = [];
  cell: Cell | null = null;
  beat: Beat | null = null;
  etag: string | null = null;
  /** The act whose form is open, and how its sending goes. */
  act: Act | null = null;
  sending = false;
  actProblem: Problem | null = null;
  /** The case changed on the server while a form was open: said aloud, not overwritten. */
  stale = false;

  private readonly intentions = new Intentions();
  /** Counts the readings since the selection changed; 1 = the first answer for it. */
  round = 0;
  private asked = 0;

  constructor(private readonly store: Store) {}

  show(selection: Selection | null): void {
    const same = this.selection?.kind === selection?.kind && this.selection?.id === selection?.id;
    if (same && this.state === 'ready') return;
    this.selection = selection;
    this.act = null;
    this.actProblem = null;
    this.stale = false;
    this.problem = null;
    this.round = 0;
    if (!selection) {
      this.state = 'none';
      this.store.changed();
      return;
    }
    if (selection.kind === 'new') {
      this.state = 'ready';
      this.store.changed();
      return;
    }
    this.state = 'loading';
    void this.load();
  }

  /** Reads the selected thing; what was on screen stays until the answer replaces it. */
  async load(): Promise<void> {
    const selection = this.selection;
    if (!selection) return;
    const round = ++this.asked;
    try {
      if (selection.kind === 'case') {
        const { data, etag } = await readCase(selection.id);
        if (round !== this.asked) return;
        this.caseData = data;
        this.etag = etag;
      } else if (selection.kind === 'component') {
        const component = await readComponent(selection.id);
        if (round !== this.asked) return;
        this.component = component;
        this.history = [];
        void this.loadHistory(selection.id, round);
      } else if (selection.kind === 'cell') {
        const cell = await readCell(selection.id);
        if (round !== this.asked) return;
        this.cell = cell;
        this.beat = null;
        if (cell.beat_id !== null) void this.loadBeat(cell.beat_id, round);
      }
      this.state = 'ready';
      this.round += 1;
      this.problem = null;
      this.stale = false;
      this.store.dispatchEvent(new Event('detail'));
    } catch (error) {
      if (round !== this.asked) return;
      this.state = 'error';
      this.problem = asProblem(error);
    }
    this.store.changed();
  }

  private async loadHistory(code: string, round: number): Promise<void> {
    try {
      const history = await componentHistory(code);
      if (round === this.asked) this.history = history;
    } catch {
      // The facts stand without their history; the section then says that there is none to show.
      this.history = [];
    }
    this.store.changed();
  }

  private async loadBeat(id: number, round: number): Promise<void> {
    try {
      const beat = await readBeat(id);
      if (round === this.asked) this.beat = beat;
    } catch {
      // The cell's other facts stand without the name of its beat.
      this.beat = null;
    }
    this.store.changed();
  }

  /** A live change of the selected case: quiet refresh, unless a form is open. */
  heard(number: string): void {
    if (this.selection?.kind !== 'case' || this.selection.id !== number || this.sending) return;
    if (this.act) {
      this.stale = true;
      this.store.changed();
    } else void this.load();
  }

  openAct(act: Act | null): void {
    this.act = act;
    this.actProblem = null;
    this.store.changed();
  }

  /** Sends an act. The same act with the same words keeps its key until it is answered for good. */
  async send(act: Act, body: ActBody): Promise<boolean> {
    const data = this.caseData;
    if (!data || this.sending) return false;
    const intention = JSON.stringify([data.number, act.act, data.version, body]);
    this.sending = true;
    this.actProblem = null;
    this.store.changed();
    try {
      await doAct(data.number, act.noun, body, this.intentions.key(intention), this.etag);
      this.intentions.settled(intention);
      this.act = null;
      toast(t('act.done', { act: pick(act.title_zh, act.title_en), number: data.number }));
      await this.load();
      this.store.list.heard(data.number);
      void this.store.loadSummary();
      return true;
    } catch (error) {
      const problem = asProblem(error);
      if (!problem.passing) this.intentions.settled(intention);
      this.actProblem = problem;
      if (problem.status === 412 || problem.status === 409) {
        this.stale = true;
      }
      return false;
    } finally {
      this.sending = false;
      this.store.changed();
    }
  }
}
