import { describe, expect, test } from 'vitest';
import { matchesGlob } from '../../server/src/core/glob.ts';
import { ignoreFix } from '../../server/src/core/queries/ignoreFix.ts';
import { noSettings } from '../../server/src/core/settings.ts';
import { applyFix, checkDiagnostics, checkFix, workspaceOf } from '../support/check.ts';

const conf = { defaultName: '/pgbackrest.conf' };

describe('a comment silences', () => {
  test('the next line that says something', () => {
    checkDiagnostics(
      `
[global]
# restorable-ignore missing-retention: a job of ours expires the backups

# another comment
repo1-path=/var/lib/pgbackrest
`,
      conf,
    );
  });

  test('its own line in YAML', () => {
    checkDiagnostics(`
apiVersion: v1
kind: Secret
metadata: {name: app}
stringData:
  password: | # restorable-ignore secret-value-newline: the program trims it
    hunter2-hunter2
`);
  });

  test('not its own line in a pgbackrest.conf, where a comment behind a value is a part of it', () => {
    const { workspace } = workspaceOf(
      '[global]\nrepo1-path=/backup # restorable-ignore inline-comment: no\nrepo1-retention-full=2\n',
      conf,
    );
    expect([...workspace.findings().values()].flat().map((it) => it.rule)).toContain('inline-comment');
  });

  test('only the rules that it names', () => {
    const { workspace } = workspaceOf('[global]\n# restorable-ignore weak-cipher-pass: no\nrepo1-path=/backup\n', conf);
    expect([...workspace.findings().values()].flat().map((it) => it.rule)).toEqual([
      'missing-retention',
      'unused-ignore',
    ]);
  });

  test('several rules at once, and a whole file', () => {
    checkDiagnostics(
      `
# restorable-ignore-file missing-retention, weak-cipher-pass: a test
[global]
repo1-path=/backup
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass=our-backup-2024
repo2-path=/more
`,
      conf,
    );
  });

  test('a line of a conf in a block scalar', () => {
    checkDiagnostics(`
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData:
  pgbackrest.conf: |
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    repo1-cipher-type=aes-256-cbc
    # restorable-ignore weak-cipher-pass: a test
    repo1-cipher-pass=our-backup-2024
`);
  });

  test('a line of a conf inside base64', () => {
    const text = (comment: string) =>
      Buffer.from(
        `[global]\nrepo1-path=/backup\nrepo1-retention-full=2\nrepo1-cipher-type=aes-256-cbc\n${comment}repo1-cipher-pass=our-backup-2024\n`,
      ).toString('base64');
    const secret = (value: string) =>
      `apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\ndata:\n  pgbackrest.conf: ${value}\n`;
    const rules = (markup: string) =>
      [...workspaceOf(markup).workspace.findings().values()].flat().map((it) => it.rule);
    expect(rules(secret(text('')))).toEqual(['weak-cipher-pass']);
    expect(rules(secret(text('# restorable-ignore weak-cipher-pass: a test\n')))).toEqual([]);
  });

  test('and is not taken for one of another program', () => {
    checkDiagnostics(
      `
[global]
# restorable-ignored missing-retention: no
# see restorable-ignore in the manual
repo1-path=/var/lib/pgbackrest
^^^^^^^^^^ warning missing-retention
`,
      conf,
    );
  });
});

describe('a comment that silences nothing is told, and can be taken away', () => {
  test('the whole comment', () => {
    checkFix(
      'Remove the comment',
      '[global]\n# restorable-ignore weak-cipher-pass: no\nrepo1-path=/b\nrepo1-retention-full=2\n',
      '[global]\nrepo1-path=/b\nrepo1-retention-full=2\n',
      conf,
    );
  });

  test('one name of several', () => {
    checkFix(
      'Do not ignore weak-cipher-pass here',
      '[global]\n# restorable-ignore missing-retention, weak-cipher-pass: ours\nrepo1-path=/b\n',
      '[global]\n# restorable-ignore missing-retention: ours\nrepo1-path=/b\n',
      conf,
    );
  });

  test('not where the settings keep the rule from speaking', () => {
    checkDiagnostics(`
#- /.restorablerc
severity: {missing-retention: off}
#- /pgbackrest.conf
[global]
repo1-path=/b
`);
  });
});

describe('the fix that ignores a finding here leaves nothing but the question why', () => {
  const secret = (value: string) =>
    `apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\ndata:\n  pgbackrest.conf: ${value}\n`;
  const weak =
    '[global]\nrepo1-path=/backup\nrepo1-retention-full=2\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=our-backup-2024\n';
  test.each([
    [
      'in a conf',
      '/pgbackrest.conf',
      '[global]\nrepo1-path=/b\n',
      '[global]\n# restorable-ignore missing-retention: \nrepo1-path=/b\n',
    ],
    [
      'in YAML',
      '/a.yaml',
      'apiVersion: v1\nkind: Secret\nmetadata: {name: app}\nstringData:\n  password: |\n    hunter2-hunter2\n',
      'apiVersion: v1\nkind: Secret\nmetadata: {name: app}\nstringData:\n  # restorable-ignore secret-value-newline: \n  password: |\n    hunter2-hunter2\n',
    ],
    [
      'in a block scalar',
      '/a.yaml',
      `apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData:\n  pgbackrest.conf: |\n${weak.replace(/^(?=.)/gm, '    ')}`,
      `apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData:\n  pgbackrest.conf: |\n${weak.replace('repo1-cipher-pass', '# restorable-ignore weak-cipher-pass:\nrepo1-cipher-pass').replace(/^(?=.)/gm, '    ')}`,
    ],
    [
      'in base64',
      '/a.yaml',
      secret(Buffer.from(weak).toString('base64')),
      secret(
        Buffer.from(
          weak.replace('repo1-cipher-pass', '# restorable-ignore weak-cipher-pass:\nrepo1-cipher-pass'),
        ).toString('base64'),
      ),
    ],
  ])('%s', (_, defaultName, before, after) => {
    const { workspace } = workspaceOf(before, { defaultName });
    const [finding, ...others] = [...workspace.findings().values()].flat();
    expect(others).toEqual([]);
    applyFix(workspace, ignoreFix(workspace, finding!)!);
    expect(workspace.text(workspace.uris[0]!)).toBe(after);
    expect([...workspace.findings().values()].flat().map((it) => it.rule)).toEqual(['ignore-without-reason']);
  });

  test('and there is none where no comment can stand', () => {
    const { workspace } = workspaceOf(
      '{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {"k": "no base64!"}}',
      { defaultName: '/a.json' },
    );
    const [finding] = [...workspace.findings().values()].flat();
    expect(ignoreFix(workspace, finding!)).toBeUndefined();
  });
});

describe('.restorablerc', () => {
  test('decides severities, targets and what is ignored, below its folder', () => {
    checkDiagnostics(`
#- /a/.restorablerc
{"ignore": ["old/"], "severity": {"missing-retention": "error"}, "target": {"pgbackrest": "2.50"}}
#- /a/pgbackrest.conf
[global]
repo1-path=/b
^^^^^^^^^^ error missing-retention
#- /a/old/pgbackrest.conf
[global]
repo1-path=/b
#- /b/pgbackrest.conf
[global]
repo1-path=/b
^^^^^^^^^^ warning missing-retention
`);
  });

  test('the nearest one counts, and settings from outside beat it', () => {
    const { workspace } = workspaceOf(`
#- /.restorablerc
severity: {missing-retention: off}
#- /a/.restorablerc
severity: {missing-retention: hint}
#- /a/pgbackrest.conf
[global]
repo1-path=/b
`);
    const severities = () => [...workspace.findings().values()].flat().map((it) => it.severity);
    expect(severities()).toEqual(['hint']);
    workspace.setSettings({ ...noSettings(), severity: new Map([['missing-retention', 'error']]) });
    expect(severities()).toEqual(['error']);
    workspace.setSettings(noSettings());
    workspace.deleteFile('file:///w/a/.restorablerc');
    expect(severities()).toEqual([]);
    workspace.setFile('file:///w/.restorablerc', '');
    expect(severities()).toEqual(['warning']);
  });

  test('that is no map, no YAML, or speaks of what does not exist, says so', () => {
    checkDiagnostics(`
#- /.restorablerc
- a
^^^ warning settings-file: settings are a map with ignore, severity and target
#- /b/.restorablerc
ignore: examples/**
        ^^^^^^^^^^^ warning settings-file: ignore is a list of globs, e.g. - examples/**
severity:
  no-such-rule: off
  ^^^^^^^^^^^^ warning unknown-rule
target:
  pgbackrest: newest
              ^^^^^^ warning settings-file
  wal-g: "3"
  ^^^^^ warning settings-file
`);
  });
});

test.each([
  ['examples', 'examples/a/b.yaml', true],
  ['examples/', 'deploy/examples/b.yaml', true],
  ['/examples', 'examples/b.yaml', true],
  ['examples/**', 'examples/a/b.yaml', true],
  ['deploy/examples', 'examples/b.yaml', false],
  ['*.yaml', 'a/b.yaml', true],
  ['a/*.yaml', 'a/b/c.yaml', false],
  ['a/**/c.yaml', 'a/c.yaml', true],
  ['**/{dev,test}/**', 'k8s/test/x.yml', true],
  ['**/{dev,test}/**', 'k8s/prod/x.yml', false],
  ['?.conf', 'a.conf', true],
  ['?.conf', 'ab.conf', false],
])('the glob %s and the path %s: %s', (glob, path, expected) => {
  expect(matchesGlob(glob, path)).toBe(expected);
});

test('a glob of many stars takes no time', () => {
  // Backtracking would take longer than the limit of any test.
  expect(matchesGlob(`${'**/'.repeat(40)}${'*a'.repeat(40)}b`, `${'x/'.repeat(400)}${'a'.repeat(4_000)}`)).toBe(false);
});
