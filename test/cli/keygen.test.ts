import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { restorable, temporaryFolder } from './program.ts';

const isWindows = process.platform === 'win32';

interface Secret {
  kind: string;
  metadata: { name: string; namespace?: string };
  stringData: Record<string, string>;
}

describe('keygen writes a key into a file', () => {
  test.each([
    ['pgbackrest', [], /^[A-Za-z0-9+/]{64}$/],
    ['pgbackrest', ['--encoding', 'hex'], /^[0-9a-f]{96}$/],
    ['sodium', [], /^[0-9a-f]{64}$/],
    ['sodium', ['--encoding', 'base64'], /^[A-Za-z0-9+/]{43}=$/],
  ])('%s %j: of the right shape, without a line end, for its owner only', async (kind, more, shape) => {
    const cwd = temporaryFolder();
    const { code, stdout, stderr } = await restorable(['keygen', kind, ...more, '--out', 'key'], { cwd });
    const key = readFileSync(join(cwd, 'key'), 'utf8');
    expect(key).toMatch(shape);
    if (!isWindows) expect(statSync(join(cwd, 'key')).mode & 0o777).toBe(0o600);
    expect(stdout).toBe('');
    expect(stderr).not.toContain(key);
    expect(stderr).toMatch(/Fingerprint: [0-9a-f]{16}/);
    expect(code).toBe(0);
  });

  test('openpgp: a private key, and the public one beside it', async () => {
    const cwd = temporaryFolder();
    const args = ['keygen', 'openpgp', '--type', 'curve25519', '--name', 'Team', '--email', 'team@shop.example'];
    const { code, stderr } = await restorable([...args, '--out', 'team.private.asc'], { cwd });
    expect(readFileSync(join(cwd, 'team.private.asc'), 'utf8')).toContain('BEGIN PGP PRIVATE KEY BLOCK');
    expect(readFileSync(join(cwd, 'team.public.asc'), 'utf8')).toContain('BEGIN PGP PUBLIC KEY BLOCK');
    if (!isWindows) expect(statSync(join(cwd, 'team.private.asc')).mode & 0o777).toBe(0o600);
    expect(stderr).not.toContain('PRIVATE KEY');
    expect(code).toBe(0);
  });

  test('never over another one, and then leaves nothing behind', async () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'key'), 'the only key');
    const { code, stderr } = await restorable(['keygen', 'sodium', '--out', 'key'], { cwd });
    expect(readFileSync(join(cwd, 'key'), 'utf8')).toBe('the only key');
    expect(stderr).toContain('key exists already');
    expect(code).toBe(2);

    writeFileSync(join(cwd, 'team.public.asc'), 'another');
    const pair = await restorable(['keygen', 'openpgp', '--type', 'curve25519', '--out', 'team.asc'], { cwd });
    expect(pair.stderr).toContain('team.public.asc exists already');
    expect(() => statSync(join(cwd, 'team.asc'))).toThrow('ENOENT');
    expect(pair.code).toBe(2);
  });

  test('two keys are never the same', async () => {
    const keys = await Promise.all([1, 2].map(() => restorable(['keygen', 'sodium'])));
    expect(new Set(keys.map((it) => it.stdout)).size).toBe(2);
  });
});

describe('keygen to stdout', () => {
  test('is the key and nothing else when it is piped', async () => {
    const { code, stdout } = await restorable(['keygen', 'sodium']);
    expect(stdout).toMatch(/^[0-9a-f]{64}$/);
    expect(code).toBe(0);
  });
});

describe('keygen --secret', () => {
  test('pgbackrest: a conf with a section, whose name pgBackRest reads, that says where the type belongs', async () => {
    const { stdout } = await restorable([
      'keygen',
      'pgbackrest',
      '--secret',
      'prod-pgbackrest',
      '--namespace',
      'db',
      '--repo',
      '2',
    ]);
    const secret = parse(stdout) as Secret;
    expect(secret).toMatchObject({ kind: 'Secret', metadata: { name: 'prod-pgbackrest', namespace: 'db' } });
    const [[entry, conf]] = Object.entries(secret.stringData) as [[string, string]];
    expect(entry).toMatch(/.\.conf$/);
    expect(conf).toMatch(/^\[global\]\nrepo2-cipher-pass=[A-Za-z0-9+/]{64}\n$/);
    expect(stdout).toContain('repo2-cipher-type: aes-256-cbc');
  });

  test('sodium: a quoted key, and the transform that goes with it', async () => {
    const args = ['keygen', 'sodium', '--secret', 'backup', '--entry', 'sodium', '--encoding', 'base64'];
    const { stdout } = await restorable(args);
    const secret = parse(stdout) as Secret;
    expect(Buffer.from(secret.stringData.sodium!, 'base64')).toHaveLength(32);
    expect(stdout).toContain('keyTransform: base64');
    expect(stdout).toContain('key: {name: backup, key: sodium}}');
  });

  test('openpgp: key and passphrase, which every version of StackGres wants', async () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'pass'), 'correct "horse" battery\n');
    const args = ['keygen', 'openpgp', '--type', 'curve25519', '--secret', 'backup'];
    const open = parse((await restorable(args, { cwd })).stdout) as Secret;
    expect(open.stringData['private-key.asc']).toMatch(
      /^-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n[\s\S]*-----END PGP PRIVATE KEY BLOCK-----\n$/,
    );
    expect(open.stringData.passphrase).toBe('');
    const locked = parse((await restorable([...args, '--passphrase-file', 'pass'], { cwd })).stdout) as Secret;
    expect(locked.stringData.passphrase).toBe('correct "horse" battery');
  });

  test('passes the checks of this program, in its place', async () => {
    const cwd = temporaryFolder();
    await restorable(['keygen', 'sodium', '--secret', 'backup', '--namespace', 'db', '--out', 'secret.yaml'], { cwd });
    writeFileSync(
      join(cwd, 'storage.yaml'),
      `apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: s, namespace: db}
spec:
  type: gcs
  gcs: {bucket: b, gcpCredentials: {fetchCredentialsFromMetadataService: true}}
  encryption:
    method: sodium
    sodium: {key: {name: backup, key: key}, keyTransform: hex}
`,
    );
    const { code, stdout } = await restorable(['check', '--fail-on', 'hint'], { cwd });
    expect(stdout).toContain('nothing found');
    expect(code).toBe(0);
  });

  test.each([
    ['a name that Kubernetes refuses', ['--secret', 'Backup_Key'], '--secret: Kubernetes names'],
    ['a namespace that Kubernetes refuses', ['--secret', 'b', '--namespace', 'a.b'], '--namespace: a namespace'],
    ['an entry that Kubernetes refuses', ['--secret', 'b', '--entry', 'a/b'], "--entry: an entry's name"],
    ['an entry without a Secret', ['--entry', 'key'], '--entry is for --secret only'],
    ['an option of another kind', ['--name', 'x'], '--name is for keygen openpgp only'],
  ])('refuses %s', async (_, more, message) => {
    const { code, stdout, stderr } = await restorable(['keygen', 'sodium', ...more]);
    expect(stderr).toContain(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});

describe('keygen says what it needs', () => {
  test.each([
    [[], 'keygen needs one kind of key: pgbackrest, sodium, openpgp'],
    [['sodum'], 'did you mean sodium'],
    [['openpgp', '--type', 'rsa2048'], 'Known: rsa4096, curve25519'],
    [['openpgp', '--passphrase-env', 'NOT_SET'], 'the environment variable NOT_SET is not set'],
    [
      ['openpgp', '--passphrase', 'x'],
      'there is no option --passphrase; did you mean --passphrase-file or --passphrase-env?',
    ],
  ])('%j', async (args, message) => {
    const { code, stderr } = await restorable(['keygen', ...args]);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });
});

describe('keygen --sheet', () => {
  test('writes a page to print that holds the key in groups, and opens nothing else', async () => {
    const cwd = temporaryFolder();
    const args = ['keygen', 'sodium', '--secret', 'keys', '--namespace', 'db', '--entry', 'daily'];
    const { code, stderr } = await restorable([...args, '--out', 'secret.yaml', '--sheet', 'sheet.html'], { cwd });
    expect(code).toBe(0);
    const sheet = readFileSync(join(cwd, 'sheet.html'), 'utf8');
    const key = (parse(readFileSync(join(cwd, 'secret.yaml'), 'utf8')) as Secret).stringData.daily!;
    const printed = /<pre>([\s\S]*?)<\/pre>/
      .exec(sheet)![1]!
      .replace(/<i>\d+<\/i>/g, '')
      .replace(/\s/g, '');
    expect(printed).toBe(key);
    expect(sheet).toContain('Secret db/keys, entry daily');
    expect(sheet).toContain('--key-transform hex');
    expect(sheet).toContain(/Fingerprint: ([0-9a-f]{16})/.exec(stderr)![1]!);
    expect(sheet).not.toMatch(/<script|src=|href=|https?:/);
    if (!isWindows) expect(statSync(join(cwd, 'sheet.html')).mode & 0o777).toBe(0o600);
    expect(stderr).not.toContain(key);
  });

  test('holds a private key as it is, and never goes over a file', async () => {
    const cwd = temporaryFolder();
    const args = ['keygen', 'openpgp', '--type', 'curve25519', '--name', 'A <b> & "c"', '--out', 'a.asc'];
    expect((await restorable([...args, '--sheet', 'sheet.html'], { cwd })).code).toBe(0);
    const sheet = readFileSync(join(cwd, 'sheet.html'), 'utf8');
    expect(sheet).toContain(readFileSync(join(cwd, 'a.asc'), 'utf8').trimEnd());
    const again = await restorable(['keygen', 'sodium', '--out', 'b', '--sheet', 'sheet.html'], { cwd });
    expect(again.code).toBe(2);
    expect(() => statSync(join(cwd, 'b'))).toThrow('ENOENT');
  });
});
