// What a screen reader and weak eyes get: axe-core's rules on the pages and the view of the installed extension, in each of
// VS Code's own themes, and the way through them by keyboard alone.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, installVsix } from '../../tools/real-vscode.mjs';
import { choose, runCommand, typeCommand, webview, withWindow } from './window.mjs';

const AXE_VERSION = '4.14.1';

const THEMES = ['Dark Modern', 'Light Modern', 'Default High Contrast', 'Default High Contrast Light'];

/**
 * @param {object} options
 * @param {string} options.vsix is installed unless it is
 * @param {{ userData: string, extensions: string, workspace: string }} options.home with the examples as `examples` in its
 *   workspace
 */
export function accessibilityTests({ vsix, home }) {
  const tests = {};
  const inWindow = async (use) => {
    if (!readdirSync(home.extensions).some((it) => it.startsWith('restorable.'))) await installVsix({ vsix, ...home });
    return await withWindow(home, use);
  };
  for (const theme of THEMES) {
    tests[`the report and the view have names, landmarks and contrast (${theme})`] = async () => {
      useTheme(home, theme);
      await inWindow(async (page) => {
        await runCommand(page, 'Restorable: Focus on Overview View');
        const rows = page.locator('.pane-body .monaco-list-row');
        await rows.filter({ hasText: 'repo2' }).first().waitFor({ timeout: 60_000 });
        await everyRowSaysItsState(rows);
        assert.deepEqual(await violations(page, page.mainFrame(), '.pane-body'), []);

        await runCommand(page, 'Restorable: Test Restore');
        await choose(page, 'archives/pgbackrest/repo');
        await choose(page, 'Every key of the workspace');
        await choose(page, 'Check only');
        await webview(page).locator('h1').waitFor({ timeout: 60_000 });
        assert.deepEqual(await violationsOfWebview(page), []);
      });
    };
  }

  tests['the view is walked by keyboard: from the palette to a repository, and to its line'] = async () => {
    await inWindow(async (page) => {
      await runCommand(page, 'Restorable: Focus on Overview View');
      const row = page.locator('.pane-body .monaco-list-row').filter({ hasText: 'repo2' }).first();
      await row.waitFor({ timeout: 60_000 });
      const isFocused = async () =>
        (await page.locator('.pane-body .monaco-list-row.focused').allInnerTexts()).some((it) => it.includes('repo2'));
      // VS Code gives the focus to the list only once it has rows.
      await runCommand(page, 'Restorable: Focus on Overview View');
      await page.locator('.pane-body .monaco-list:focus').waitFor({ timeout: 60_000 });
      await page.keyboard.press('Home');
      for (let steps = 0; !(await isFocused()); steps++) {
        assert.ok(steps < 40, 'the arrow keys do not reach repo2');
        await page.keyboard.press('ArrowDown');
      }
      await page.keyboard.press('Enter');
      await page.locator('.tab.active:has-text("cluster.yaml")').waitFor({ timeout: 60_000 });
    });
  };

  tests['every command of the palette says what it does'] = async () => {
    await inWindow(async (page) => {
      // An open palette does not notice that the workspace has become a trusted one.
      await typeCommand(page, 'Restorable: Generate Key');
      await page.keyboard.press('Escape');
      await typeCommand(page, 'Restorable: ');
      const titles = await page
        .locator('.quick-input-list .monaco-list-row')
        .filter({ hasText: 'Restorable' })
        .allInnerTexts();
      assert.ok(titles.length > 5, titles.join('\n'));
      for (const title of titles) assert.match(title.replace(/\s+/g, ' '), /^Restorable: [A-Z][A-Za-z]+/);
    });
  };
  return tests;
}

function useTheme({ userData }, theme) {
  const path = join(userData, 'User', 'settings.json');
  const settings = JSON.parse(readFileSync(path, 'utf8'));
  writeFileSync(path, JSON.stringify({ ...settings, 'workbench.colorTheme': theme }));
}

/** Icons and colours are not read out: what they say has to stand in the label. */
async function everyRowSaysItsState(rows) {
  const labels = await rows.evaluateAll((all) => all.map((it) => it.getAttribute('aria-label') ?? ''));
  assert.ok(
    labels.every((it) => it.trim() !== ''),
    labels.join('\n'),
  );
  const repositories = labels.filter((it) => /^repo\d, /.test(it));
  assert.ok(repositories.length > 0, labels.join('\n'));
  for (const it of repositories) assert.match(it, /\. (Encrypted|Not encrypted|Cannot be used|Encryption unknown)/);
}

/**
 * A report has no scripts, so that axe cannot run in its frame: it runs in a page of its own with the same document, which
 * brings the theme's variables along.
 */
async function violationsOfWebview(page) {
  const frame = await (await page.frameLocator('iframe.webview').locator('iframe').elementHandle()).contentFrame();
  const copy = await page.context().newPage();
  try {
    await copy.setContent(await frame.content());
    // A page in VS Code is transparent: behind it stands the editor's background.
    await copy.evaluate(() => {
      document.documentElement.style.background = 'var(--vscode-editor-background)';
    });
    return await violations(copy, copy.mainFrame());
  } finally {
    await copy.close();
  }
}

/** @returns {Promise<string[]>} a line for every rule that is broken */
async function violations(_page, frame, selector) {
  await frame.evaluate(`${readFileSync(axe(), 'utf8')}\n;0`);
  const found = await frame.evaluate(async (where) => {
    const { violations: broken } = await globalThis.axe.run(where ?? document, {
      resultTypes: ['violations'],
      // VS Code puts the label and the description of a row side by side, without a blank: no name holds that text.
      rules: { 'label-content-name-mismatch': { enabled: false } },
    });
    return broken.map((it) => ({ id: it.id, nodes: it.nodes.map((node) => [node.html, node.failureSummary]) }));
  }, selector);
  return found.map(({ id, nodes }) => `${id}: ${nodes.flat().join(' ').slice(0, 600)}`);
}

/** axe-core is no dependency of the project; it lives in the cache folder as VS Code does. */
function axe() {
  const folder = join(cacheFolder(), `axe-core-${AXE_VERSION}`);
  if (!existsSync(folder)) {
    mkdirSync(cacheFolder(), { recursive: true });
    const staging = mkdtempSync(`${folder}.partial-`);
    try {
      writeFileSync(join(staging, 'package.json'), JSON.stringify({ private: true }));
      const quiet = ['--no-audit', '--no-fund', '--no-progress', '--loglevel=error', '--ignore-scripts'];
      execFileSync('npm', ['install', ...quiet, '--prefer-offline', `axe-core@${AXE_VERSION}`], { cwd: staging });
      if (!existsSync(folder)) renameSync(staging, folder);
    } finally {
      rmSync(staging, { recursive: true, force: true });
    }
  }
  return join(folder, 'node_modules', 'axe-core', 'axe.min.js');
}
