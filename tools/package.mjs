// Makes the .vsix: a production build and the files that .vscodeignore names, nothing else. `--out FILE` says where to.
// `--target linux-x64` makes the one for that platform, with libsodium's own machine code inside; without it, the one for
// every platform and the browser, which decrypts libsodium with OpenSSL or WebAssembly. `--target all` makes all of them.
// `--repository URL` is for a package that is published: its README shows the pictures from there, and its page links there.
// Works in a folder of its own, so that `dist/` stays what the developer has built.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

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

/** Platforms of VS Code for which sodium-native comes built; on the others the package for all of them is as good. */
export const TARGETS = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64', 'win32-x64', 'win32-arm64'];

/**
 * @param {{ out?: string, target?: string, repository?: string }} [options] `out`: where to; the version's name in the
 *   project's folder when left out. `target`: one of `TARGETS`; every platform when left out. `repository`: where the project
 *   is published, on GitHub or GitLab; without one, the package's README has no pictures, since they are not in the package
 * @returns {Promise<string>} the path of the .vsix
 */
export async function packageExtension({ out, target, repository } = {}) {
  if (target !== undefined && !TARGETS.includes(target)) {
    throw new Error(
      `there is no package for ${target}; there is one for ${TARGETS.join(', ')}, and one without --target`,
    );
  }
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const name = [manifest.name, ...(target ? [target] : []), manifest.version].join('-');
  const vsix = resolve(out ?? join(root, `${name}.vsix`));
  const staging = mkdtempSync(join(tmpdir(), 'restorable-package-'));
  try {
    for (const name of SOURCES) {
      if (existsSync(join(root, name))) cpSync(join(root, name), join(staging, name), { recursive: true });
    }
    const shipped = Object.fromEntries(Object.entries(manifest).filter(([name]) => !DEVELOPMENT_ONLY.includes(name)));
    const published = repository ? pagesOf(repository) : {};
    writeFileSync(join(staging, 'package.json'), JSON.stringify({ ...shipped, ...published }, null, 2));
    if (!repository) removePictures(join(staging, 'README.md'));
    node([join(root, 'tools', 'build.mjs'), '--production', '--out', join(staging, 'dist')], root);
    if (target) await addSodium(join(staging, 'dist', 'node_modules', 'sodium-native'), target);
    const vsce = join(root, 'node_modules', '@vscode', 'vsce', 'vsce');
    const asIs = [
      '--no-dependencies',
      ...(repository ? [] : ['--allow-missing-repository', '--no-rewrite-relative-links']),
    ];
    // vsce looks for secrets in what it packages; the rules' examples, which are in the bundle, hold made-up AWS keys.
    const allowed = ['--allow-package-secrets', 'aws'];
    const forTarget = target ? ['--target', target] : [];
    node([vsce, 'package', ...asIs, ...allowed, ...forTarget, '--out', vsix], staging);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
  const { size } = statSync(vsix);
  if (size > maximumBytes) throw new Error(`${vsix} has ${size} bytes; at most ${maximumBytes} are allowed (design 6)`);
  return vsix;
}

/** What a marketplace links to. */
function pagesOf(repository) {
  const url = repository.replace(/\/$|\.git$/, '');
  return {
    repository: { type: 'git', url: `${url}.git` },
    homepage: `${url}#readme`,
    bugs: { url: `${url}/issues` },
    qna: `${url}/discussions`,
  };
}

function removePictures(path) {
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replace(/^!\[[^\]]*\]\((?!https:)[^)]+\)\n\n?/gm, ''));
}

/**
 * The add-on sodium-native as a module of one file and the machine code of one platform. It finds its machine code by
 * looking through folders for the platform that runs; here that is decided already.
 */
async function addSodium(folder, target) {
  const from = join(root, 'node_modules', 'sodium-native');
  const machineCode = join(from, 'prebuilds', target, 'sodium-native.node');
  if (!existsSync(machineCode))
    throw new Error(`sodium-native is not installed, or has no build for ${target}: npm ci`);
  const oneBinding = {
    name: 'one binding',
    setup(esbuild) {
      const contents = "module.exports = require('./sodium-native.node');";
      esbuild.onLoad({ filter: /sodium-native[\\/]binding\.js$/ }, () => ({ contents }));
    },
  };
  await build({
    entryPoints: [join(from, 'index.js')],
    outfile: join(folder, 'index.js'),
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node20',
    external: ['./sodium-native.node'],
    plugins: [oneBinding],
    logLevel: 'warning',
  });
  const { name, version, license } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, version, license, main: 'index.js' }));
  cpSync(machineCode, join(folder, 'sodium-native.node'));
  cpSync(join(from, 'LICENSE'), join(folder, 'LICENSE'));
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
  const { values } = parseArgs({
    options: { out: { type: 'string' }, target: { type: 'string' }, repository: { type: 'string' } },
  });
  try {
    const targets = values.target === 'all' ? [undefined, ...TARGETS] : [values.target];
    for (const target of targets) {
      const out = targets.length === 1 ? values.out : undefined;
      const vsix = await packageExtension({ out, target, repository: values.repository });
      console.log(`${vsix} (${(statSync(vsix).size / 1_000_000).toFixed(2)} MB)`);
    }
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
