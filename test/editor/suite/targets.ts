import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { hand } from './hand.ts';
import { choose } from './quickInput.ts';
import { eventually, test } from './test.ts';
import { code, file, findings, open } from './workspace.ts';

const items = '.hover-language-status .element';
const shown = async () => (await hand<string[]>('text', { selector: items })).map((it) => it.replace(/\s+/g, ' '));

async function openStatus(): Promise<void> {
  await hand('press', { key: 'Escape' });
  await hand('click', { selector: '.statusbar-item[id*="languageStatus"]' });
  await hand('waitFor', { selector: items });
}

test('the status says what is wrong in this file, and for which versions it is checked', async () => {
  await open('percona-secret.yaml');
  await eventually('the finding', () => findings('percona-secret.yaml').length > 0);
  await openStatus();
  const said = await eventually('the counts', async () => {
    const lines = await shown();
    return lines.some((it) => /^1 error/.test(it)) ? lines : undefined;
  });
  assert.ok(
    said.some((it) => /all files: \d+ errors/.test(it)),
    said.join('\n'),
  );
  assert.ok(
    said.some((it) => /Newest versions.*Change/.test(it)),
    said.join('\n'),
  );
  await hand('screenshot', { name: 'status' });
});

test('a target version is chosen by hand, written to the workspace and checked for', async () => {
  const path = 'young.pgbackrest.conf';
  const conf = '[global]\nrepo1-path=/x\nrepo1-retention-full=2\nrepo1-bundle=y\nrepo1-block=y\n[a]\npg1-path=/p\n';
  await vscode.workspace.fs.writeFile(file(path), Buffer.from(conf));
  await open(path);
  const target = () => vscode.workspace.getConfiguration('restorable', file(path)).get('target');
  const choosing = vscode.commands.executeCommand('restorable.chooseTargets');
  await choose('pgBackRest');
  // What is typed need not be on the list.
  await hand('waitFor', { selector: '.quick-input-title:has-text("Which version of pgBackRest?")' });
  await hand('fill', { selector: '.quick-input-widget input.input', text: '2.40' });
  await hand('waitFor', { selector: '.quick-input-list .monaco-list-row:has-text("2.40")' });
  await hand('press', { key: 'Enter' });
  await choosing;
  await eventually('the setting', () => JSON.stringify(target()) === '{"pgbackrest":"2.40"}');
  await eventually('a finding about the version', () => findings(path).some((it) => /2\.40/.test(it.message)));
  await openStatus();
  await eventually('the version', async () => (await shown()).some((it) => /^pgBackRest 2\.40/.test(it)));

  const back = vscode.commands.executeCommand('restorable.chooseTargets');
  await choose('pgBackRest');
  await hand('waitFor', { selector: '.quick-input-title:has-text("Which version of pgBackRest?")' });
  await choose('Newest');
  await back;
  await eventually('no setting', () => JSON.stringify(target()) === '{}');
  await eventually(
    'no finding',
    () =>
      !findings(path)
        .map(code)
        .some((it) => /since|version|release/.test(it)),
  );
  await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  await vscode.workspace.fs.delete(file(path));
});
