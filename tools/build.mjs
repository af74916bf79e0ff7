// Bundles the product: one file each for the extension, the language server, the engine's worker and the command line.
// `--watch` rebuilds on change, `--production` leaves source maps out (the .vsix must not carry our sources), `--out DIR`
// writes to another folder than dist.
import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, context } from 'esbuild';

const { values: options } = parseArgs({
  options: { watch: { type: 'boolean' }, production: { type: 'boolean' }, out: { type: 'string', default: 'dist' } },
});
const isProduction = options.production ?? false;
const shared = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  sourcemap: isProduction ? false : 'linked',
  minify: isProduction,
  keepNames: isProduction,
  conditions: ['node', 'require'],
  mainFields: ['main', 'module'],
  logLevel: 'warning',
  legalComments: 'none',
  // Libraries that come as ES modules ask where they lie; a CommonJS bundle has no import.meta.
  define: { 'import.meta.url': 'importMetaUrl' },
};
const whereAmI = "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;";

const bundles = [
  { entryPoints: ['client/src/extension.ts'], outfile: join(options.out, 'client.js'), external: ['vscode'] },
  { entryPoints: ['server/src/lsp/main.ts'], outfile: join(options.out, 'server.js') },
  {
    entryPoints: ['server/src/cli/main.ts'],
    outfile: join(options.out, 'cli.js'),
    banner: { js: `#!/usr/bin/env node\n${whereAmI}` },
  },
  { entryPoints: ['engine/src/worker.ts'], outfile: join(options.out, 'worker.js') },
  {
    entryPoints: ['engine/src/archives/pgbackrest/fileLane.ts'],
    outfile: join(options.out, 'restoreLane.js'),
  },
  { entryPoints: ['engine/src/archives/walg/walgLane.ts'], outfile: join(options.out, 'walgLane.js') },
].map((it) => ({ ...shared, banner: { js: whereAmI }, ...it }));

if (options.watch) {
  for (const bundle of bundles) await (await context({ ...bundle, logLevel: 'info' })).watch();
} else {
  rmSync(options.out, { recursive: true, force: true });
  await Promise.all(bundles.map((bundle) => build(bundle)));
  chmodSync(join(options.out, 'cli.js'), 0o755);
}
