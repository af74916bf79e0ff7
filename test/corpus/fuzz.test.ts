/** Accidents to right files, from a fixed seed: nothing throws, and every question gets an answer. The open-ended run is `npm run fuzz`. */

import { expect, test } from 'vitest';
import { completion } from '../../server/src/core/queries/completion.ts';
import { explain } from '../../server/src/core/queries/explanation.ts';
import { hover } from '../../server/src/core/queries/hover.ts';
import { lenses } from '../../server/src/core/queries/lenses.ts';
import { outline } from '../../server/src/core/queries/symbols.ts';
import { allRules } from '../../server/src/core/rules/all.ts';
import { Workspace } from '../../server/src/core/workspace.ts';
import { numbersFrom } from '../interop/confGenerator.ts';
import { parseMarkup } from '../support/markup.ts';
import { mutate } from './mutation.ts';
import { folders } from './twins.ts';

test('a hundred accidents to folders upset neither a rule nor a question', () => {
  const failures: string[] = [];
  Workspace.onRuleError = (rule, error) => failures.push(`${rule}: ${(error as Error).stack}`);
  const random = numbersFrom(20_260_101);
  for (let i = 0; i < 100; i++) {
    const folder = folders[i % folders.length]!;
    const files = parseMarkup(folder.files, '/file');
    const victim = Math.floor(random() * files.length);
    const workspace = new Workspace(allRules);
    for (const [at, { uri, text }] of files.entries()) {
      workspace.setFile(uri, text);
      if (at !== victim) continue;
      // As in an editor: the right text was there before.
      const mutated = mutate(text, random);
      workspace.setFile(uri, mutated);
      const offset = Math.floor(random() * (mutated.length + 1));
      for (const question of [completion, hover]) {
        try {
          question(workspace, uri, offset);
        } catch (error) {
          failures.push(`${question.name}, case ${i}: ${(error as Error).stack}`);
        }
      }
      lenses(workspace, uri);
      outline(workspace, uri);
    }
    workspace.findings();
    if (i % 4 === 0) explain(workspace);
    if (failures.length > 0) break;
  }
  Workspace.onRuleError = undefined;
  expect(failures).toEqual([]);
}, 120_000);
