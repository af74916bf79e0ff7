// Makes docs/screenshots/tour.gif: the extension in the real VS Code, from a mistake to a restore that was proven.
//
//   node tools/capture.mjs [--frames DIR] [--theme NAME]
//
// VS Code is code-server, a hand is Playwright's, and each frame is a picture with the time for which it is shown; ffmpeg makes
// one palette of all of them. Both are no dependency of the project: what is missing is installed into the cache folder
// (tools/real-vscode.mjs) or, for ffmpeg, named.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  choose,
  makeHome,
  openFile,
  quickRow,
  runCommand,
  typeCommand,
  webview,
  withWindow,
} from '../test/editor/window.mjs';
import { packageExtension } from './package.mjs';
import { installVsix, onPath } from './real-vscode.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { values: options } = parseArgs({
  options: { frames: { type: 'string' }, theme: { type: 'string', default: 'Dark Modern' } },
});

/** What a README shows without being slow to load. */
const maximumBytes = 2_500_000;

/** Wide enough for a line of base64 with its mark, small enough to be read in a README without a click. */
const viewport = { width: 1100, height: 660 };

/** Long enough for VS Code's own animations to end. */
const settleMs = 700;

if (!onPath('ffmpeg')) {
  console.error('the capture needs ffmpeg; install it, e.g. `apt-get install ffmpeg`');
  process.exit(1);
}

const home = mkdtempSync(join(tmpdir(), 'restorable-capture-'));
const frames = options.frames ?? join(home, 'frames');
const out = join(root, 'docs', 'screenshots', 'tour.gif');
mkdirSync(frames, { recursive: true });
/** @type {{ path: string, seconds: number }[]} */
const shown = [];

try {
  const folders = makeHome(
    home,
    { percona: join(root, 'examples', 'percona'), archives: join(root, 'examples', 'archives') },
    {
      name: 'backups',
      settings: {
        'workbench.colorTheme': options.theme,
        'workbench.activityBar.location': 'hidden',
        'workbench.layoutControl.enabled': false,
        'window.commandCenter': false,
        'breadcrumbs.enabled': false,
        'editor.wordWrap': 'on',
        'editor.minimap.enabled': false,
        'editor.hover.above': false,
        // The caret blinks between two frames otherwise.
        'editor.cursorBlinking': 'solid',
        'workbench.reduceMotion': 'on',
        'editor.fontSize': 15,
      },
    },
  );
  await installVsix({ vsix: await packageExtension({ out: join(home, 'restorable.vsix') }), ...folders });
  await withWindow(folders, tour, { viewport });
  encode();
  const { size } = statSync(out);
  console.log(`${out} (${(size / 1_000_000).toFixed(2)} MB, ${shown.length} frames)`);
  if (size > maximumBytes)
    throw new Error(`the capture has ${size} bytes; at most ${maximumBytes} are shown in a README`);
} finally {
  rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

/** @param {import('playwright-core').Page} page */
async function tour(page) {
  try {
    await steps(page);
  } catch (error) {
    if (options.frames) await page.screenshot({ path: join(frames, 'failed.png') });
    throw error;
  }
}

async function steps(page) {
  const frame = async (seconds) => {
    const path = join(frames, `${String(shown.length).padStart(3, '0')}.png`);
    await page.screenshot({ path });
    shown.push({ path, seconds });
  };
  const settled = async (seconds) => {
    await page.waitForTimeout(settleMs);
    await frame(seconds);
  };
  const caption = (text) => page.evaluate(showCaption, text);
  const press = (key) => page.keyboard.press(key);

  await openFile(page, 'percona/secret.yaml');
  const mark = page.locator('.squiggly-error').first();
  await mark.waitFor({ timeout: 60_000 });
  await caption('A Secret holds a pgBackRest conf in base64. One option in it is marked.');
  await settled(2.5);
  const box = await mark.boundingBox();
  await page.mouse.move(box.x + Math.min(box.width, 80) / 2, box.y + box.height / 2);
  await page.locator('.monaco-hover').first().waitFor();
  await caption('The pass has no cipher type: pgBackRest drops it, and stores the backup in plain text.');
  await settled(3.5);

  await page.mouse.move(5, 5);
  await page.locator('.monaco-hover').first().waitFor({ state: 'hidden' });
  await page.mouse.click(box.x + Math.min(box.width, 80) / 2, box.y + box.height / 2);
  // With the mouse over it, a pressed Control turns what it is over into a link.
  await page.mouse.move(5, 5);
  await press('Control+Period');
  await page.locator('.action-widget').first().waitFor();
  await caption('The cure is in another file, and one key away.');
  await settled(2.5);
  await press('Enter');
  await mark.waitFor({ state: 'hidden', timeout: 60_000 });
  await caption('The finding is gone.');
  await settled(1.6);

  await page.locator('.codelens-decoration a:has-text("Edit decoded")').click({ timeout: 60_000 });
  await page.locator('.tab.active:has-text("s3.conf")').waitFor();
  await page.locator('.view-line:has-text("repo2-cipher-pass")').first().waitFor();
  await caption(
    'Edit decoded: the same Secret as the configuration that it is. Its text never reaches the disk in clear.',
  );
  await settled(3);
  await press('Control+End');
  for (const text of ['repo2-', 'ret']) {
    await page.keyboard.type(text, { delay: 60 });
    await page.waitForTimeout(settleMs);
    await frame(0.7);
  }
  await page.locator('.suggest-widget .monaco-list-row').first().waitFor({ timeout: 60_000 });
  await caption('Completion knows what is valid here.');
  await settled(2);
  await press('Escape');
  for (let i = 0; i < 9; i++) await press('Backspace');

  await runCommand(page, 'Restorable: Generate Key');
  await quickRow(page, 'libsodium').waitFor();
  await caption('A new key: for which product, and where to.');
  await settled(2.2);
  await choose(page, 'pgBackRest cipher pass');
  await quickRow(page, 'Into a new Secret').waitFor();
  await settled(1.4);
  await choose(page, 'Into a new Secret');
  // A file dialog, which is deaf as long as it reads the folder.
  const dialog = page.locator('.quick-input-title:has-text("New Secret")');
  await dialog.waitFor();
  while (await dialog.isVisible()) {
    await page.waitForTimeout(settleMs);
    await press('Enter');
    await dialog.waitFor({ state: 'hidden', timeout: 2_000 }).catch(() => {});
  }
  await quickRow(page, 'Save a sheet to print').waitFor({ timeout: 20_000 });
  await caption('The Secret has the shape that the product reads, and the last step is a copy for the safe.');
  await settled(3.5);
  await press('Escape');
  await runCommand(page, 'Notifications: Clear All Notifications');

  await typeCommand(page, 'Restorable: Test Restore');
  await caption('Does the backup restore? Test Restore asks the archive itself.');
  await settled(1.6);
  await press('Enter');
  await quickRow(page, 'archives/pgbackrest/repo').waitFor();
  await settled(1.4);
  await choose(page, 'archives/pgbackrest/repo');
  await choose(page, 'Every key of the workspace');
  await quickRow(page, 'Check only').waitFor();
  await settled(1.2);
  await choose(page, 'Check only');
  await webview(page).locator('h1').waitFor({ timeout: 60_000 });
  await caption('On this machine, without pgBackRest, a cluster or a network: every file was decrypted and verified.');
  await settled(4.5);
}

/** Runs in the page: a line at the foot of the window that says what is to be seen. */
function showCaption(text) {
  const id = 'restorable-caption';
  let line = document.getElementById(id);
  if (!line) {
    line = document.createElement('div');
    line.id = id;
    line.style.cssText =
      'position:fixed;left:0;right:0;bottom:0;z-index:100000;padding:9px 16px;font:600 16px system-ui,sans-serif;background:#10222e;color:#fff;text-align:center;pointer-events:none';
    document.body.append(line);
  }
  line.textContent = text;
}

/** One palette for the whole, and only what changes from frame to frame is stored. */
function encode() {
  const list = join(frames, 'list.txt');
  const entries = shown.map(({ path, seconds }) => `file '${path}'\nduration ${seconds}`);
  // ffmpeg shows the last one for as long as it says only when it is named once more.
  writeFileSync(list, `${[...entries, `file '${shown.at(-1).path}'`].join('\n')}\n`);
  const palette =
    'split[a][b];[a]palettegen=max_colors=128:stats_mode=full[p];[b][p]paletteuse=dither=none:diff_mode=rectangle';
  const input = ['-f', 'concat', '-safe', '0', '-i', list];
  execFileSync(
    'ffmpeg',
    ['-y', '-loglevel', 'error', ...input, '-vf', `${palette}`, '-fps_mode', 'vfr', '-loop', '0', out],
    {
      stdio: 'inherit',
    },
  );
}
