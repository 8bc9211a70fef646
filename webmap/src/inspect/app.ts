/** The phone page: sign-in, four tabs, and above them a report or a task when one is open. */
import { html, nothing, type TemplateResult } from 'lit';
import { t } from '../i18n';
import { Element } from '../ui/element';
import { type IconName, icon } from '../ui/icon';
import '../ui/toast';
import './me';
import './outbox-tab';
import './phone-sign-in';
import './report';
import './task';
import './today';
import './map-tab';
import { phone, Watch } from './phone';

const TABS: [string, IconName, 'tab.today' | 'tab.map' | 'tab.outbox' | 'tab.me'][] = [
  ['/today', 'house', 'tab.today'],
  ['/map', 'map', 'tab.map'],
  ['/outbox', 'inbox', 'tab.outbox'],
  ['/me', 'user', 'tab.me'],
];

export class Inspect extends Element {
  constructor() {
    super();
    new Watch(this);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void phone.start();
  }

  private screen(): TemplateResult {
    const { route } = phone;
    if (route.startsWith('/report')) return html`<co-report .screen=${Number(route.split('/')[2] ?? 1)}></co-report>`;
    if (route.startsWith('/task/')) return html`<co-task .task=${Number(route.split('/')[2])}></co-task>`;
    if (route === '/map') return html`<co-map-tab></co-map-tab>`;
    if (route === '/outbox') return html`<co-outbox-tab></co-outbox-tab>`;
    if (route === '/me') return html`<co-me></co-me>`;
    return html`<co-today></co-today>`;
  }

  protected override render() {
    if (!phone.kept || phone.expired) return html`<co-phone-sign-in></co-phone-sign-in><co-toasts></co-toasts>`;
    const waiting = phone.outbox.waiting.length;
    const full = phone.route.startsWith('/report') || phone.route.startsWith('/task');
    return html`<div class="phone">
        ${this.screen()}
        ${
          full
            ? nothing
            : html`<nav class="tabs" aria-label=${t('rail.title')}>${TABS.map(
                ([route, name, label]) =>
                  html`<a href="#${route}" aria-current=${phone.route === route ? 'page' : nothing}>${icon(name)}<span>${t(label)}${
                    route === '/outbox' && waiting > 0 ? html` <b>${waiting}</b>` : nothing
                  }</span></a>`,
              )}</nav>`
        }
      </div>
      <co-toasts></co-toasts>`;
  }
}
customElements.define('co-inspect', Inspect);
