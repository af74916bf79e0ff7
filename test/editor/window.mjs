// VS Code's window as a person uses it: keyboard and mouse, through Playwright.
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startBrowser, startCodeServer } from '../../tools/real-vscode.mjs';

/** Settings that keep VS Code quiet: no start page, no chat, no look for updates, no dialogs on its own. */
const QUIET = {
  'workbench.startupEditor': 'none',
  'workbench.enableExperiments': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'chat.disableAIFeatures': true,
  'telemetry.telemetryLevel': 'off',
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  'git.enabled': false,
  'security.workspace.trust.startupPrompt': 'never',
  'editor.hover.delay': 100,
  'files.hotExit': 'off',
};

/**
 * Makes a user's folders in `home`, and a workspace that is a copy of the given folders, each under its name.
 *
 * @param {Record<string, string>} contents where each folder is copied to in the workspace (`.` for its root)
 * @returns {{ userData: string, extensions: string, workspace: string }}
 */
export function makeHome(home, contents, { settings = {}, name = 'workspace' } = {}) {
  const [userData, extensions, workspace] = ['user-data', 'extensions', name].map((it) => join(home, it));
  mkdirSync(join(userData, 'User'), { recursive: true });
  mkdirSync(extensions);
  for (const [to, from] of Object.entries(contents)) cpSync(from, join(workspace, to), { recursive: true });
  writeFileSync(join(userData, 'User', 'settings.json'), JSON.stringify({ ...QUIET, ...settings }));
  return { userData, extensions, workspace };
}

/** Opens the workspace of a home in a new window, and closes all of it after `use`. */
export async function withWindow(home, use, { hasTrust = false, scale = 1, viewport } = {}) {
  const server = await startCodeServer({ ...home, hasTrust });
  const browser = await startBrowser({ scale, ...(viewport && { viewport }) });
  try {
    const page = browser.context.pages()[0] ?? (await browser.context.newPage());
    await page.goto(`${server.url}?folder=${encodeURIComponent(home.workspace)}`, { timeout: 160_000 });
    await page.locator('.explorer-folders-view .monaco-list-row').first().waitFor({ timeout: 60_000 });
    return await use(page);
  } finally {
    await browser.close();
    await server.stop();
  }
}

/** Opens a file through Quick Open, by its name or the end of its path. */
export async function openFile(page, path) {
  await page.keyboard.press('Control+KeyP');
  await quickInput(page).fill(path);
  await quickRow(page, path.split('/').at(-1)).waitFor({ timeout: 60_000 });
  await page.keyboard.press('Enter');
  await page.locator('.monaco-editor .view-lines').first().waitFor();
}

/** Types into the command palette; `>` is put in front. Again and again, since a new window learns its commands late. */
export async function typeCommand(page, text) {
  for (let attempt = 0; ; attempt++) {
    await page.keyboard.press('F1');
    try {
      await quickInput(page).fill(`>${text}`, { timeout: 3_000 });
      return await quickRow(page, text).waitFor({ timeout: 3_000 });
    } catch (error) {
      if (attempt === 20) throw error;
      await page.keyboard.press('Escape');
    }
  }
}

export async function runCommand(page, title) {
  await typeCommand(page, title);
  await page.keyboard.press('Enter');
  // What the command asks next has the same list; its rows must not be taken for the palette's.
  await page
    .locator('.quick-input-widget input.input[placeholder^="Type the name of a command"]')
    .waitFor({ state: 'hidden', timeout: 60_000 });
}

/** Chooses a row of whatever Quick Pick is open. */
export async function choose(page, text) {
  // Something has to be there before it can be filtered; a long list shows only what fits.
  await page.locator('.quick-input-list .monaco-list-row').first().waitFor({ timeout: 60_000 });
  await quickInput(page).fill(text);
  await quickRow(page, text).waitFor({ timeout: 60_000 });
  await page.keyboard.press('Enter');
  await quickRow(page, text).waitFor({ state: 'hidden', timeout: 60_000 });
}

/** The contents of a webview: a frame within a frame. */
export function webview(page) {
  return page.frameLocator('iframe.webview').frameLocator('iframe');
}

export function quickRow(page, text) {
  return page.locator('.quick-input-list .monaco-list-row').filter({ hasText: text }).first();
}

function quickInput(page) {
  return page.locator('.quick-input-widget input.input');
}
