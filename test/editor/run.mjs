// The extension in a real VS Code (code-server and Chromium): the packaged .vsix is unpacked and tested in-process with the
// full `vscode` API, then installed as a user would. Ends with `N passed, N failed`.
//
//   node test/editor/run.mjs [--grep TEXT] [--extension DIR] [--only web] [--screenshots DIR] [--keep]
//
// `--extension` takes an unpacked extension (e.g. this checkout after `npm run build`) and leaves the .vsix out.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { packageExtension } from '../../tools/package.mjs';
import { installRealVscode } from '../../tools/real-vscode.mjs';
import { accessibilityTests } from './accessibility.mjs';
import { runInProcess } from './inProcess.mjs';
import { installedTests } from './installed.mjs';
import { packageTests } from './package.mjs';
import { makeSlowArchive } from './slowArchive.mjs';
import { unpack } from './unpack.mjs';
import { runInWebHost } from './webHost.mjs';
import { makeHome } from './window.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: {
    grep: { type: 'string', default: '' },
    extension: { type: 'string' },
    only: { type: 'string' },
    screenshots: { type: 'string' },
    keep: { type: 'boolean' },
  },
});

const home = mkdtempSync(join(tmpdir(), 'restorable-editor-'));
let passed = 0;
let failed = 0;

/** One test outside of VS Code; tests of the suite inside report through the same function. */
const report = ({ name, error, seconds }) => {
  if (error) {
    failed++;
    console.log(`✗ ${name}\n${error.replace(/^/gm, '    ')}`);
  } else {
    passed++;
    console.log(`✓ ${name}${seconds === undefined ? '' : ` (${seconds.toFixed(1)} s)`}`);
  }
};

const errorOf = (test) =>
  test().then(
    () => undefined,
    (thrown) => (thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)),
  );

const runTests = async (tests) => {
  for (const [name, test] of Object.entries(tests)) {
    if (!name.includes(options.grep)) continue;
    const startedAt = performance.now();
    let error = await errorOf(test);
    if (error !== undefined && process.env.CI) {
      console.log(`SECOND TRY: ${name}`);
      error = await errorOf(test);
    }
    report({ name, error, seconds: (performance.now() - startedAt) / 1_000 });
  }
};

try {
  await installRealVscode({ log: console.log });
  let extension = options.extension && resolve(options.extension);
  if (!extension) {
    const vsix = await packageExtension({ out: join(home, 'restorable.vsix') });
    extension = unpack(vsix, join(home, 'unpacked'));
    if (options.only !== 'web') {
      await runTests(packageTests({ vsix, extension }));
      const installed = newHome('installed');
      await runTests(installedTests({ vsix, home: installed }));
      await runTests(accessibilityTests({ vsix, home: installed }));
    }
  }

  const shared = { extension, report, grep: options.grep, screenshots: options.screenshots };
  const output = [
    options.only === 'web' ? '' : await runInProcess({ ...newHome('in-process'), ...shared, suite: await suite() }),
    await runInWebHost({ home: newHome('web'), ...shared }),
  ].join('\n');
  if (failed > 0) {
    if (process.env.RESTORABLE_EDITOR_DEBUG) console.log(output);
    printExtensionLogs();
  }
} catch (error) {
  report({
    name: 'VS Code runs the tests',
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  });
} finally {
  if (options.keep) console.log(`Kept: ${home}`);
  else rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);

async function suite() {
  const outfile = join(home, 'suite.cjs');
  await build({
    entryPoints: [join(here, 'suite', 'index.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node22',
    format: 'cjs',
    external: ['vscode'],
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  return outfile;
}

/** What the extension and its server said in the windows that were open. */
function printExtensionLogs() {
  for (const entry of readdirSync(home, { recursive: true })) {
    if (!/restorable\.restorable[\\/][^\\/]+\.log$/.test(entry)) continue;
    const text = readFileSync(join(home, entry), 'utf8').trim();
    if (text !== '') console.log(`-- ${entry}\n${text.split('\n').slice(-40).join('\n')}`);
  }
}

/** The suite's own files, the examples with archives made by the real tools, and an archive that takes a while. */
function newHome(name) {
  const folders = makeHome(join(home, name), {
    '.': join(here, 'workspace'),
    examples: join(here, '..', '..', 'examples'),
  });
  const { archive, password } = makeSlowArchive();
  writeFileSync(join(folders.workspace, 'large.gz.enc'), archive);
  writeFileSync(join(folders.workspace, 'large.pass'), password);
  return folders;
}
