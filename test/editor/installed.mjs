// The .vsix as a user meets it: installed by VS Code's own command, seen through the window.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { installVsix, startBrowser, startCodeServer } from '../../tools/real-vscode.mjs';

const findingMs = 60_000;

export function installedTests({ vsix, home: { userData, extensions, workspace } }) {
  const withWindow = async (options, use) => {
    const server = await startCodeServer({ userData, extensions, ...options });
    const browser = await startBrowser();
    try {
      const page = browser.context.pages()[0] ?? (await browser.context.newPage());
      await page.goto(`${server.url}?folder=${encodeURIComponent(workspace)}`, { timeout: 120_000 });
      await page.locator('.monaco-workbench').waitFor({ timeout: 60_000 });
      await use(page);
    } finally {
      await browser.close();
      await server.stop();
    }
  };

  return {
    'the package can be installed': async () => {
      await installVsix({ vsix, userData, extensions });
      assert.ok(readdirSync(extensions).some((it) => it.startsWith('restorable.restorable-')));
    },

    'the installed extension marks a pass without a type inside base64': async () => {
      await withWindow({}, async (page) => {
        await openFile(page, 'percona-secret.yaml');
        await page.locator('.squiggly-error').first().waitFor({ timeout: findingMs });
      });
    },

    'a restricted workspace is checked, and nothing else is offered': async () => {
      await withWindow({ hasTrust: true }, async (page) => {
        await page.getByText('Restricted Mode').first().waitFor({ timeout: 60_000 });
        await openFile(page, 'percona-secret.yaml');
        await page.locator('.squiggly-error').first().waitFor({ timeout: findingMs });
        const titles = await commandsOffered(page, 'Restorable: ');
        assert.ok(
          titles.some((it) => it.includes('Show Log')),
          titles.join('\n'),
        );
        assert.ok(!titles.some((it) => /Generate Key|Test Restore|Decrypt/.test(it)), titles.join('\n'));
      });
    },
  };
}

/** Through Quick Open, as with the keyboard. */
export async function openFile(page, name) {
  await page.keyboard.press('Control+KeyP');
  const input = page.locator('.quick-input-widget input');
  await input.fill(name);
  await page.locator('.quick-input-list .monaco-list-row').filter({ hasText: name }).first().click();
  await page.locator('.monaco-editor .view-lines').first().waitFor();
}

async function commandsOffered(page, text) {
  await page.keyboard.press('F1');
  const input = page.locator('.quick-input-widget input');
  await input.fill(`>${text}`);
  await page.locator('.quick-input-list .monaco-list-row').filter({ hasText: text }).first().waitFor();
  const titles = await page.locator('.quick-input-list .monaco-list-row').allInnerTexts();
  await page.keyboard.press('Escape');
  return titles;
}
