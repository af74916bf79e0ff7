// Bundles the product: one file each for the extension, the language server, the engine's worker and the command line; and
// the first three once more for a browser.
// What is only for tests and pages (the rules' examples) stays out: an editor waits for every byte that is compiled.
// `--watch` rebuilds on change, `--production` leaves source maps out (the .vsix must not carry our sources), `--out DIR`
// writes to another folder than dist, `--only web` builds what is for a browser.
import { chmodSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, context } from 'esbuild';
import { twins, webBundle } from './webBundle.mjs';

const { values: options } = parseArgs({
  options: {
    watch: { type: 'boolean' },
    production: { type: 'boolean' },
    out: { type: 'string', default: 'dist' },
    only: { type: 'string', default: '' },
  },
});
const isProduction = options.production ?? false;
const shared = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  sourcemap: isProduction ? false : 'linked',
  // Names stay in a checkout's build: they are what a report of a bug quotes.
  minifyWhitespace: true,
  minifySyntax: true,
  minifyIdentifiers: isProduction,
  keepNames: isProduction,
  lineLimit: 160,
  plugins: [{ name: 'rules without their examples', setup: leaveExamplesOut }],
  conditions: ['node', 'require'],
  mainFields: ['main', 'module'],
  logLevel: 'warning',
  legalComments: 'none',
  // Of `yaml` its ES modules: in one scope its functions call each other directly, which parses a fifth faster.
  alias: { yaml: './node_modules/yaml/browser/index.js' },
  // Libraries that come as ES modules ask where they lie; a CommonJS bundle has no import.meta.
  define: { 'import.meta.url': 'importMetaUrl' },
};
const whereAmI = "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;";

const bundles = [
  { entryPoints: ['client/src/extension.ts'], outfile: join(options.out, 'client.js'), external: ['vscode'] },
  { entryPoints: ['server/src/lsp/main.ts'], outfile: join(options.out, 'server.js') },
  { entryPoints: ['server/src/cli/main.ts'], outfile: join(options.out, 'program.js') },
  {
    entryPoints: ['server/src/cli/entry.ts'],
    outfile: join(options.out, 'cli.js'),
    banner: { js: `#!/usr/bin/env node\n${whereAmI}` },
  },
  { entryPoints: ['engine/src/worker.ts'], outfile: join(options.out, 'worker.js') },
  {
    entryPoints: ['engine/src/archives/pgbackrest/fileLane.ts'],
    outfile: join(options.out, 'restoreLane.js'),
  },
  { entryPoints: ['engine/src/lanes/cipherLane.ts'], outfile: join(options.out, 'cipherLane.js') },
  { entryPoints: ['engine/src/archives/walg/walgLane.ts'], outfile: join(options.out, 'walgLane.js') },
].map((it) => ({ ...shared, banner: { js: whereAmI }, ...it }));

// The same without Node, for the extension in a browser.
for (const [entry, name, rest] of [
  ['client/src/extension.ts', 'client', { external: ['vscode'] }],
  ['server/src/lsp/main.web.ts', 'server', { format: 'iife' }],
  ['engine/src/web/worker.ts', 'engine', { format: 'iife' }],
]) {
  const outfile = join(options.out, 'web', `${name}.js`);
  bundles.push({
    ...shared,
    ...webBundle,
    plugins: [twins, ...shared.plugins],
    entryPoints: [entry],
    outfile,
    ...rest,
  });
}

const wanted = bundles.filter((it) => it.outfile.startsWith(join(options.out, options.only)));
if (options.watch) {
  for (const bundle of wanted) await (await context({ ...bundle, logLevel: 'info' })).watch();
} else {
  rmSync(join(options.out, options.only), { recursive: true, force: true });
  await Promise.all(wanted.map((bundle) => build(bundle)));
  if (!options.only) chmodSync(join(options.out, 'cli.js'), 0o755);
}

/** `bad: fixture\`…\`` of a rule becomes an empty text. */
function leaveExamplesOut(esbuild) {
  esbuild.onLoad({ filter: /[\\/]core[\\/]rules[\\/].*\.ts$/ }, ({ path }) => {
    const source = readFileSync(path, 'utf8');
    const mark = 'fixture`';
    let contents = '';
    let at = 0;
    for (let found = source.indexOf(mark); found >= 0; found = source.indexOf(mark, at)) {
      contents += `${source.slice(at, found)}''`;
      at = templateEnd(source, found + mark.length);
    }
    return { contents: contents + source.slice(at), loader: 'ts' };
  });
}

/** Behind the backtick that ends a template literal; expressions inside may hold strings and templates of their own. */
function templateEnd(source, start) {
  let at = start;
  while (source[at] !== '`') {
    if (at >= source.length) throw new Error('a template literal has no end');
    if (source[at] === '\\') at += 2;
    else if (source.startsWith('${', at)) at = expressionEnd(source, at + 2);
    else at++;
  }
  return at + 1;
}

function expressionEnd(source, start) {
  let at = start;
  for (let depth = 1; depth > 0; ) {
    const char = source[at];
    if (char === undefined) throw new Error('an expression in a template literal has no end');
    if (char === '`') at = templateEnd(source, at + 1);
    else if (char === "'" || char === '"') at = source.indexOf(char, at + 1) + 1;
    else {
      if (char === '{') depth++;
      if (char === '}') depth--;
      at++;
    }
  }
  return at;
}
