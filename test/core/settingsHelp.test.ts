import { describe, expect, test } from 'vitest';
import { allRules } from '../../server/src/core/rules/all.ts';
import { workspaceOf } from '../support/check.ts';
import { checkCompletion, checkHover, completionLabels } from '../support/queries.ts';

const name = '/.restorablerc';

describe('completion in a .restorablerc', () => {
  test('the settings, with what begins below them', () => {
    expect(completionLabels('$0\n', undefined, name)).toEqual(['ignore', 'severity', 'target']);
    expect(completionLabels('# ours\n$0', undefined, name)).toEqual(['ignore', 'severity', 'target']);
    checkCompletion('# ours\nig$0', 'ignore', '# ours\nignore:\n  - ', name);
    checkCompletion('ignore: [x]\nsev$0\n', 'severity', 'ignore: [x]\nseverity:\n  \n', name);
    expect(completionLabels('ignore: [x]\n$0\n', undefined, name)).toEqual(['severity', 'target']);
  });

  test('every rule that has no severity yet, and the severities', () => {
    const labels = completionLabels('severity:\n  weak-cipher-pass: off\n  $0\n', undefined, name);
    expect(labels).toHaveLength(allRules.length - 1);
    expect(labels).not.toContain('weak-cipher-pass');
    checkCompletion('severity:\n  miss$0\n', 'missing-retention', 'severity:\n  missing-retention: \n', name);
    checkCompletion('severity:\n  miss$0: off\n', 'missing-retention', 'severity:\n  missing-retention: off\n', name);
    expect(completionLabels('severity:\n  missing-retention: $0\n', undefined, name)).toEqual([
      'off',
      'hint',
      'information',
      'warning',
      'error',
    ]);
  });

  test('versions in quotes: 2.50 is not 2.5', () => {
    checkCompletion('target:\n  pgbackrest: $0\n', '2.50', 'target:\n  pgbackrest: "2.50"\n', name);
    checkCompletion('target:\n  stackgres: "$0"\n', '1.16', 'target:\n  stackgres: "1.16"\n', name);
    expect(completionLabels('target:\n  $0\n', undefined, name)).toEqual(['pgbackrest', 'stackgres']);
  });

  test('the folders that there are', () => {
    const files = '#- /examples/a/x.yaml\nkind: X\n#- /.restorablerc\nignore:\n  - ex$0\n';
    expect(completionLabels(files)).toEqual(['examples/**', 'examples/a/**']);
  });

  test('in JSON, in quotes', () => {
    const json = '/.restorablerc.json';
    checkCompletion('{$0}', 'severity', '{"severity": }', json);
    checkCompletion(
      '{"severity": {"weak$0": "off"}}',
      'weak-cipher-pass',
      '{"severity": {"weak-cipher-pass": "off"}}',
      json,
    );
    checkCompletion('{"severity": {"weak-cipher-pass": $0}}', 'off', '{"severity": {"weak-cipher-pass": "off"}}', json);
    expect(
      completionLabels(`#- /a/x.yaml
kind: X
#- ${json}
{"ignore": [$0], "target": {}}
`),
    ).toEqual(['a/**']);
  });

  test('nothing where nothing is known, and no failure in half-typed or strange texts', () => {
    for (const text of [
      'severity: $0',
      'ignore:\n  a: $0\n',
      'x:\n  y: $0\n',
      '{"severity": {"$0',
      '[$0',
      '- - - $0',
      'severity:\n\t$0',
      '{{$0}}',
    ]) {
      expect(() => completionLabels(text, undefined, name)).not.toThrow();
    }
    expect(completionLabels('x:\n  y: $0\n', undefined, name)).toEqual([]);
  });
});

describe('hover in a .restorablerc', () => {
  test('says what a setting, a rule, a severity and a target are', () => {
    checkHover(`#- ${name}\nseve$0rity:\n^^^^^^^^^^ here\n  weak-cipher-pass: off\n`, 'severity', 'by its id');
    checkHover(
      `#- ${name}\nseverity:\n  weak-ci$0pher-pass: off\n  ^^^^^^^^^^^^^^^^^^ here\n`,
      '**weak-cipher-pass** · ',
    );
    checkHover(
      `#- ${name}\nseverity:\n  weak-cipher-pass: o$0ff\n`,
      'The rule says nothing',
      'weak-cipher-pass is told as',
    );
    checkHover(`#- ${name}\ntarget: {pgb$0ackrest: "2.45"}\n`, 'pgbackrest');
    checkHover(`#- ${name}\nnonsense$0: 1\n`);
    checkHover(`#- ${name}\nseverity: {no-such-rule$0: off}\n`);
  });
});

test('what completion writes, the reader understands', () => {
  for (const rule of allRules) {
    const { workspace } = workspaceOf(`#- ${name}\nseverity:\n  ${rule.id}: off\n`);
    expect([...workspace.findings().values()].flat()).toEqual([]);
  }
});
