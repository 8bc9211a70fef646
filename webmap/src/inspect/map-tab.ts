/** The map tab: the beat around the inspector with the tasks on it. */
import { html, nothing } from 'lit';
import { t } from '../i18n';
import { Element } from '../ui/element';
import { icon } from '../ui/icon';
import { phone, Watch } from './phone';
import { firstPlace, PhoneMap } from './phone-map';
import { netChip } from './today';

export class MapTab extends Element {
  private city: PhoneMap | null = null;

  constructor() {
    super();
    new Watch(this);
  }

  override disconnectedCallback(): void {
    this.city?.remove();
    this.city = null;
    super.disconnectedCallback();
  }

  protected override updated(): void {
    const place = this.querySelector<HTMLElement>('.big-map');
    const centre = firstPlace();
    if (place && !this.city && centre) this.city = new PhoneMap(place, centre, 17, true);
    else {
      this.city?.drawMe();
      this.city?.drawTasks();
    }
  }

  protected override render() {
    const { problem } = phone.position;
    return html`<main class="screen fill">
      <header class="bar"><h1 class="grow">${t('tab.map')}</h1>${netChip()}</header>
      <div class="big-map" role="application" aria-label=${t('tab.map')}></div>
      ${!firstPlace() ? html`<div class="over"><p class="note warn">${problem ? t('report.no_position', { reason: t(`position.${problem}`) }) : t('report.locating')}</p></div>` : nothing}
      ${phone.position.fix ? html`<button type="button" class="round" aria-label=${t('report.my_position')} @click=${() => this.city?.follow()}>${icon('crosshair')}</button>` : nothing}
    </main>`;
  }
}
customElements.define('co-map-tab', MapTab);
