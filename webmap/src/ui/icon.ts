/** Tool icons (Lucide, ISC licence), inlined at build time. */
import { html, type TemplateResult } from 'lit';
import { unsafeSVG } from 'lit/directives/unsafe-svg.js';
import arrowLeft from 'lucide-static/icons/arrow-left.svg?raw';
import camera from 'lucide-static/icons/camera.svg?raw';
import check from 'lucide-static/icons/check.svg?raw';
import chevronDown from 'lucide-static/icons/chevron-down.svg?raw';
import crosshair from 'lucide-static/icons/crosshair.svg?raw';
import house from 'lucide-static/icons/house.svg?raw';
import inbox from 'lucide-static/icons/inbox.svg?raw';
import layers from 'lucide-static/icons/layers.svg?raw';
import list from 'lucide-static/icons/list.svg?raw';
import map from 'lucide-static/icons/map.svg?raw';
import minus from 'lucide-static/icons/minus.svg?raw';
import plus from 'lucide-static/icons/plus.svg?raw';
import refresh from 'lucide-static/icons/refresh-cw.svg?raw';
import ruler from 'lucide-static/icons/ruler.svg?raw';
import search from 'lucide-static/icons/search.svg?raw';
import trash from 'lucide-static/icons/trash-2.svg?raw';
import user from 'lucide-static/icons/user.svg?raw';
import x from 'lucide-static/icons/x.svg?raw';

const icons = {
  'arrow-left': arrowLeft,
  camera,
  check,
  'chevron-down': chevronDown,
  crosshair,
  house,
  inbox,
  layers,
  list,
  map,
  minus,
  plus,
  refresh,
  ruler,
  search,
  trash,
  user,
  x,
};
export type IconName = keyof typeof icons;

/** A decorative icon: the words beside it (or the button's label) carry the meaning. */
export function icon(name: IconName): TemplateResult {
  return html`<span class="ic" aria-hidden="true">${unsafeSVG(icons[name].replace(/<!--.*?-->/, ''))}</span>`;
}
