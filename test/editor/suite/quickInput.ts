/** Answers what VS Code asks at the top of its window: lists, boxes and, in a browser, the dialogs for files. */

import { hand } from './hand.ts';
import { eventually } from './test.ts';

export const input = '.quick-input-widget input.input';

/** Takes the row that holds `label`. */
export async function choose(label: string): Promise<void> {
  const row = `.quick-input-list .monaco-list-row:has-text("${label}")`;
  await hand('waitFor', { selector: row });
  await hand('click', { selector: row });
}

/** Of the two ways to give a password, the one without a file. */
export async function typePassword(password = 'correct horse battery staple'): Promise<void> {
  await choose('Type it');
  await hand('waitFor', { selector: '.quick-input-widget input[type="password"]' });
  await hand('fill', { selector: input, text: password });
  await hand('press', { key: 'Enter' });
}

/** A file dialog, which is a Quick Pick in a browser; it is deaf as long as it reads the folder. */
export async function accept(title: string, path: string): Promise<void> {
  const dialog = `.quick-input-title:has-text("${title}")`;
  await hand('waitFor', { selector: dialog });
  await eventually('the dialog to be accepted', async () => {
    // Also takes the focus, which a webview behind the dialog may have caught.
    await hand('fill', { selector: input, text: path });
    await new Promise((resolve) => setTimeout(resolve, 500));
    // While the dialog reads the folder it puts the proposed name back: accepting that would answer another question.
    if ((await hand<string>('value', { selector: input })) !== path) return false;
    await hand('press', { key: 'Enter' });
    return await hand('waitFor', { selector: dialog, state: 'hidden', timeoutMs: 2_000 }).then(
      () => true,
      () => false,
    );
  });
}
