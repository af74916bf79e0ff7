// A real VS Code without Electron: code-server under the Node that it was built for, driven by the system's Chromium.
// Lives in a cache folder, never among the project's dependencies. `node tools/real-vscode.mjs install` fills the cache.
import { execFile, spawn } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

export const CODE_SERVER_VERSION = '4.139.1';
export const VSCODE_VERSION = '1.139.1';
const NODE_VERSION = '24.21.0';
const PLAYWRIGHT_VERSION = '1.65.1';

/** What the server cannot do without, of all that has an install script; the others only serve features that nobody uses here. */
const NATIVE_MODULES = ['@vscode/spdlog', '@vscode/native-watchdog', 'node-pty'];

const minuteMs = 60_000;

/** The cache: `$RESTORABLE_CACHE`, or `~/.cache/restorable`. */
export function cacheFolder() {
  return process.env.RESTORABLE_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'restorable');
}

/**
 * Installs code-server and playwright-core unless they are there. Safe to call at the same time from several processes:
 * each works in a folder of its own, and the first to finish gives it the final name.
 *
 * @param {{ log?: (line: string) => void }} options
 * @returns {Promise<{ node: string, entry: string, playwright: string }>} paths of the Node binary, of code-server's
 *   entry, and of the folder from which `playwright-core` can be imported
 * @throws Error that names the step, the command's last lines and what to install
 */
export async function installRealVscode({ log = () => {} } = {}) {
  const home = join(
    cacheFolder(),
    `code-server-${CODE_SERVER_VERSION}-node-${NODE_VERSION}-playwright-${PLAYWRIGHT_VERSION}`,
  );
  if (existsSync(join(home, 'complete'))) return installed(home);
  checkPlatform();

  mkdirSync(cacheFolder(), { recursive: true });
  const staging = await mkdtemp(`${home}.partial-`);
  const startedAt = Date.now();
  try {
    await fill(staging, log);
    // A crashed predecessor may have left an incomplete folder under the final name; a complete one belongs to a sibling.
    if (existsSync(home) && !existsSync(join(home, 'complete'))) await rm(home, { recursive: true, force: true });
    await rename(staging, home).catch((error) => {
      if (!existsSync(join(home, 'complete'))) throw error;
    });
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  log(`VS Code ${VSCODE_VERSION} is ready after ${Math.round((Date.now() - startedAt) / 1000)} s`);
  return installed(home);
}

/**
 * Starts code-server on a free port of 127.0.0.1; resolves when it answers. It ends with this process at the latest.
 *
 * @param {object} options
 * @param {string} options.userData an existing folder for settings and state
 * @param {string} options.extensions an existing folder of installed extensions
 * @param {string} [options.password] without one, everybody on this machine has a terminal in the user's name
 * @param {boolean} [options.hasTrust] whether workspaces have to be trusted first, as in a VS Code of one's own
 * @param {Record<string, string>} [options.env] put into the environment of the extension host
 * @returns {Promise<{ url: string, output: () => string, stop: () => Promise<void> }>}
 */
export async function startCodeServer({ userData, extensions, password, hasTrust = false, env = {} }) {
  const { node, entry } = await installRealVscode();
  const port = await freePort();
  const child = spawn(
    node,
    [
      entry,
      ...[
        '--bind-addr',
        `127.0.0.1:${port}`,
        '--auth',
        password ? 'password' : 'none',
        ...folders({ userData, extensions }),
      ],
      ...['--session-socket', join(userData, 'session.sock')],
      ...['--disable-telemetry', '--disable-update-check', '--disable-getting-started-override'],
      ...(hasTrust ? [] : ['--disable-workspace-trust']),
    ],
    {
      env: { ...environment(node), ...env, ...(password && { PASSWORD: password }) },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    },
  );
  let output = '';
  const collect = (chunk) => {
    output = (output + chunk).slice(-200_000);
  };
  child.stdout.setEncoding('utf8').on('data', collect);
  child.stderr.setEncoding('utf8').on('data', collect);
  const exited = new Promise((resolve) => child.once('exit', resolve));
  process.once('exit', () => child.exitCode === null && signalGroup(child.pid, 'SIGKILL'));

  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    signalGroup(child.pid, 'SIGTERM');
    const timer = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), 5_000);
    await exited;
    clearTimeout(timer);
    signalGroup(child.pid, 'SIGKILL');
  };

  const url = `http://127.0.0.1:${port}/`;
  const deadline = Date.now() + minuteMs;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`code-server ended at once with code ${child.exitCode}:\n${output}`);
    if (await answers(`${url}healthz`)) return { url, output: () => output, stop };
    if (Date.now() > deadline) {
      await stop();
      throw new Error(`code-server did not answer at ${url} within a minute:\n${output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Installs a .vsix into an extensions folder, by code-server's own command. */
export async function installVsix({ vsix, userData, extensions }) {
  const { node, entry } = await installRealVscode();
  return await run(
    'installing the .vsix',
    node,
    [entry, ...folders({ userData, extensions }), '--install-extension', vsix],
    { cwd: userData, env: environment(node), timeoutMs: 3 * minuteMs },
  );
}

/**
 * Starts Chromium with an empty profile that is removed again by `close`.
 *
 * @returns {Promise<{ context: import('playwright-core').BrowserContext, close: () => Promise<void> }>}
 */
export async function startBrowser({ viewport = { width: 1280, height: 800 }, headless = true, scale = 1 } = {}) {
  const { playwright } = await installRealVscode();
  const { chromium } = await import(pathToFileURL(join(playwright, 'index.mjs')).href);
  const profile = await mkdtemp(join(tmpdir(), 'restorable-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: chromiumPath(),
    headless,
    viewport,
    deviceScaleFactor: scale,
    args: [
      ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
      ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
    ],
    timeout: minuteMs,
  });
  return {
    context,
    close: async () => {
      await context.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

function folders({ userData, extensions }) {
  return ['--config', join(userData, 'code-server.yaml'), '--user-data-dir', userData, '--extensions-dir', extensions];
}

async function fill(staging, log) {
  const nodePackage = `node-${process.platform}-${process.arch}`;
  await writeFile(
    join(staging, 'package.json'),
    JSON.stringify({
      private: true,
      dependencies: {
        'code-server': CODE_SERVER_VERSION,
        [nodePackage]: NODE_VERSION,
        'playwright-core': PLAYWRIGHT_VERSION,
      },
    }),
  );
  const quiet = ['--no-audit', '--no-fund', '--no-progress', '--loglevel=error'];
  const fetching = ['--prefer-offline', '--fetch-retries=5', '--fetch-timeout=120000'];

  log(`Downloading code-server ${CODE_SERVER_VERSION} (VS Code ${VSCODE_VERSION}) and Node ${NODE_VERSION} …`);
  await npm(process.execPath, ['install', '--ignore-scripts', ...quiet, ...fetching], staging, 15);

  const { node, vscode, nodeHome } = layout(staging);
  log('Downloading the dependencies of VS Code …');
  // `install`, not `ci`: code-server's shrinkwrap files do not agree with its package.json files to the letter.
  await npm(node, ['install', '--omit=dev', '--ignore-scripts', ...quiet, ...fetching], vscode, 15);
  await npm(node, ['install', '--omit=dev', '--ignore-scripts', ...quiet, ...fetching], join(vscode, 'extensions'), 10);

  log(`Building the native modules (${NATIVE_MODULES.join(', ')}) …`);
  await npm(node, ['rebuild', '--foreground-scripts', ...quiet, ...NATIVE_MODULES], vscode, 15, {
    npm_config_nodedir: nodeHome,
    npm_config_build_from_source: 'true',
  });
  await npm(node, ['rebuild', '--foreground-scripts', ...quiet, 'argon2'], staging, 10, {
    npm_config_nodedir: nodeHome,
  });

  // What code-server's own postinstall does besides.
  for (const [folder, source, name] of [
    ['remote-cli', 'code', 'code-server'],
    ['helpers', 'browser', 'browser.sh'],
  ]) {
    const link = join(vscode, 'bin', folder, name);
    rmSync(link, { force: true });
    symlinkSync(`${source}-${process.platform === 'darwin' ? 'darwin' : 'linux'}.sh`, link);
  }
  // The chat extension is 40 MB that every window would load.
  rmSync(join(vscode, 'extensions', 'copilot'), { recursive: true, force: true });

  const version = await run(
    'asking code-server for its version',
    node,
    [layout(staging).entry, '--config', join(staging, 'config.yaml'), '--version'],
    {
      cwd: staging,
      env: environment(node),
      timeoutMs: minuteMs,
    },
  );
  if (!version.includes(`${CODE_SERVER_VERSION} `)) throw new Error(`code-server says that it is ${version.trim()}`);
  await writeFile(join(staging, 'complete'), '');
}

function layout(home) {
  const modules = join(home, 'node_modules');
  const nodeHome = join(modules, `node-${process.platform}-${process.arch}`);
  return {
    nodeHome,
    node: join(nodeHome, 'bin', 'node'),
    entry: join(modules, 'code-server', 'out', 'node', 'entry.js'),
    vscode: join(modules, 'code-server', 'lib', 'vscode'),
    playwright: join(modules, 'playwright-core'),
  };
}

function installed(home) {
  const { node, entry, playwright, vscode } = layout(home);
  return { node, entry, playwright, vscode };
}

function checkPlatform() {
  if (process.platform === 'win32') {
    throw new Error('code-server does not run on Windows; install VS Code and put `code` on the PATH');
  }
  for (const tool of ['make', 'c++', 'python3']) {
    if (!onPath(tool)) {
      const cure =
        process.platform === 'darwin' ? 'xcode-select --install' : 'apt-get install build-essential python3 pkg-config';
      throw new Error(`code-server needs ${tool} to build its native modules; install it, e.g. \`${cure}\``);
    }
  }
}

/** @returns {string | undefined} the path of a program, as a shell would find it */
export function onPath(program) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of process.platform === 'win32' ? [`${program}.cmd`, `${program}.exe`] : [program]) {
      try {
        const path = join(folder, name);
        accessSync(path, constants.X_OK);
        return path;
      } catch {}
    }
  }
  return undefined;
}

function chromiumPath() {
  const found = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'].map(onPath).find(Boolean);
  if (!found) throw new Error('no Chromium on the PATH; install it, e.g. `apt-get install chromium`');
  return found;
}

/** Runs this machine's npm under the given Node, which then also compiles and runs the install scripts. */
function npm(node, args, cwd, minutes, env = {}) {
  return run(`npm ${args[0]}`, node, [npmEntry(), ...args], {
    cwd,
    env: { ...environment(node), npm_config_cache: npmCache(), ...env },
    timeoutMs: minutes * minuteMs,
  });
}

function npmEntry() {
  const candidates = [
    process.env.npm_execpath,
    onPath('npm') && realpathSync(onPath('npm')),
    join(dirname(process.execPath), '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
  ];
  const entry = candidates.find((it) => it?.endsWith('npm-cli.js') && existsSync(it));
  if (!entry)
    throw new Error('npm was not found beside Node; run this script through `npm run`, or put npm on the PATH');
  return entry;
}

function npmCache() {
  return process.env.npm_config_cache || join(homedir(), '.npm');
}

/** Our environment without what a surrounding npm or VS Code put into it, and with the right Node first on the PATH. */
function environment(node) {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(npm_(?!config_)|VSCODE_|ELECTRON_|NODE_OPTIONS$)/i.test(name),
  );
  return { ...Object.fromEntries(kept), PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}` };
}

function run(step, command, args, { cwd, env, timeoutMs }) {
  return new Promise((resolve, reject) => {
    execFile(command, args, { cwd, env, timeout: timeoutMs, maxBuffer: 64 * 2 ** 20 }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      const why = error.killed
        ? `did not end within ${timeoutMs / minuteMs} minutes`
        : `failed with ${error.code ?? error.signal}`;
      const lines = `${stdout}\n${stderr}`.trim().split('\n').slice(-40).join('\n');
      reject(new Error(`${step} ${why} in ${cwd}:\n${lines}`));
    });
  });
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function answers(url) {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}

function signalGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch {}
}

if (process.argv[1] && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  if (process.argv[2] === 'install') {
    await installRealVscode({ log: console.log }).catch((error) => {
      console.error(error.message);
      process.exitCode = 1;
    });
  } else if (process.argv[2] === 'clean') {
    for (const name of existsSync(cacheFolder()) ? readdirSync(cacheFolder()) : []) {
      if (name.startsWith('code-server-')) rmSync(join(cacheFolder(), name), { recursive: true, force: true });
    }
  } else {
    console.error('usage: node tools/real-vscode.mjs install|clean');
    process.exitCode = 2;
  }
}
