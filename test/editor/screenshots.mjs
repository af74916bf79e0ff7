// Takes the pictures of docs/screenshots from the packaged extension: `node test/editor/screenshots.mjs [NAME...]`; the moving
// one is made by tools/capture.mjs. `npm run pictures` makes them all.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageExtension } from '../../tools/package.mjs';
import { installVsix } from '../../tools/real-vscode.mjs';
import { makeSlowArchive } from './slowArchive.mjs';
import { choose, makeHome, openFile, quickRow, runCommand, typeCommand, webview, withWindow } from './window.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const wanted = process.argv.slice(2);

/** Long enough for animations and the blinking cursor to be out of the way. */
const settleMs = 1_200;

const pictures = {
  findings: async (page, shoot) => {
    await openFile(page, 'percona/secret.yaml');
    await page.locator('.squiggly-error').first().waitFor({ timeout: 60_000 });
    await page.waitForTimeout(settleMs);
    // The mark lies under the text, which would be what is hovered.
    const { x, y, width, height } = await page.locator('.squiggly-error').first().boundingBox();
    await page.mouse.move(x + Math.min(width, 80) / 2, y + height / 2);
    await page.locator('.monaco-hover').first().waitFor();
    await shoot();
  },
  palette: async (page, shoot) => {
    await openFile(page, 'percona/secret.yaml');
    await page.waitForTimeout(settleMs);
    await typeCommand(page, 'Restorable: ');
    await quickRow(page, 'Restorable: Generate Key').waitFor();
    await shoot();
  },
  'generate-key': async (page, shoot) => {
    await openFile(page, 'storages.yaml');
    await page.waitForTimeout(settleMs);
    await runCommand(page, 'Restorable: Generate Key');
    await quickRow(page, 'libsodium').waitFor();
    await shoot();
  },
  report: async (page, shoot) => {
    await runCommand(page, 'Restorable: Test Restore');
    await choose(page, 'archives/pgbackrest/repo');
    await choose(page, 'Every key of the workspace');
    await choose(page, 'Check only');
    await webview(page).locator('h1').waitFor({ timeout: 60_000 });
    await shoot();
  },
  progress: async (page, shoot) => {
    await openFile(page, 'stackgres/storages.yaml');
    await runCommand(page, 'Restorable: Test Restore');
    await choose(page, 'shop-2026-01-01.sql.gz.enc');
    await choose(page, 'A key file or a typed key');
    await choose(page, 'openssl enc');
    await choose(page, 'Type it');
    await page.keyboard.type(slow.password);
    await page.keyboard.press('Enter');
    await choose(page, 'Check only');
    await page.locator('.notification-toast:has-text(" left")').waitFor({ timeout: 20_000 });
    await shoot();
  },
  overview: async (page, shoot) => {
    await openFile(page, 'percona/cluster.yaml');
    await page.waitForTimeout(settleMs);
    await runCommand(page, 'Restorable: Focus on Overview View');
    await page.locator('.pane-body .monaco-list-row:has-text("repo2")').first().click();
    await shoot();
  },
  'edit-decoded': async (page, shoot) => {
    await openFile(page, 'percona/secret.yaml');
    await page.locator('.codelens-decoration a:has-text("Edit decoded")').click({ timeout: 60_000 });
    await page.locator('.tab.active:has-text("s3.conf")').waitFor();
    await page.locator('.squiggly-error').first().waitFor({ timeout: 60_000 });
    await page.waitForTimeout(settleMs);
    await shoot();
  },
  walkthrough: async (page, shoot) => {
    await page.keyboard.press('Control+KeyB');
    await runCommand(page, 'Restorable: Get Started');
    await page.getByText('Prove that it restores').first().click();
    await page.waitForTimeout(settleMs);
    await shoot();
  },
};

const home = mkdtempSync(join(tmpdir(), 'restorable-'));
const slow = makeSlowArchive();
try {
  const folders = makeHome(
    home,
    { '.': join(root, 'examples') },
    {
      name: 'examples',
      settings: {
        'workbench.colorTheme': process.env.THEME ?? 'Dark Modern',
        'editor.wordWrap': 'on',
        'editor.minimap.enabled': false,
        'editor.hover.above': false,
      },
    },
  );
  writeFileSync(join(folders.workspace, 'archives', 'shop-2026-01-01.sql.gz.enc'), slow.archive);
  await installVsix({ vsix: await packageExtension({ out: join(home, 'restorable.vsix') }), ...folders });
  for (const [name, take] of Object.entries(pictures)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const path = join(process.env.PICTURES ?? join(root, 'docs', 'screenshots'), `${name}.png`);
    await withWindow(folders, (page) =>
      take(page, async () => {
        if (name !== 'progress') await page.waitForTimeout(settleMs);
        await page.screenshot({ path });
        console.log(path);
      }),
    );
  }
} finally {
  rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
