import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Generator } from './generator.ts';

const folder = 'client/src';

/** l10n/bundle.l10n.json: every sentence that the client says, for those who translate it. Texts of package.json are in package.nls.json. */
export const localisation: Generator = {
  async files() {
    const names = (await readdir(folder)).filter((it) => it.endsWith('.ts')).sort();
    const texts = await Promise.all(names.map((it) => readFile(join(folder, it), 'utf8')));
    const said = new Set(texts.flatMap(sentences));
    const bundle = Object.fromEntries([...said].sort().map((it) => [it, it]));
    return [{ path: 'l10n/bundle.l10n.json', text: `${JSON.stringify(bundle, null, 2)}\n` }];
  },
};

/** What stands in `l10n.t(…)`: always a literal, since VS Code looks a sentence up by its text. */
function sentences(source: string): string[] {
  return [...source.matchAll(/\bl10n\.t\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")/g)].map((it) =>
    (it[1] ?? it[2]!).replace(/\\(.)/g, '$1'),
  );
}
