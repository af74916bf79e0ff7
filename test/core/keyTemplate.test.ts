import { describe, expect, test } from 'vitest';
import { fillTemplate } from '../../client/src/keyText.ts';
import { configuredKeys } from '../../server/src/core/queries/keySources.ts';
import { KEY_MARK, type KeyTemplateQuestion, keyTemplate } from '../../server/src/core/queries/keyTemplate.ts';
import { KEY_PLACEHOLDER } from '../../server/src/protocol.ts';
import { workspaceOf } from '../support/check.ts';
import { ROOT } from '../support/markup.ts';
import { withCursor } from '../support/queries.ts';

const PASS = 'Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/';
const ARMORED = '-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nabcd\n=efgh\n-----END PGP PRIVATE KEY BLOCK-----\n';

const cluster = (pgbackrest: string) => `#- /cluster.yaml
apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: prod, namespace: db}
spec:
  instances: [{name: a}]
  backups:
    pgbackrest:
${pgbackrest}`;

function template(markup: string, question: KeyTemplateQuestion) {
  const { workspace } = workspaceOf(markup, { rules: [] });
  const made = keyTemplate(workspace, question);
  if ('problem' in made) throw new Error(made.problem);
  return { workspace, ...made };
}

test('the mark is the one of the protocol', () => expect(KEY_MARK).toBe(KEY_PLACEHOLDER));

describe('a new Secret', () => {
  test('for a Percona cluster: a conf with the pass of the repository that has none', () => {
    const { text, fileName } = template(
      cluster('      repos: [{name: repo1}, {name: repo2}]\n      global: {repo2-cipher-type: aes-256-cbc}\n'),
      { key: 'pgbackrest', uri: `${ROOT}/cluster.yaml` },
    );
    expect(fileName).toBe('prod-pgbackrest.yaml');
    expect(text).toBe(`# PerconaPGCluster db/prod needs:
#   - secret: {name: prod-pgbackrest} under backups.pgbackrest.configuration
# Without the type pgBackRest ignores the pass, silently.
apiVersion: v1
kind: Secret
metadata:
  name: prod-pgbackrest
  namespace: db
type: Opaque
stringData:
  s3.conf: |
    [global]
    repo2-cipher-pass=${KEY_MARK}
`);
  });

  test('takes the name that the cluster already mounts, and a file name that no other Secret has', () => {
    const { text } = template(
      `${cluster('      configuration: [{secret: {name: there}}, {secret: {name: missing}}]\n      repos: [{name: repo1}]\n')}
#- /there.yaml
apiVersion: v1
kind: Secret
metadata: {name: there, namespace: db}
stringData: {s3.conf: "[global]\\nrepo1-s3-key=x"}
`,
      { key: 'pgbackrest' },
    );
    expect(text).toContain('  name: missing\n');
    expect(text).toContain('  repo1-cipher.conf: |\n');
    expect(text).toContain('#   repo1-cipher-type: aes-256-cbc under backups.pgbackrest.global\n');
    expect(text).not.toContain('under backups.pgbackrest.configuration');
  });

  test('for a storage: the Secret and entry that it names, in the encoding that it reads', () => {
    const storage = (more: string) =>
      `#- /storage.yaml\napiVersion: stackgres.io/v1beta1\nkind: SGObjectStorage\nmetadata: {name: s, namespace: db}\nspec: {encryption: {method: sodium, sodium: {${more}}}}\n`;
    const made = template(storage('keyTransform: base64, key: {name: keys, key: my-key}'), { key: 'sodium' });
    expect(made.encoding).toBe('base64');
    expect(made.text).toBe(
      `apiVersion: v1\nkind: Secret\nmetadata:\n  name: keys\n  namespace: db\ntype: Opaque\nstringData:\n  my-key: "${KEY_MARK}"\n`,
    );
    const bare = template(storage(''), { key: 'sodium' });
    expect(bare.encoding).toBe('hex');
    expect(bare.text).toContain('#   sodium: {keyTransform: hex, key: {name: s-encryption, key: key}}\n');
  });

  test('an armored key stands in a block scalar, and is read as that key', () => {
    const { text, indent, workspace } = template('', { key: 'openpgp', name: 'pgp', namespace: 'x' });
    workspace.setFile(`${ROOT}/new.yaml`, fillTemplate({ text, indent }, ARMORED));
    const [key] = configuredKeys(workspace);
    expect(key?.source).toBe('Secret x/pgp, entry private-key.asc');
    expect(Buffer.from(key!.bytes).toString()).toBe(ARMORED);
  });

  test('without any product at hand it is a plain Opaque Secret', () => {
    const { text, indent, workspace } = template('', { key: 'pgbackrest' });
    workspace.setFile(`${ROOT}/new.yaml`, fillTemplate({ text, indent }, PASS));
    const [key] = configuredKeys(workspace);
    expect([key?.source, Buffer.from(key!.bytes).toString()]).toEqual([
      's3.conf in Secret cluster-pgbackrest, repo1-cipher-pass',
      PASS,
    ]);
  });

  test('a name that is taken is not taken twice', () => {
    const taken = 'apiVersion: v1\nkind: Secret\nmetadata: {name: backup-encryption}\n';
    expect(template(taken, { key: 'sodium' }).fileName).toBe('backup-encryption-2.yaml');
  });
});

describe('at the cursor', () => {
  const at = (markup: string, key: KeyTemplateQuestion['key'], name?: string) => {
    const { workspace, uri, offset } = withCursor(markup, name);
    const made = keyTemplate(workspace, { key, uri, offset });
    if ('problem' in made) return made.problem;
    const filled = fillTemplate(made, key === 'openpgp' ? ARMORED : PASS);
    const text = workspace.text(uri)!;
    return text.slice(0, offset) + filled + text.slice(offset);
  };
  const secret = (lines: string) => `apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n${lines}`;

  test('in a conf: the value, or a line of its own', () => {
    expect(at('[global]\nrepo3-cipher-pass=$0\n', 'pgbackrest', '/pgbackrest.conf')).toBe(
      `[global]\nrepo3-cipher-pass=${PASS}\n`,
    );
    expect(at('[global]\nrepo3-path=/x\n$0\n', 'pgbackrest', '/pgbackrest.conf')).toBe(
      `[global]\nrepo3-path=/x\nrepo3-cipher-pass=${PASS}\n`,
    );
  });

  test('in a Secret: quoted, or as a block', () => {
    expect(at(secret('stringData:\n  k: $0\n'), 'sodium')).toBe(secret(`stringData:\n  k: "${PASS}"\n`));
    expect(at(secret('stringData:\n  k:$0\n'), 'sodium')).toBe(secret(`stringData:\n  k: "${PASS}"\n`));
    expect(at(secret('stringData:\n  k: "$0"\n'), 'sodium')).toBe(secret(`stringData:\n  k: "${PASS}"\n`));
    const block = ARMORED.trimEnd().replace(/^(?=.)/gm, '    ');
    expect(at(secret('stringData:\n  k: $0\n'), 'openpgp')).toBe(secret(`stringData:\n  k: |\n${block}\n`));
    expect(at(secret('stringData:\n  $0\n'), 'openpgp')).toBe(secret(`stringData:\n  private-key.asc: |\n${block}\n`));
  });

  test('not into base64', () => {
    expect(at(secret('data:\n  k: eA==$0\n'), 'sodium')).toContain('base64');
  });
});
