import { expect, test } from 'vitest';
import { valueHint } from '../../server/src/core/queries/valueHint.ts';
import { withCursor } from '../support/queries.ts';

function hintAt(markup: string, name = '/pgbackrest.conf'): string | undefined {
  const { workspace, uri, offset } = withCursor(markup, name);
  const hint = valueHint(workspace, uri, offset);
  if (!hint) return undefined;
  const { start, end } = hint.parts[hint.active]!;
  return `${hint.label.slice(0, start)}«${hint.label.slice(start, end)}»${hint.label.slice(end)}`;
}

test('behind the = stands what the value has to look like, with its range', () => {
  expect(hintAt('[global]\nrepo1-retention-full=$0\n')).toBe('repo1-retention-full=«whole number, 1 to 9999999»');
  expect(hintAt('[global]\nrepo1-path=/x\narchive-timeout = 3$0\n')).toMatch(/^archive-timeout=«time, as in 30m/);
  expect(hintAt('[global]\nrepo1-cipher-type=$0\n')).toMatch(/aes-256-cbc/);
  expect(hintAt('[global]\nrepo1-cipher-pass=x$0\n')).toBe('repo1-cipher-pass=«secret»');
});

test('of a pair, the half that is written', () => {
  expect(hintAt('[global:restore]\nrepo1-path=/x\ntablespace-map=$0\n')).toBe('tablespace-map=«NAME-OR-OID»=/path');
  expect(hintAt('[global:restore]\nrepo1-path=/x\ntablespace-map=fast=$0/\n')).toBe(
    'tablespace-map=NAME-OR-OID=«/path»',
  );
  expect(hintAt('[global:restore]\nrepo1-path=/x\nlink-map=a=/b=$0\n')).toBe('link-map=NAME=«/path»');
});

test('in a conf in a Secret, and in global of a cluster', () => {
  const secret =
    'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  a.conf: |\n    [global]\n    repo1-retention-full=$0\n';
  expect(hintAt(secret, '/s.yaml')).toContain('1 to 9999999');
  const cluster = (global: string) =>
    `apiVersion: pgv2.percona.com/v2\nkind: PerconaPGCluster\nmetadata: {name: c}\nspec:\n  backups:\n    pgbackrest:\n      global:\n        ${global}\n        repo1-path: /x\n`;
  expect(hintAt(cluster('repo1-retention-full:$0'), '/c.yaml')).toContain('1 to 9999999');
  expect(hintAt(cluster('"repo1-retention-full": "2$0"'), '/c.yaml')).toContain('1 to 9999999');
  expect(hintAt(cluster('repo1-retention$0-full: "2"'), '/c.yaml')).toBeUndefined();
});

test('nothing in front of the =, for what is no option, and in comments', () => {
  for (const text of [
    '[glo$0bal]\n',
    '[global]\nrepo1-pa$0th=/x\n',
    '[global]\nnonsense=$0\n',
    '[global]\n# repo1-path=$0\n',
    '$0',
  ]) {
    expect(hintAt(text)).toBeUndefined();
  }
});
