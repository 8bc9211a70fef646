/** Light or dark: the user's choice, else the system's. Announced so that the map can redraw in the other palette. */
export type Theme = 'light' | 'dark';
const STORED = 'cityops.theme';
const system = window.matchMedia('(prefers-color-scheme: dark)');

export const theme = new EventTarget();

function chosen(): Theme | null {
  try {
    const kept = localStorage.getItem(STORED);
    return kept === 'dark' || kept === 'light' ? kept : null;
  } catch {
    // Storage refused: follow the system.
    return null;
  }
}

export function currentTheme(): Theme {
  return chosen() ?? (system.matches ? 'dark' : 'light');
}

export function setTheme(next: Theme): void {
  try {
    localStorage.setItem(STORED, next);
  } catch {
    // Without storage the choice lasts for this page only.
  }
  apply(next);
}

function apply(next: Theme): void {
  document.documentElement.dataset.theme = next;
  theme.dispatchEvent(new Event('change'));
}

/** Called once by each page before its first drawing. */
export function startTheme(): void {
  apply(currentTheme());
  system.addEventListener('change', () => {
    if (!chosen()) apply(currentTheme());
  });
}

/** The value of a palette token, e.g. `token('water')`. */
export function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
