// What is different in bundles for a browser's worker: no Node. A file that has a twin `NAME.web.ts` gives way to it, modules
// of Node have stand-ins in engine/src/web, and what is left of Node is refused when the bundle is made.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const standIn = (name) => join(root, 'engine', 'src', 'web', `${name}.ts`);

/** Modules of Node, and what stands in for them. */
const STAND_INS = {
  buffer: standIn('node'),
  crypto: standIn('crypto'),
  fs: standIn('files'),
  'fs/promises': standIn('files'),
  module: standIn('node'),
  os: standIn('node'),
  path: join(root, 'node_modules', 'path-browserify', 'index.js'),
  'timers/promises': standIn('node'),
  util: standIn('node'),
  zlib: standIn('zlib'),
};

/** Options of esbuild, over those that all bundles share. */
export const webBundle = {
  platform: 'browser',
  target: ['chrome120', 'firefox121', 'safari17'],
  conditions: ['browser', 'import'],
  mainFields: ['browser', 'module', 'main'],
  inject: [standIn('globals')],
  define: {
    'import.meta.url': 'undefined',
    'process.platform': '"browser"',
    'process.env.NODE_ENV': '"production"',
    global: 'globalThis',
    __dirname: '""',
  },
};

export const twins = {
  name: 'twins for the browser',
  setup(esbuild) {
    esbuild.onResolve({ filter: /^\.{1,2}\/.*\.ts$/ }, ({ path, resolveDir }) => {
      const twin = join(resolveDir, path.replace(/\.ts$/, '.web.ts'));
      return existsSync(twin) ? { path: twin } : undefined;
    });
    esbuild.onResolve({ filter: /^node:/ }, ({ path, importer }) => {
      const found = STAND_INS[path.slice('node:'.length)];
      return found ? { path: found } : { errors: [{ text: `${path} is not in a browser (from ${importer})` }] };
    });
  },
};
