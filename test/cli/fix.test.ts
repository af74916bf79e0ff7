import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folderWith, restorable } from './program.ts';

const PASS = 'Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/';
const NEW = 'x7Wn0uJk2RbTqYh5eMcV9aZpL4sGdFi8oXwB1rNyKtQmCvE6UjHlSgDzPfAI3O+/';
const conf = (more: string) => `[global]\nrepo1-path=/b\nrepo1-retention-full=2\n${more}[main]\npg1-path=/d\n`;
const encrypted = (pass: string) => conf(`repo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=${pass}\n`);
/** A blank in base64, in a Secret beside a pass: the whole value is written anew. */
const secret = (value: string) => `apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata:\n  k: ${value}\n`;
const bad = { 'a/pgbackrest.conf': `\uFEFF${encrypted(PASS)}`, 'b/secret.yaml': secret('"QUJD REVG"') };
const cured = { 'a/pgbackrest.conf': encrypted(PASS), 'b/secret.yaml': secret('QUJDREVG') };

const read = (cwd: string) =>
  Object.fromEntries(Object.keys(bad).map((it) => [it, readFileSync(join(cwd, it), 'utf8')]));

describe('check --fix', () => {
  test('cures what is sure, says what it did, and keeps modes and links', async () => {
    const cwd = folderWith(bad);
    chmodSync(join(cwd, 'a/pgbackrest.conf'), 0o640);
    const { code, stdout, stderr } = await restorable(['check', '--fix'], { cwd });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/a\/pgbackrest\.conf\n {2}fixed .*byte-order-mark\n/);
    expect(stdout).toMatch(/2 files checked, nothing found\n$/);
    expect(read(cwd)).toEqual(cured);
    expect(statSync(join(cwd, 'a/pgbackrest.conf')).mode & 0o777).toBe(0o640);
    expect(readdirSync(join(cwd, 'a'))).toEqual(['pgbackrest.conf']);
    const again = await restorable(['check', '--fix'], { cwd });
    expect(again.stdout).toBe('✔ 2 files checked, nothing found\n');
  });

  test('--dry-run shows what would change without secrets, and writes nothing', async () => {
    const cwd = folderWith(bad);
    const { code, stdout } = await restorable(['check', '--fix', '--dry-run'], { cwd });
    expect(code).toBe(0);
    expect(stdout).toContain('  - ');
    expect(stdout).toContain('  + ');
    expect(stdout).not.toContain(PASS);
    expect(read(cwd)).toEqual(bad);
  });

  test('leaves what a person has to decide, and says so with the exit code', async () => {
    const cwd = folderWith({ 'pgbackrest.conf': conf('repo1-cipher-type=aes-256-cbc\n') });
    const { code, stdout } = await restorable(['check', '--fix'], { cwd });
    expect(code).toBe(1);
    expect(stdout).toContain('cipher-type-without-pass');
    expect(readFileSync(join(cwd, 'pgbackrest.conf'), 'utf8')).toBe(conf('repo1-cipher-type=aes-256-cbc\n'));
  });

  test('writes through a link, and not at all where it may not', async () => {
    const cwd = folderWith({ 'real.conf': `\uFEFF${encrypted(PASS)}`, 'folder/x': '' });
    symlinkSync('../real.conf', join(cwd, 'folder/pgbackrest.conf'));
    await restorable(['check', '--fix', 'folder/pgbackrest.conf'], { cwd });
    expect(readFileSync(join(cwd, 'real.conf'), 'utf8')).toBe(encrypted(PASS));
  });

  test('is refused for stdin, and --dry-run without it', async () => {
    const cwd = folderWith({});
    expect((await restorable(['check', '--fix', '-'], { cwd })).code).toBe(2);
    expect((await restorable(['check', '--dry-run'], { cwd })).code).toBe(2);
  });
});

describe('in a checkout', () => {
  const git = (cwd: string, ...args: string[]) =>
    execFileSync(
      'git',
      ['-c', 'user.name=a', '-c', 'user.email=a@example.com', '-c', 'init.defaultBranch=main', ...args],
      {
        cwd,
        stdio: 'pipe',
      },
    );
  const rules = async (cwd: string, ...args: string[]) => {
    const { stdout } = await restorable(['check', '--format', 'json', ...args], { cwd });
    return (JSON.parse(stdout) as { diagnostics: { code: string }[] }).diagnostics.map((it) => it.code);
  };

  test('a pass is held against the last commit, or against the branch that this one came from', async () => {
    const cwd = folderWith({ 'pgbackrest.conf': encrypted(PASS), 'other.yaml': 'a: b\n' });
    git(cwd, 'init', '-q');
    git(cwd, 'add', '.');
    git(cwd, 'commit', '-qm', 'one');
    expect(await rules(cwd)).toEqual(['committed-secret']);
    writeFileSync(join(cwd, 'pgbackrest.conf'), encrypted(NEW));
    expect(await rules(cwd)).toEqual(['changed-cipher', 'committed-secret']);
    git(cwd, 'checkout', '-qb', 'topic');
    git(cwd, 'commit', '-qam', 'two');
    expect(await rules(cwd)).toEqual(['committed-secret']);
    expect(await rules(cwd, '--since', 'main')).toEqual(['changed-cipher', 'committed-secret']);
  });

  test('a revision that is not there is an error, and so is one without a checkout', async () => {
    const cwd = folderWith({ 'pgbackrest.conf': encrypted(PASS) });
    const outside = await restorable(['check', '--since', 'main'], { cwd });
    expect([outside.code, outside.stderr]).toEqual([2, expect.stringContaining('not in a checkout')]);
    git(cwd, 'init', '-q');
    expect((await restorable(['check', '--since', '--upload-pack=x'], { cwd })).code).toBe(2);
    expect((await restorable(['check', '--since=--output=x'], { cwd })).code).toBe(2);
    expect(readdirSync(cwd).sort()).toEqual(['.git', 'pgbackrest.conf']);
  });

  test('no hook, filter or monitor of the repository is run', async () => {
    const cwd = folderWith({ 'pgbackrest.conf': encrypted(PASS) });
    git(cwd, 'init', '-q');
    git(cwd, 'add', '.');
    git(cwd, 'commit', '-qm', 'one');
    for (const [name, value] of [
      ['core.fsmonitor', `touch ${join(cwd, 'ran')}`],
      ['filter.x.clean', `touch ${join(cwd, 'ran')}; cat`],
      ['filter.x.smudge', `touch ${join(cwd, 'ran')}; cat`],
      ['diff.external', `touch ${join(cwd, 'ran')}`],
    ] as const) {
      git(cwd, 'config', name, value);
    }
    writeFileSync(join(cwd, '.gitattributes'), '* filter=x diff=x\n');
    writeFileSync(join(cwd, 'pgbackrest.conf'), encrypted(NEW));
    expect(await rules(cwd)).toEqual(['changed-cipher', 'committed-secret']);
    expect(readdirSync(cwd)).not.toContain('ran');
  });
});

test('a .restorablerc above the path is read, up to the root of the checkout', async () => {
  const cwd = folderWith({
    '.restorablerc': 'severity: {missing-retention: off}\n',
    'deploy/pgbackrest.conf': '[global]\nrepo1-path=/b\n',
  });
  const { stdout } = await restorable(['check', 'deploy'], { cwd });
  expect(stdout).toContain('nothing found');
});

test('secrets in scripts are not shown', async () => {
  const cwd = folderWith({
    'backup.sh':
      '#!/bin/bash\nset -o pipefail\nexport PGBACKREST_REPO1_CIPHER_PASS=" top-secret-one "\ngpg --batch --yes --passphrase top-secret-two -c x\nopenssl enc -aes-256-cbc -k top-secret-three -in a -out b\npgbackrest --repo1-s3-key-secret=top-secret-four info\n',
  });
  const { stdout, code } = await restorable(['check'], { cwd });
  expect(code).toBe(1);
  expect(stdout).not.toContain('top-secret');
});
