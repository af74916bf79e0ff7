// Bundles the product: one file each for the extension, the language server, the engine's worker and the command line.
// `--watch` rebuilds on change, `--production` leaves source maps out (the .vsix must not carry our sources).
import { chmodSync, rmSync } from 'node:fs';
import { build, context } from 'esbuild';

const isProduction = process.argv.includes('--production');
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
};

const bundles = [
  { entryPoints: ['client/src/extension.ts'], outfile: 'dist/client.js', external: ['vscode'] },
  { entryPoints: ['server/src/lsp/main.ts'], outfile: 'dist/server.js' },
  { entryPoints: ['server/src/cli/main.ts'], outfile: 'dist/cli.js', banner: { js: '#!/usr/bin/env node' } },
  { entryPoints: ['engine/src/worker.ts'], outfile: 'dist/worker.js' },
].map((it) => ({ ...shared, ...it }));

if (process.argv.includes('--watch')) {
  for (const options of bundles) await (await context({ ...options, logLevel: 'info' })).watch();
} else {
  rmSync('dist', { recursive: true, force: true });
  await Promise.all(bundles.map((options) => build(options)));
  chmodSync('dist/cli.js', 0o755);
}
