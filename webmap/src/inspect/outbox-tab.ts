/** The outbox: every entry with its state, its way out (again, delete, export), and what was delivered lately. */
import { html, nothing } from 'lit';
import { t } from '../i18n';
import { ago, clock } from '../time';
import { Element } from '../ui/element';
import { technicalNote } from '../ui/problem';
import type { Action } from './keep';
import { exported } from './outbox';
import { phone, Watch } from './phone';
import { netChip } from './today';

const TONE = { waiting: 'soon', sending: 'soon', refused: 'late', sent: 'ok' } as const;

export class OutboxTab extends Element {
  constructor() {
    super();
    new Watch(this);
  }

  private drop(item: Action): void {
    if (item.state === 'sent' || window.confirm(t('outbox.drop_sure'))) void phone.outbox.drop(item.id);
  }

  private async save(): Promise<void> {
    const text = await exported(phone.outbox.waiting);
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
    link.download = `cityops-outbox-${new Date().toISOString().slice(0, 16).replaceAll(':', '')}.json`;
    link.click();
    window.setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  private row(item: Action) {
    return html`<li class="card column">
      <span class="line"><b class="cut">${t(`outbox.${item.kind}`)} · ${item.title}</b><span class="chip ${TONE[item.state]}">${t(`outbox.${item.state}`)}</span></span>
      <small>${item.state === 'sent' ? (item.result ?? '') : clock(item.made_at, phone.now)} · ${ago(item.made_at, phone.now)}${item.tries > 1 ? html` · ${t('outbox.tries', { n: item.tries })}` : nothing}</small>
      ${item.problem && item.state !== 'sent' ? html`<p class="wrong">${item.problem}</p>${item.state === 'refused' && item.technical ? technicalNote(item.technical) : nothing}` : nothing}
      ${
        item.state === 'waiting' || item.state === 'refused'
          ? html`<span class="row-buttons"><button type="button" class="btn" @click=${() => void phone.outbox.retry(item.id)}>${t('outbox.retry')}</button>
            <button type="button" class="btn" @click=${() => this.drop(item)}>${t('outbox.drop')}</button></span>`
          : nothing
      }
    </li>`;
  }

  protected override render() {
    const { waiting, items } = phone.outbox;
    const sent = items.filter((item) => item.state === 'sent').reverse();
    return html`<main class="screen">
      <header class="bar"><h1 class="grow">${t('outbox.title')}</h1>${netChip()}</header>
      <div class="stack">
        ${
          waiting.length === 0
            ? html`<div class="empty"><b>${t('outbox.none')}</b><small>${t('outbox.none_next')}</small></div>`
            : html`<ul class="stack-list">${waiting.map((item) => this.row(item))}</ul>
            <button type="button" class="btn" @click=${() => void this.save()}>${t('outbox.export')}</button>`
        }
        ${sent.length ? html`<h2>${t('outbox.sent')}</h2><ul class="stack-list">${sent.map((item) => this.row(item))}</ul>` : nothing}
      </div>
    </main>`;
  }
}
customElements.define('co-outbox-tab', OutboxTab);
