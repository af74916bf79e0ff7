/** Every folder of twins.ts: right as it stands, wrong after each bad change, right after each good one. */

import { describe, expect, test } from 'vitest';
import { inFile } from '../../server/src/core/part.ts';
import { workspaceOf } from '../support/check.ts';
import { type Change, folders } from './twins.ts';

/** Warnings and errors, as `rule at file:line: message`. */
function alarms(files: string): string[] {
  const { workspace } = workspaceOf(files);
  return [...workspace.findings().values()]
    .flat()
    .filter((it) => it.severity === 'error' || it.severity === 'warning')
    .map((it) => {
      const { uri, start } = inFile(it.at);
      const line = workspace.text(uri)!.slice(0, start).split('\n').length;
      return `${it.rule} at ${uri.replace(/^file:\/\//, '')}:${line}: ${it.message}`;
    });
}

function changed(files: string, { what, edits }: Change): string {
  return edits.reduce((text, [from, to]) => {
    const next = text.replace(from, to);
    if (next === text) throw new Error(`${what}: nothing to change for ${from}`);
    return next;
  }, files);
}

describe.each(folders)('$name', ({ files, bad, good }) => {
  test('is right as it stands', () => {
    expect(alarms(files)).toEqual([]);
  });
  test.each(good)('stays right: $what', (change) => {
    expect(alarms(changed(files, change))).toEqual([]);
  });
  test.each(bad)('is found: $what', (change) => {
    const found = alarms(changed(files, change));
    expect(
      found.filter((it) => change.rules!.includes(it.split(' ')[0]!)),
      found.join('\n'),
    ).not.toEqual([]);
  });
});
