// Opens the examples with the extension from this checkout: in the user's VS Code where `code` is installed, else in a
// browser through code-server, which is installed into a cache folder at first use.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { packageExtension } from './package.mjs';
import { installRealVscode, installVsix, onPath, startCodeServer } from './real-vscode.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { browser: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
});
const workspace = positionals[0] ?? join(root, 'examples');

if (options.help) {
  console.log(
    'usage: npm run code [-- --browser] [FOLDER]\n\n  --browser   use code-server even where `code` is installed',
  );
} else {
  const code = options.browser ? undefined : onPath('code');
  await (code ? openInVscode(code) : openInBrowser()).catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}

function openInVscode(code) {
  console.log(`Opening ${workspace} in your VS Code, with the extension from this checkout.`);
  const child = spawn(code, ['--new-window', `--extensionDevelopmentPath=${root}`, workspace], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (status) => (status ? reject(new Error(`code ended with ${status}`)) : resolve()));
  });
}

async function openInBrowser() {
  console.log('There is no `code` on the PATH, so the examples are opened in a browser.');
  await installRealVscode({ log: console.log });

  // A copy, so that trying things out leaves the checkout as it is.
  const home = mkdtempSync(join(tmpdir(), 'restorable-code-'));
  const [userData, extensions, copy] = ['user-data', 'extensions', 'examples'].map((it) => join(home, it));
  mkdirSync(join(userData, 'User'), { recursive: true });
  mkdirSync(extensions);
  cpSync(workspace, copy, { recursive: true });
  writeFileSync(
    join(userData, 'User', 'settings.json'),
    JSON.stringify({
      'workbench.startupEditor': 'readme',
      'workbench.secondarySideBar.defaultVisibility': 'hidden',
      'chat.disableAIFeatures': true,
      'security.workspace.trust.enabled': false,
    }),
  );
  console.log('Packaging the extension …');
  await installVsix({ vsix: await packageExtension({ out: join(home, 'restorable.vsix') }), userData, extensions });
  const password = randomBytes(12).toString('hex');
  const server = await startCodeServer({ userData, extensions, password });

  const url = `${server.url}?folder=${encodeURIComponent(copy)}`;
  console.log(
    `\n  ${url}\n  password: ${password}\n\nOnly this machine can reach it. Ctrl+C ends it and removes the copy of the examples.`,
  );
  openUrl(url);
  await new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, resolve);
  });
  await server.stop();
  rmSync(home, { recursive: true, force: true });
}

/** Tries the system's browser; where there is none, the printed address has to do. */
function openUrl(url) {
  const opener = process.platform === 'darwin' ? 'open' : 'xdg-open';
  if (!onPath(opener)) return;
  spawn(opener, [url], { stdio: 'ignore', detached: true })
    .on('error', () => {})
    .unref();
}
