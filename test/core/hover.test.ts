import { describe, expect, test } from 'vitest';
import { describeBytes } from '../../server/src/core/queries/entryText.ts';
import { hover } from '../../server/src/core/queries/hover.ts';
import { checkHover, withCursor } from '../support/queries.ts';

const PASS = 'Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/';
const base64 = (text: string) => Buffer.from(text).toString('base64');
const bytes = (text: string) => new TextEncoder().encode(text);

describe('an option', () => {
  test('shows what it does, what it takes, on what it depends, and what is in force', () => {
    checkHover(
      `
#- /pgbackrest.conf
[global]
repo2-ci$0pher-type=none
^^^^^^^^^^^^^^^^^^^ here
[demo]
repo2-cipher-type=aes-256-cbc
pg1-path=/x
`,
      '**repo2-cipher-type** · none | aes-256-cbc',
      'Whether the repository is encrypted.',
      '- `none` (default): stored in plain text, whatever repo2-cipher-pass says',
      '- `aes-256-cbc`',
      '**In force**: `aes-256-cbc`, from `[demo]` in pgbackrest.conf.',
    );
  });

  test('that is dropped says so, and what it needs', () => {
    checkHover(
      `
#- /pgbackrest.conf
[global]
repo1-path=/x
repo1-s3-buc$0ket=b
[demo]
pg1-path=/x
`,
      '**repo1-s3-bucket**',
      '- Counts only with `repo1-type` = `s3`; otherwise it is dropped without a word',
      '- Needed: without it pgBackRest stops',
      '**Not in force**: it needs `repo1-type` = `s3`, which is `posix`.',
    );
  });

  test('under an old name, or with a value of its own, or unknown', () => {
    checkHover(
      '#- /pgbackrest.conf\n[global]\nreten$0tion-full=2\n',
      '**repo1-retention-full**',
      'is an old name of it',
    );
    checkHover(
      '#- /pgbackrest.conf\n[global]\nrepo1-path=/x\nrepo1-cy$0pher-type=2\n',
      'is no option of pgBackRest; `repo1-cipher-type` was probably meant',
    );
    checkHover('#- /pgbackrest.conf\n[global]\narchive-timeo$0ut=60\n', 'Value: time, as in 30m', 'Default: `1m`');
  });

  test('that is a secret is counted, not shown, also inside base64', () => {
    const conf = `[global]\nrepo1-cipher-pass=${PASS}\n`;
    const manifest = `apiVersion: v1\nkind: Secret\nmetadata: {name: p}\ndata:\n  s3.conf: ${base64(conf)}\n`;
    const at = manifest.indexOf(base64(conf)) + 20;
    const markup = `#- /cluster.yaml
apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: prod}
spec:
  backups:
    pgbackrest:
      configuration: [{secret: {name: p}}]
      global: {repo1-cipher-type: aes-256-cbc}
      repos: [{name: repo1}]
#- /secret.yaml
${manifest.slice(0, at)}$0${manifest.slice(at)}`;
    checkHover(
      markup,
      '**repo1-cipher-pass** · secret',
      '**In force** in PerconaPGCluster prod: «secret», 64 characters.',
    );
  });

  test('in the global of a cluster counts together with the mounted confs', () => {
    checkHover(
      `
#- /cluster.yaml
apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: prod}
spec:
  backups:
    pgbackrest:
      global:
        repo1-retention-full-type: ti$0me
                                   ^^^^^^ here
`,
      '**repo1-retention-full-type**',
      '**In force** in PerconaPGCluster prod: `time`.',
    );
  });
});

test('what the operator writes itself is not said to be missing', () => {
  const { workspace, uri, offset } = withCursor(`
#- /cluster.yaml
apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: prod}
spec:
  backups:
    pgbackrest:
      configuration: [{secret: {name: p}}]
      repos: [{name: repo1, s3: {bucket: b, endpoint: e, region: r}}]
#- /secret.yaml
apiVersion: v1
kind: Secret
metadata: {name: p}
stringData:
  s3.conf: |
    [global]
    repo1-s3-k$0ey=AKIA
`);
  const { text } = hover(workspace, uri, offset)!;
  expect(text).toContain('**In force** in PerconaPGCluster prod: «secret», 4 characters.');
  expect(text).not.toContain('Not in force');
});

test('a section says who reads it', () => {
  checkHover('#- /pgbackrest.conf\n[glo$0bal]\nrepo1-path=/x\n', 'every command of every stanza');
  checkHover('#- /pgbackrest.conf\n[demo:archive-pu$0sh]\nrepo1-path=/x\n', '`archive-push` of stanza `demo` alone');
  checkHover('#- /pgbackrest.conf\n[global:bakcup$0]\nrepo1-path=/x\n', 'nobody reads it');
});

describe('an entry of a Secret', () => {
  const files = (transform: string, value: string, cursor: 'key' | 'value' = 'key') => `#- /storage.yaml
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: s, namespace: db}
spec: {type: gcs, encryption: {method: sodium, sodium: {key: {name: keys, key: k}, keyTransform: ${transform}}}}
#- /secret.yaml
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: db}
stringData:
  ${cursor === 'key' ? '$0k' : 'k'}: ${cursor === 'key' ? '' : '$0'}${value}
`;

  test('that is a key shows kind, length and encoding, and what the transform makes of it', () => {
    const key = 'ab'.repeat(32);
    checkHover(
      files('hex', key),
      '**k** in Secret db/keys',
      '64 hex digits (32 bytes).',
      '- libsodium key of SGObjectStorage db/s, keyTransform `hex`: 32 bytes, as libsodium needs',
    );
    checkHover(files('base64', key, 'value'), 'the key is 48 bytes after base64, libsodium needs 32');
  });

  test('that is a conf shows its options with secrets masked', () => {
    checkHover(
      `
#- /secret.yaml
apiVersion: v1
kind: Secret
metadata: {name: p}
data:
  s3.co$0nf: ${base64(`[global]\nrepo1-type=s3\nrepo1-cipher-pass=${PASS}\n`)}
  ^^^^^^^^^ here
`,
      '**s3.conf** in Secret p',
      'pgBackRest configuration',
      '[global]',
      'repo1-type=s3',
      'repo1-cipher-pass=«secret», 64 characters',
    );
  });

  test('of somebody else says nothing about its value', () => {
    checkHover(
      `
#- /secret.yaml
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {name: keys}
spec: {encryptedData: {k$0: AgBY}, template: {metadata: {name: keys}}}
`,
      'filled in by somebody else',
    );
  });

  test('never shows a value of any form', () => {
    const values = [PASS, 'ab'.repeat(32), `"${PASS}\\n"`, 'correct horse battery staple', `|\n    ${PASS}`];
    for (const value of values) {
      for (const transform of ['hex', 'base64', 'none']) {
        const { workspace, uri, offset } = withCursor(files(transform, value));
        const shown = hover(workspace, uri, offset)!.text;
        for (const part of [PASS.slice(2, 12), 'abababab', 'horse']) expect(shown).not.toContain(part);
      }
    }
  });
});

test('bytes are described by kind, length and form', () => {
  const cases: [Uint8Array, string][] = [
    [bytes(''), 'empty'],
    [Uint8Array.from([0xff, 0xfe, 1]), 'binary, 3 bytes'],
    [bytes('ab'.repeat(32)), '64 hex digits (32 bytes)'],
    [bytes(`${base64('x'.repeat(32))}\n`), 'base64 of 32 bytes (44 characters), with a line break at the end'],
    [
      bytes('-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nabc\n-----END PGP PRIVATE KEY BLOCK-----\n'),
      'OpenPGP private key block, 79 bytes',
    ],
    [bytes('-----BEGIN CERTIFICATE-----\nabc\n'), 'PEM certificate, 32 bytes'],
    [bytes('{"type": "service_account"}'), 'Google service account (JSON)'],
    [bytes('secret'), 'text, 6 characters'],
    [bytes(' \n'), 'only white space, 2 bytes'],
  ];
  for (const [value, text] of cases) expect(describeBytes(value)).toBe(text);
});

describe('a name', () => {
  test('of a repository tells whether it is encrypted', () => {
    checkHover(
      `
#- /backup.yaml
apiVersion: pgv2.percona.com/v2
kind: PerconaPGBackup
metadata: {name: b}
spec: {pgCluster: prod, repoName: re$0po2}
#- /cluster.yaml
apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: prod}
spec: {backups: {pgbackrest: {global: {repo2-cipher-pass: ${PASS}}, repos: [{name: repo2}]}}}
`,
      '**repo2** of PerconaPGCluster prod: NOT ENCRYPTED: the pass is ignored because repo2-cipher-type is not set',
    );
  });

  test('of a Secret tells its entries and who uses it; of an unknown one that it is not here', () => {
    const storage = (name: string) =>
      `#- /storage.yaml\napiVersion: stackgres.io/v1beta1\nkind: SGObjectStorage\nmetadata: {name: s}\nspec: {encryption: {sodium: {key: {name: ${name}, key: k}}}}\n`;
    checkHover(
      `${storage('ke$0ys')}#- /secret.yaml\napiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {k: x, other: y}\n`,
      '**Secret keys** in secret.yaml',
      'Entries: `k`, `other`',
      'Used by SGObjectStorage s',
    );
    checkHover(storage('gon$0e'), '**gone** is not in the files here');
  });
});

test('a field and its values are explained by our schemas', () => {
  const head = '#- /s.yaml\napiVersion: stackgres.io/v1beta1\nkind: SGObjectStorage\nmetadata: {name: s}\n';
  checkHover(`${head}spec:\n  encryption:\n    meth$0od: sodium\n    ^^^^^^^^ here\n`, '**method**', '- `sodium`');
  checkHover(
    `${head}spec:\n  encryption:\n    method: sod$0ium\n            ^^^^^^^^ here\n`,
    '**method**',
    '- `sodium`',
  );
});

test('nothing is shown where nothing is known', () => {
  checkHover('#- /s.yaml\nfoo: b$0ar\n');
  checkHover('#- /s.yaml\n$0');
  checkHover('#- /pgbackrest.conf\n# com$0ment\n[global]\nrepo1-path=/x\n');
});
