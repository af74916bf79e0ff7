// The .vsix as a user meets it: installed by VS Code's own command, seen through the window.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { installVsix } from '../../tools/real-vscode.mjs';
import { openFile, typeCommand, withWindow } from './window.mjs';

const findingMs = 60_000;

export function installedTests({ vsix, home }) {
  let installed;
  const install = () => {
    installed ??= installVsix({ vsix, ...home });
    return installed;
  };

  return {
    'the package can be installed': async () => {
      await install();
      assert.ok(readdirSync(home.extensions).some((it) => it.startsWith('restorable.restorable-')));
    },

    'the installed extension marks a pass without a type inside base64': async () => {
      await install();
      await withWindow(home, async (page) => {
        await openFile(page, 'percona-secret.yaml');
        await page.locator('.squiggly-error').first().waitFor({ timeout: findingMs });
      });
    },

    'a restricted workspace is checked, and nothing else is offered': async () => {
      await install();
      const inWindow = async (page) => {
        await page.getByText('Restricted Mode').first().waitFor({ timeout: 60_000 });
        await openFile(page, 'percona-secret.yaml');
        await page.locator('.squiggly-error').first().waitFor({ timeout: findingMs });
        await typeCommand(page, 'Restorable: Show Log');
        await page.keyboard.press('Escape');
        await typeCommand(page, 'Restorable: ');
        const titles = await page.locator('.quick-input-list .monaco-list-row').allInnerTexts();
        assert.ok(!titles.some((it) => /Generate Key|Test Restore|Decrypt|Encode/.test(it)), titles.join('\n'));
      };
      await withWindow(home, inWindow, { hasTrust: true });
    },
  };
}
