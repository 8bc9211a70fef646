/** What is on the map, and how much of it: the legend is the switchboard. Says aloud when a zoom hides a layer. */
import { html, nothing } from 'lit';
import type { Layer } from '../api/types';
import { pick, t } from '../i18n';
import { Element } from '../ui/element';
import { icon } from '../ui/icon';
import { store, Watch } from './store';

/** Order in the legend: work first, then the grid, then things, then themes. */
const ORDER = ['cases', 'cells', 'components', 'beats', 'divisions'];

export class Workbench extends Element {
  private folded = window.innerWidth < 900;

  constructor() {
    super();
    new Watch(this);
  }

  private toggle(id: string): void {
    const on = new Set(store.layersOn);
    if (!on.delete(id)) on.add(id);
    store.setLayers([...on]);
  }

  private entry(id: string, title: string, swatch: string) {
    const on = store.layersOn.includes(id);
    const count = store.counts[id];
    const hidden = on && count === null;
    return html`<label class="leg ${on ? '' : 'off'} ${hidden ? 'hidden' : ''}">
      <input type="checkbox" .checked=${on} @change=${() => this.toggle(id)} />
      <span class="sw ${swatch}" aria-hidden="true"></span><span class="cut">${title}</span>
      <small>${!on ? t('layer.off') : hidden ? t('layer.zoom_in') : (count?.toLocaleString() ?? '…')}</small>
    </label>`;
  }

  protected override render() {
    const shown = store.city.layers.filter((layer) => layer.role !== 'base').sort((a, b) => rank(a) - rank(b));
    const cases = shown.some((layer) => layer.id === 'cases')
      ? nothing
      : this.entry('cases', t('layer.cases'), 'cases');
    return html`<div class="panel workbench">
      <h2><button type="button" aria-expanded=${this.folded ? 'false' : 'true'} @click=${() => {
        this.folded = !this.folded;
        this.requestUpdate();
      }}>${t('layer.title')}${icon('chevron-down')}</button></h2>
      ${
        this.folded
          ? nothing
          : html`<div role="group" aria-label=${t('layer.title')}>${cases}
          ${shown.map((layer) => this.entry(layer.id, pick(layer.title.zh, layer.title.en), layer.id))}
          <div class="marks" aria-label=${t('light.title')} role="group">
            ${(['late', 'soon', 'ok', 'paused'] as const).map(
              (light) => html`<span><i class="mark ${light}" aria-hidden="true"></i>${t(`light.${light}`)}</span>`,
            )}
          </div></div>`
      }
    </div>`;
  }
}

function rank(layer: Layer): number {
  const at = ORDER.indexOf(layer.id);
  return at < 0 ? ORDER.length : at;
}
customElements.define('co-workbench', Workbench);
