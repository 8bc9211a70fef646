/**
 * One sprite of the pictograms that the class tables name (`icon` column of data/classes/*.csv): Temaki and Maki, both CC0.
 * `import url from 'virtual:pictograms'` gives its address; a pictogram is `<use href="url#temaki-manhole">`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Plugin } from 'vite';

const ID = 'virtual:pictograms';
const ROOT = resolve(import.meta.dirname, '..');
const SETS: Record<string, string> = { temaki: '@rapideditor/temaki', maki: '@mapbox/maki' };

/** Every pictogram a class table names, sorted; ids are plain words, so no CSV quoting can hide one. */
export function wanted(tables: readonly string[]): string[] {
  const found = tables.flatMap((text) =>
    [...text.matchAll(/(?:^|,)((?:temaki|maki)-[\w-]+)(?=,|$)/gm)].map((match) => match[1]!),
  );
  return [...new Set(found)].sort();
}

/** A `<symbol>` out of an icon file: its viewBox and its shapes, drawn in the text colour. */
export function symbol(id: string, svg: string): string {
  const box = /viewBox="([^"]+)"/.exec(svg)?.[1] ?? '0 0 15 15';
  const inside = svg
    .replace(/^[\s\S]*?<svg[^>]*>/, '')
    .replace(/<\/svg>[\s\S]*$/, '')
    .replace(/<!--[\s\S]*?-->/g, '')
    .replace(/\s*\n\s*/g, '');
  return `<symbol id="${id}" viewBox="${box}">${inside}</symbol>`;
}

function sprite(): string {
  const folder = resolve(ROOT, '../data/classes');
  const tables = readdirSync(folder)
    .filter((name) => name.endsWith('.csv'))
    .map((name) => readFileSync(join(folder, name), 'utf8'));
  const symbols = wanted(tables).map((id) => {
    const [set = ''] = id.split('-', 1);
    const file = join(ROOT, 'node_modules', SETS[set]!, 'icons', `${id.slice(set.length + 1)}.svg`);
    return symbol(id, readFileSync(file, 'utf8'));
  });
  return `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join('')}</svg>`;
}

export function pictograms(): Plugin {
  return {
    name: 'cityops-pictograms',
    resolveId: (id) => (id === ID ? `\0${ID}` : null),
    load(id) {
      if (id !== `\0${ID}`) return null;
      const reference = this.emitFile({ type: 'asset', name: 'pictograms.svg', source: sprite() });
      return `export default import.meta.ROLLUP_FILE_URL_${reference};`;
    },
  };
}
