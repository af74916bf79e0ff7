import { armor, type Config, enums, generateKey, readPrivateKey, revokeKey } from 'openpgp';
import { describe, expect, test } from 'vitest';
import { examineOpenpgp } from '../../engine/src/keys/examineOpenpgp.ts';
import {
  EXAMPLE_PASSPHRASE,
  exampleExpiredKey,
  exampleLockedKey,
  examplePrivateKey,
  examplePublicKey,
  exampleStubKey,
  indented,
} from '../../server/src/core/keys/exampleKeys.ts';
import { examinePending } from '../../server/src/keyExaminer.ts';
import { checkDiagnosticsAsync, workspaceOf } from '../support/check.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const examine = async (armored: string, passphrase?: string, at?: Date) =>
  examineOpenpgp(bytes(armored), passphrase === undefined ? undefined : bytes(passphrase), at);
const first = async (...args: Parameters<typeof examine>) => (await examine(...args)).keys[0];
const userIDs = [{ name: 'Backup', email: 'backup@example.org' }];

describe('what the engine sees in a block of keys', () => {
  test('a private key without a passphrase can do everything', async () => {
    expect(await first(examplePrivateKey())).toEqual({
      fingerprint: expect.stringMatching(/^[0-9A-F]{40}$/),
      isPrivate: true,
      isPrimaryStub: false,
      isLocked: false,
      unlocks: undefined,
      encryption: 'possible',
      encryptsUntil: undefined,
      canDecrypt: true,
    });
  });

  test('its public half can only encrypt', async () => {
    expect(await first(examplePublicKey())).toMatchObject({
      isPrivate: false,
      encryption: 'possible',
      canDecrypt: false,
    });
  });

  test('a locked key: the passphrase opens it, another does not, none says nothing', async () => {
    expect(await first(exampleLockedKey(), EXAMPLE_PASSPHRASE)).toMatchObject({ isLocked: true, unlocks: true });
    expect(await first(exampleLockedKey(), `${EXAMPLE_PASSPHRASE} `)).toMatchObject({ isLocked: true, unlocks: false });
    expect(await first(exampleLockedKey())).toMatchObject({ isLocked: true, unlocks: undefined });
    expect(await first(exampleLockedKey(), '')).toMatchObject({ unlocks: undefined });
    expect(await first(examplePrivateKey(), 'any')).toMatchObject({ isLocked: false, unlocks: undefined });
  });

  test('an expired key cannot encrypt; before that, it says until when', async () => {
    expect(await first(exampleExpiredKey())).toMatchObject({ encryption: 'expired', canDecrypt: true });
    expect(await first(exampleExpiredKey(), undefined, new Date('2023-06-01'))).toMatchObject({
      encryption: 'possible',
      encryptsUntil: Date.parse('2024-01-01T00:00:00Z'),
    });
    expect(await first(exampleExpiredKey(), undefined, new Date('2022-06-01'))).toMatchObject({
      encryption: 'not-yet',
    });
  });

  test('a key without its primary secret is a stub that can still decrypt', async () => {
    expect(await first(exampleStubKey())).toMatchObject({ isPrimaryStub: true, canDecrypt: true, isLocked: false });
  });

  test('a key that was made for signing has nothing to encrypt with', async () => {
    const { privateKey } = await generateKey({ userIDs, subkeys: [{ sign: true }], format: 'armored' });
    expect(await first(privateKey)).toMatchObject({ encryption: 'none', canDecrypt: false });
  });

  test('a revoked key cannot encrypt any more', async () => {
    const key = await readPrivateKey({ armoredKey: examplePrivateKey() });
    const { privateKey } = await revokeKey({ key, format: 'armored' });
    expect(await first(privateKey)).toMatchObject({ encryption: 'revoked' });
  });

  test('several keys in one block are listed, in order', async () => {
    const one = await readPrivateKey({ armoredKey: examplePrivateKey() });
    const { privateKey: two } = await generateKey({ userIDs, format: 'object' });
    const both = armor(enums.armor.privateKey, Buffer.concat([one.write(), two.write()]));
    expect((await examine(both)).keys.map((it) => it.fingerprint)).toEqual(
      [one, two].map((it) => it.getFingerprint().toUpperCase()),
    );
  });

  test('short RSA keys are not scolded: WAL-G takes them', async () => {
    const { privateKey } = await generateKey({
      userIDs,
      type: 'rsa',
      rsaBits: 1024,
      config: { minRSABits: 512 } as Config,
      format: 'armored',
    });
    expect(await first(privateKey)).toMatchObject({ encryption: 'possible' });
  }, 60_000);

  test('damage anywhere ends in an answer, never in an error', async () => {
    const key = examplePrivateKey();
    for (let at = 40; at < key.length - 40; at += 29) {
      const other = key[at] === 'A' ? 'B' : 'A';
      const { keys, isUnreadable } = await examine(key.slice(0, at) + other + key.slice(at + 1));
      expect(isUnreadable || keys.length > 0).toBe(true);
    }
    expect(await examine('')).toMatchObject({ isUnreadable: true, keys: [] });
  });
});

const manifests = (key: string, passphrase = '""') => `
#- /storage.yaml
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: backups, namespace: db}
spec:
  type: gcs
  gcs: {bucket: backups, gcpCredentials: {fetchCredentialsFromMetadataService: true}}
  encryption:
    method: openpgp
    openpgp:
      key: {name: backup-key, key: private.asc}
      keyPassphrase: {name: backup-key, key: passphrase}
#- /secret.yaml
apiVersion: v1
kind: Secret
metadata: {name: backup-key, namespace: db}
stringData:
  private.asc: |
    ${indented(key, 4)}
  passphrase: ${passphrase}
`;

describe('a workspace that waits for an examination', () => {
  const rules = (workspace: ReturnType<typeof workspaceOf>['workspace']) =>
    [...workspace.findings().values()].flat().map((it) => it.rule);

  test('says nothing before, asks once, and knows afterwards', async () => {
    const { workspace } = workspaceOf(manifests(exampleLockedKey()));
    expect(rules(workspace)).toEqual([]);
    expect(workspace.pendingExaminations()).toHaveLength(1);
    expect(await examinePending(workspace)).toBe(true);
    expect(workspace.pendingExaminations()).toEqual([]);
    expect(rules(workspace)).toEqual(['openpgp-key-locked']);
    expect(await examinePending(workspace)).toBe(false);
  });

  test('knows a key again after the file was written anew, and asks about another passphrase', async () => {
    const { workspace, files } = workspaceOf(manifests(exampleLockedKey()));
    workspace.findings();
    await examinePending(workspace);
    const secret = files[1]!;
    workspace.setFile(secret.uri, `# a comment\n${secret.text}`);
    expect(rules(workspace)).toEqual(['openpgp-key-locked']);
    expect(workspace.pendingExaminations()).toEqual([]);

    workspace.setFile(secret.uri, secret.text.replace('passphrase: ""', 'passphrase: another one'));
    expect(rules(workspace)).toEqual([]);
    expect(await examinePending(workspace)).toBe(true);
    expect(rules(workspace)).toEqual(['openpgp-passphrase-wrong']);

    workspace.setFile(secret.uri, secret.text.replace('passphrase: ""', `passphrase: ${EXAMPLE_PASSPHRASE}`));
    rules(workspace);
    await examinePending(workspace);
    expect(rules(workspace)).toEqual([]);
  });

  test('forgets the question with the file that asked it', () => {
    const { workspace, files } = workspaceOf(manifests(exampleLockedKey()));
    workspace.findings();
    workspace.deleteFile(files[0]!.uri);
    expect(workspace.pendingExaminations()).toEqual([]);
  });

  test('an owner that never examines gets every other finding', () => {
    const { workspace } = workspaceOf(manifests(examplePublicKey()));
    expect(rules(workspace)).toEqual(['openpgp-key-public']);
  });
});

describe('findings that need the examination', () => {
  const where = '\n  ^^^^^^^^^^^ ';
  const marked = (key: string, label: string, passphrase?: string) =>
    manifests(key, passphrase).replace('private.asc: |', `private.asc: |${where}${label}`);

  test('a key that ends soon is a warning, one that ends later a word', async () => {
    const day = 86_400;
    for (const [days, severity] of [
      [20, 'warning'],
      [400, 'information'],
    ] as const) {
      const { privateKey } = await generateKey({ userIDs, keyExpirationTime: days * day, format: 'armored' });
      await checkDiagnosticsAsync(marked(privateKey, `${severity} openpgp-key-cannot-encrypt`));
    }
  });

  test('a block that looks right and is damaged', async () => {
    const lines = examplePrivateKey().split('\n');
    const damaged = [...lines.slice(0, 4), ...lines.slice(6)].join('\n');
    await checkDiagnosticsAsync(
      marked(
        damaged,
        'error openpgp-key-armor: what stands between BEGIN and END cannot be read as an OpenPGP key: characters were lost or changed',
      ),
    );
  });

  test('a locked key in base64, with its passphrase in another entry', async () => {
    const key = Buffer.from(exampleLockedKey()).toString('base64');
    const data = (passphrase: string) =>
      manifests('x')
        .replace(/stringData:[\s\S]*/, 'data:\n')
        .concat(`  private.asc: ${key}\n  passphrase: ${Buffer.from(passphrase).toString('base64')}\n`);
    await checkDiagnosticsAsync(data(EXAMPLE_PASSPHRASE));
    await checkDiagnosticsAsync(
      `${data('wrong')}  ^^^^^^^^^^ error openpgp-passphrase-wrong: this passphrase does not open the private key (entry private.asc of Secret db/backup-key): backups can be made but not restored\n`,
    );
  });

  test('a key that was written down on one line with backslash-n is a key', async () => {
    const line = examplePrivateKey().trimEnd().replaceAll('\n', '\\n');
    await checkDiagnosticsAsync(manifests('x').replace('private.asc: |\n    x', `private.asc: '${line}'`));
  });

  test('the passphrase may come from a Secret that is sealed: nothing can be said', async () => {
    await checkDiagnosticsAsync(
      manifests(exampleLockedKey())
        .replace('keyPassphrase: {name: backup-key', 'keyPassphrase: {name: sealed')
        .concat(`
#- /sealed.yaml
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {name: sealed, namespace: db}
spec:
  encryptedData: {passphrase: AgBy3i4OJSWK}
`),
    );
  });
});
