// Makes the .vsix: a production build and the files that .vscodeignore names, nothing else. `--out FILE` says where to.
// Works in a folder of its own, so that `dist/` stays what the developer has built.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Design 6. */
export const maximumBytes = 5_000_000;

/** What is copied beside the bundles; .vscodeignore chooses among it. */
const SOURCES = [
  'README.md',
  'CHANGELOG.md',
  'LICENSE',
  '.vscodeignore',
  'package.nls.json',
  'l10n',
  'client',
  'media',
];

/** Parts of package.json that only a checkout needs. */
const DEVELOPMENT_ONLY = [
  'private',
  'bin',
  'scripts',
  'dependencies',
  'devDependencies',
  'optionalDependencies',
  'peerDependencies',
  'peerDependenciesMeta',
  'allowScripts',
];

/**
 * @param {string} [out] where to; the version's name in the project's folder when left out
 * @returns {string} the path of the .vsix
 */
export function packageExtension(out) {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const vsix = resolve(out ?? join(root, `${manifest.name}-${manifest.version}.vsix`));
  const staging = mkdtempSync(join(tmpdir(), 'restorable-package-'));
  try {
    for (const name of SOURCES) {
      if (existsSync(join(root, name))) cpSync(join(root, name), join(staging, name), { recursive: true });
    }
    const shipped = Object.fromEntries(Object.entries(manifest).filter(([name]) => !DEVELOPMENT_ONLY.includes(name)));
    writeFileSync(join(staging, 'package.json'), JSON.stringify(shipped, null, 2));
    node([join(root, 'tools', 'build.mjs'), '--production', '--out', join(staging, 'dist')], root);
    const vsce = join(root, 'node_modules', '@vscode', 'vsce', 'vsce');
    const asIs = ['--no-dependencies', '--allow-missing-repository', '--no-rewrite-relative-links'];
    // vsce looks for secrets in what it packages; the rules' examples, which are in the bundle, hold made-up AWS keys.
    const allowed = ['--allow-package-secrets', 'aws'];
    node([vsce, 'package', ...asIs, ...allowed, '--out', vsix], staging);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
  const { size } = statSync(vsix);
  if (size > maximumBytes) throw new Error(`${vsix} has ${size} bytes; at most ${maximumBytes} are allowed (design 6)`);
  return vsix;
}

/** Runs a script; its output is shown only when it fails. */
function node(args, cwd) {
  try {
    execFileSync(process.execPath, args, { cwd, stdio: 'pipe', timeout: 300_000 });
  } catch (error) {
    throw new Error(`${args[0]} failed:\n${error.stdout ?? ''}${error.stderr ?? ''}`, { cause: error });
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  const { values } = parseArgs({ options: { out: { type: 'string' } } });
  try {
    const vsix = packageExtension(values.out);
    console.log(`${vsix} (${(statSync(vsix).size / 1_000_000).toFixed(2)} MB)`);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
