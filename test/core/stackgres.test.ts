import { describe, expect, test } from 'vitest';
import { inFile } from '../../server/src/core/part.ts';
import { checkDiagnostics, checkFix, workspaceOf } from '../support/check.ts';

const HEX = '3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded';
const BASE64 = 'jF6aPuVwCCdMFBxx9g+8XfW5cBUllMznaNkLf2nMATw=';
const twice = (text: string) => Buffer.from(text).toString('base64');

/** A storage with this encryption; `spec` lines of its own where the case needs them. */
const storage = (encryption: string, { name = 'backups', namespace = 'db', file = '/storage.yaml' } = {}) => `
#- ${file}
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  type: gcs
  gcs: {bucket: backups, gcpCredentials: {fetchCredentialsFromMetadataService: true}}
${encryption}`;

const sodium = (transform: string, mark = '') =>
  storage(`  encryption:
    method: sodium
    sodium:
      key: {name: backup-key, key: key}
${transform === '' ? '' : `      keyTransform: ${transform}\n`}${mark}`);

const secret = (body: string, { name = 'backup-key', namespace = 'db', file = '/secret.yaml' } = {}) => `
#- ${file}
apiVersion: v1
kind: Secret
metadata: {name: ${name}, namespace: ${namespace}}
${body}`;

const found = (markup: string) => {
  const { workspace } = workspaceOf(markup);
  return [...workspace.findings().values()].flat().map((it) => `${it.severity} ${it.rule}`);
};

describe('the same key in other surface forms', () => {
  const halfKey = 'the key is 64 hex digits, but keyTransform is none: WAL-G takes its first 32 characters as the key';

  test('flow style from top to bottom, in one JSON-like document', () => {
    checkDiagnostics(`
#- /storage.yaml
{apiVersion: stackgres.io/v1beta1, kind: SGObjectStorage, metadata: {name: s, namespace: db}, spec: {type: s3, s3: {bucket: b, awsCredentials: {useIAMRole: true}}, encryption: {
  method: sodium, sodium: {key: {name: k, key: key}}}}}
                  ^^^^^^ error sodium-key-transform: ${halfKey}
#- /secret.yaml
{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "k", "namespace": "db"}, "data": {"key": "${twice(HEX)}"}}
`);
  });

  test('anchors, aliases and merge keys, in the storage and in the Secret', () => {
    checkDiagnostics(`
#- /storage.yaml
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: &meta
  name: k
  namespace: db
spec:
  type: s3
  s3: {bucket: b, awsCredentials: {useIAMRole: true}}
  encryption:
    method: &m sodium
    sodium:
      key: &selector
        name: k
        key: key
      <<: {keyTransform: base64}
                         ^^^^^^ error sodium-key-length: the key is 48 bytes after base64, libsodium needs 32: it is 64 hex digits
#- /secret.yaml
apiVersion: v1
kind: Secret
metadata: {name: k, namespace: db}
stringData:
  hidden: &key ${HEX}
  key: *key
`);
  });

  test('kind: List, with storage and Secret in one document', () => {
    checkDiagnostics(`
apiVersion: v1
kind: List
items:
  - apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: s}
    spec:
      type: s3
      s3: {bucket: b, awsCredentials: {useIAMRole: true}}
      encryption:
        method: sodium
        sodium:
        ^^^^^^ error sodium-key-transform: ${halfKey}
          key: {name: k, key: key}
  - apiVersion: v1
    kind: Secret
    metadata: {name: k}
    stringData: {key: ${HEX}}
`);
  });

  test('a folded scalar whose lines become blanks', () => {
    checkDiagnostics(
      `${sodium('hex')}${secret(`stringData:
  key: >-
    ${HEX.slice(0, 32)}
    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error sodium-key-encoding: the key is 64 hex digits with blanks, which keyTransform hex does not read…
    ${HEX.slice(32)}
`)}`,
    );
  });

  test('a literal of a Kustomize secretGenerator, quoted or not', () => {
    for (const quote of ['', "'"]) {
      checkDiagnostics(`${sodium('none', `                    ^^^^ error sodium-key-transform: ${halfKey}\n`)}
#- /kustomization.yaml
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: db
secretGenerator:
  - name: backup-key
    options: {disableNameSuffixHash: true}
    literals: ["key=${quote}${HEX}${quote}"]
`);
    }
  });

  test('a file of a Kustomize secretGenerator is not here: nothing is said about its value', () => {
    checkDiagnostics(`${sodium('none')}
#- /kustomization.yaml
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
secretGenerator:
  - name: backup-key
    options: {disableNameSuffixHash: true}
    files: [key=backup.key]
`);
  });

  test('several documents of one file, and a Secret whose namespace is left open', () => {
    checkDiagnostics(
      `${sodium('hex')}---
apiVersion: v1
kind: Secret
metadata: {name: backup-key}
stringData:
  key: ${BASE64}
`.replace(
        'keyTransform: hex\n',
        'keyTransform: hex\n                    ^^^ error sodium-key-transform: the key is base64 of 32 bytes, which keyTransform hex does not read\n',
      ),
    );
  });

  test('stringData wins over data, the later of two equal entries wins', () => {
    expect(
      found(`${sodium('hex')}${secret(`data: {key: ${twice('too short')}}\nstringData: {key: ${HEX}}\n`)}`),
    ).toEqual(['warning secret-entry-twice']);
    expect(found(`${sodium('hex')}${secret(`stringData:\n  key: too short\n  key: ${HEX}\n`)}`)).toEqual([
      'warning secret-entry-twice',
    ]);
  });

  test('the Secret of the same name in another namespace is another Secret', () => {
    checkDiagnostics(
      `${sodium('hex')}${secret(`stringData: {key: ${HEX}}\n`)}${secret('stringData: {key: short}\n', { namespace: 'other', file: '/other.yaml' })}`,
    );
  });

  test('what SOPS, a vault or a renderer fills in is nobody’s business', () => {
    for (const body of [
      'stringData: {key: "ENC[AES256_GCM,data:abc,type:str]"}\nsops: {version: 3.9.0}\n',
      `stringData: {key: "\${BACKUP_KEY}"}\n`,
      'stringData: {key: <path:secret/data/db#key>}\n',
      'stringData: {key: !vault x}\n',
      `data: {key: ${twice('<path:secret/data/db#key>')}}\n`,
    ]) {
      checkDiagnostics(`${sodium('none')}${secret(body)}`);
    }
  });
});

describe('where a finding about the key stands', () => {
  test('the value is marked inside base64, with the characters that hold the mistake', () => {
    const data = twice(`${HEX.slice(0, 62)}zz`);
    checkDiagnostics(
      `${sodium('hex')}${secret(`data:
  key: ${data}
       ${' '.repeat(82)}^^ error sodium-key-encoding: character 63 of 64 is no hex digit; keyTransform hex reads nothing else
`)}`,
    );
  });

  test('a key that two storages use is reported once for each mistake of its own', () => {
    const { workspace } = workspaceOf(
      `${sodium('hex')}${sodium('hex').replaceAll('backups', 'other').replace('storage.yaml', 'other.yaml')}${secret("stringData: {key: it's no hex}\n")}`,
    );
    const all = [...workspace.findings().values()].flat();
    const places = all.map((it) => `${it.rule} ${inFile(it.at).start}`);
    expect(new Set(places).size).toBe(places.length);
  });
});

describe('fixes of a key', () => {
  test('set the transform where there is none, in block and flow style', () => {
    const body = secret(`stringData: {key: ${HEX}}\n`);
    checkFix('Set keyTransform: hex (only while', `${sodium('')}${body}`, `${sodium('hex')}${body}`);
    const flow = (more: string) =>
      storage(`  encryption: {method: sodium, sodium: {key: {name: backup-key, key: key}${more}}}\n`);
    checkFix('Set keyTransform: hex', `${flow('')}${body}`, `${flow(', keyTransform: hex')}${body}`);
  });

  test('replace a wrong transform, and one that is null', () => {
    const body = secret(`stringData: {key: ${BASE64}}\n`);
    checkFix(
      'Set keyTransform: base64',
      `${sodium('hex # as generated')}${body}`,
      `${sodium('base64 # as generated')}${body}`,
    );
    checkFix(
      'Set keyTransform: base64',
      `${sodium('')}${body}`.replace('key: key}\n', 'key: key}\n      keyTransform:\n'),
      `${sodium('base64')}${body}`,
    );
  });

  test('take off what was put around the key, in every container', () => {
    const bare = (value: string) => `${sodium('hex')}${secret(value)}`;
    checkFix(
      'Take 0x in front of it off',
      bare(`stringData:\n  key: 0x${HEX}\n`),
      bare(`stringData:\n  key: "${HEX}"\n`),
    );
    checkFix(
      'Take 0x in front of it off',
      bare(`stringData:\n  key: |\n    0x${HEX}\n  b: c\n`),
      bare(`stringData:\n  key: |\n    ${HEX}\n  b: c\n`),
    );
    checkFix('off the key', bare(`data:\n  key: ${twice(`0x${HEX}\n`)}\n`), bare(`data:\n  key: ${twice(HEX)}\n`));
  });

  test('decode what was encoded twice, and set the transform that then fits', () => {
    checkFix(
      'Take one layer of base64 off the key and set keyTransform: hex',
      `${sodium('base64')}${secret(`stringData:\n  key: ${twice(HEX)}\n`)}`,
      `${sodium('hex')}${secret(`stringData:\n  key: "${HEX}"\n`)}`,
    );
  });

  test('encode a raw key below data once more', () => {
    checkFix(
      'Encode the key in base64 once more',
      `${sodium('hex')}${secret(`data:\n  key: ${HEX}\n`)}`,
      `${sodium('hex')}${secret(`data:\n  key: ${twice(HEX)}\n`)}`,
    );
    checkFix(
      'set keyTransform: base64 (only while',
      `${sodium('none')}${secret(`data:\n  key: ${BASE64}\n`)}`,
      `${sodium('base64')}${secret(`data:\n  key: ${twice(BASE64)}\n`)}`,
    );
  });

  test('drop the line break of a literal block', () => {
    checkFix(
      'Take the line break off',
      `${sodium('hex')}${secret(`stringData:\n  key: | # generated\n    ${HEX}\n`)}`,
      `${sodium('hex')}${secret(`stringData:\n  key: |- # generated\n    ${HEX}\n`)}`,
    );
    checkFix(
      'Take the line break off',
      `${sodium('hex')}${secret(`data: {key: ${twice(`${HEX}\n`)}}\n`)}`,
      `${sodium('hex')}${secret(`data: {key: ${twice(HEX)}}\n`)}`,
    );
  });
});

describe('keys that switch encryption off', () => {
  test.each([
    ['an empty string', 'stringData: {key: ""}', 'key'],
    ['nothing at all', 'stringData:\n  key:', 'key'],
    ['empty base64', 'data: {key: ""}', 'key'],
    ['line breaks only', 'stringData: {key: "\\n\\n"}', 'key'],
    ['base64 of a line break', 'data: {key: Cg==}', 'key'],
  ])('%s', (_, body) => {
    expect(found(`${sodium('hex')}${secret(`${body}\n`)}`)).toEqual(['error encryption-key-empty']);
  });

  test('an empty literal of a generator', () => {
    expect(
      found(`${sodium('hex')}
#- /kustomization.yaml
generatorOptions: {disableNameSuffixHash: true}
secretGenerator: [{name: backup-key, literals: ["key="]}]
`),
    ).toEqual(['error encryption-key-empty']);
  });
});

describe('type and sections', () => {
  const spec = (text: string) => `
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: s}
spec:
${text}`;

  test('a section of another type beside the right one, and its removal', () => {
    const before = spec(
      '  type: s3\n  s3: {bucket: b, awsCredentials: {useIAMRole: true}}\n  gcs:\n    bucket: b\n    gcpCredentials: {fetchCredentialsFromMetadataService: true}\n',
    );
    checkDiagnostics(
      before.replace('  gcs:\n', '  gcs:\n  ^^^ error storage-section: type is s3: a gcs section must not be there\n'),
    );
    checkFix(
      'Remove the gcs section',
      before,
      spec('  type: s3\n  s3: {bucket: b, awsCredentials: {useIAMRole: true}}\n'),
    );
  });

  test('a type whose section has another name', () => {
    checkFix(
      'Set type: s3Compatible',
      spec('  type: s3\n  s3Compatible: {bucket: b}\n'),
      spec('  type: s3Compatible\n  s3Compatible: {bucket: b}\n'),
    );
  });

  test('a patch holds only what it changes', () => {
    checkDiagnostics(`
#- /kustomization.yaml
patches: [{path: storage.yaml}]
#- /storage.yaml
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: s}
spec: {type: gcs, encryption: {method: sodium}}
`);
  });

  test('an encryption method without, with two, and with the other section', () => {
    const sections = (method: string, ...names: string[]) =>
      found(
        storage(
          `  encryption:\n${method === '' ? '' : `    method: ${method}\n`}${names.map((it) => `    ${it}: {key: {name: x, key: y}, ${it === 'openpgp' ? 'keyPassphrase: {name: x, key: z}' : 'keyTransform: hex'}}\n`).join('')}`,
        ),
      ).filter((it) => it.includes('encryption'));
    expect(sections('sodium', 'sodium')).toEqual([]);
    expect(sections('openpgp', 'openpgp')).toEqual([]);
    expect(sections('sodium')).toEqual(['error encryption-section']);
    expect(sections('sodium', 'openpgp')).toEqual(['error encryption-section']);
    expect(sections('sodium', 'sodium', 'openpgp')).toEqual(['error encryption-section']);
    expect(sections('', 'sodium', 'openpgp')).toEqual(['error encryption-section']);
    expect(sections('', 'openpgp')).toEqual(['warning encryption-method-missing']);
    expect(sections('')).toEqual(['warning encryption-empty']);
    expect(sections('~')).toEqual(['warning encryption-empty']);
  });

  test('a method of another name is reported once, by the schema', () => {
    expect(
      found(storage('  encryption: {method: libsodium, sodium: {key: {name: x, key: k}, keyTransform: HEX}}\n')),
    ).toEqual(['error field-value', 'error field-value', 'hint secret-not-here']);
  });

  test('encryption in every wrong place is reported once', () => {
    expect(found(storage('encryption: {method: sodium, sodium: {key: {name: x, key: y}}}\n'))).toEqual([
      'error encryption-misplaced',
    ]);
    expect(
      found(`
apiVersion: stackgres.io/v1
kind: SGCluster
metadata: {name: c}
spec:
  configurations:
    backups:
      - {sgObjectStorage: s, cronSchedule: "0 1 * * *", encryption: {method: sodium}}
`),
    ).toEqual(['error encryption-misplaced', 'hint unknown-object-storage']);
  });

  test('the method is set at the end of the block, behind its last line', () => {
    const body = secret(`stringData: {key: ${HEX}}\n`);
    checkFix(
      'Set method: sodium',
      `${sodium('hex # as generated').replace('    method: sodium\n', '')}${body}`,
      `${sodium('hex # as generated').replace('    method: sodium\n', '')}    method: sodium\n${body}`.replace(
        'generated\n    method',
        'generated\n    method',
      ),
      { rule: 'encryption-method-missing' },
    );
  });
});

describe('references', () => {
  test('an entry that is not there: the nearest, and a new one', () => {
    const body = (entries: string) => secret(`stringData:\n${entries}`);
    const before = sodium('hex').replace('key: key}', 'key: keey}');
    checkFix('Change to key', `${before}${body(`  key: ${HEX}\n`)}`, `${sodium('hex')}${body(`  key: ${HEX}\n`)}`);
    checkFix(
      'Add the entry keey',
      `${before}${body(`  key: ${HEX}\n`)}`,
      `${before}${body(`  key: ${HEX}\n  keey: ""\n`)}`,
    );
  });

  test('an entry that an overlay adds is there', () => {
    checkDiagnostics(
      `${sodium('hex')}${secret('stringData: {other: x}\n', { file: '/base/secret.yaml' })}${secret(`stringData: {key: ${HEX}}\n`, { file: '/overlay/secret.yaml' })}`,
    );
  });

  test('a sealed Secret is there; of its entries only the names are known', () => {
    const sealed = (entry: string) => `
#- /sealed.yaml
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {name: backup-key, namespace: db}
spec: {encryptedData: {${entry}: AgBy3i4OJSWK}}
`;
    expect(found(sodium('hex') + sealed('key'))).toEqual([]);
    expect(found(sodium('hex') + sealed('other'))).toEqual(['error unknown-secret-entry']);
  });

  test('an external Secret that fetches whatever there is may hold any entry', () => {
    expect(
      found(`${sodium('hex')}
#- /external.yaml
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: x, namespace: db}
spec: {target: {name: backup-key}, dataFrom: [{extract: {key: a}}]}
`),
    ).toEqual([]);
  });

  test('a Secret that is not here: a hint, a near name a warning, another namespace a warning', () => {
    expect(found(sodium('hex'))).toEqual(['hint secret-not-here']);
    expect(found(`${sodium('hex')}${secret(`stringData: {key: ${HEX}}\n`, { name: 'bakcup-key' })}`)).toEqual([
      'warning secret-not-here',
    ]);
    expect(found(`${sodium('hex')}${secret(`stringData: {key: ${HEX}}\n`, { namespace: 'default' })}`)).toEqual([
      'warning secret-not-here',
    ]);
  });

  test('an SGBackup names the Secrets of its time', () => {
    checkDiagnostics(`
#- /backup.yaml
apiVersion: stackgres.io/v1
kind: SGBackup
metadata: {name: nightly, namespace: db}
spec: {sgCluster: main}
status:
  process: {status: Completed}
  sgBackupConfig:
    storage:
      type: s3
      encryption:
        method: sodium
        sodium:
          key: {name: old-key, key: key}
                      ^^^^^^^ hint secret-not-here: no manifest of Secret old-key is in the workspace
`);
  });

  test('a storage that is not here: a hint; a near one a warning with its fix', () => {
    const cluster = (name: string) => `
#- /cluster.yaml
apiVersion: stackgres.io/v1
kind: SGCluster
metadata: {name: main, namespace: db}
spec:
  configurations:
    backups:
      - {sgObjectStorage: "${name}", cronSchedule: 0 1 * * *}
`;
    expect(found(cluster('backups'))).toEqual(['hint unknown-object-storage']);
    expect(found(cluster('backups') + storage('', { namespace: 'other' }))).toEqual(['warning unknown-object-storage']);
    expect(found(cluster('backups') + storage(''))).toEqual([]);
    checkFix('Change to backups', cluster('bakcups') + storage(''), cluster('backups') + storage(''));
  });
});

describe('what the editor’s front or a new file brings', () => {
  const fixes = (markup: string, rule: string) => {
    const { workspace } = workspaceOf(markup);
    const findings = [...workspace.findings().values()].flat().filter((it) => it.rule === rule);
    return findings.flatMap((it) => it.fixes);
  };

  test('a new key in the place of an empty one, in the form that keyTransform reads', () => {
    const inText = (body: string, transform = 'hex') => {
      const [one] = fixes(`${sodium(transform)}${secret(body)}`, 'encryption-key-empty');
      if (!one?.command) return undefined;
      const { at, ...more } = one.command.arguments;
      const text = at.part.text;
      return {
        title: one.title,
        ...more,
        line: `${text.slice(0, at.start)}HERE${text.slice(at.end)}`.split('\n').find((it) => it.includes('HERE')),
      };
    };
    expect(inText('stringData:\n  key: "" # fill in\n')).toEqual({
      title: 'Generate a 32-byte key here',
      key: 'sodium-hex',
      before: '"',
      after: '"',
      line: '  key: HERE # fill in',
    });
    expect(inText('stringData:\n  key:\n')).toMatchObject({ before: ' "', line: '  key:HERE' });
    expect(inText('data: {key: ""}\n', 'base64')).toMatchObject({
      key: 'sodium-base64',
      before: '',
      wrap: 'base64',
      line: 'data: {key: HERE}',
    });
  });

  test('a new key for one that is too short sets the transform too, and never replaces one that was in use', () => {
    const short = fixes(`${sodium('none')}${secret('stringData: {key: secret123}\n')}`, 'sodium-key-length');
    expect(short.map((it) => [it.title, it.edits.map((edit) => edit.newText), it.command?.id])).toEqual([
      ['Replace it by a new key of 32 bytes and set keyTransform: hex', ['hex'], 'generateKeyAt'],
    ]);
    expect(
      fixes(`${sodium('none')}${secret(`stringData: {key: ${BASE64.slice(0, 40)}}\n`)}`, 'sodium-key-length'),
    ).toEqual([]);
  });

  test('a manifest of a Secret that is not here', () => {
    checkFix(
      'Create a manifest of Secret backup-key',
      sodium('hex'),
      `${sodium('hex')}
#- /backup-key.yaml
# A key, with keyTransform: hex in the SGObjectStorage: openssl rand -hex 32
apiVersion: v1
kind: Secret
metadata:
  name: backup-key
  namespace: db
type: Opaque
stringData:
  key: ""
`,
    );
  });
});

describe('what StackGres cannot carry', () => {
  test('a single quote in a passphrase, inside base64', () => {
    checkDiagnostics(`${storage(`  encryption:
    method: openpgp
    openpgp:
      key: {name: sealed, key: key}
      keyPassphrase: {name: backup-key, key: pass}
`)}${secret(`data:
  pass: ${twice("it's a long passphrase")}
          ^^ error stackgres-value-quote: StackGres cannot carry a single quote in this value: the start script of the Pod breaks on it
`)}
#- /sealed.yaml
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {name: sealed, namespace: db}
spec: {encryptedData: {key: AgBy3i4OJSWK}}
`);
  });

  test('a certificate and a service account are files: quotes in them do no harm', () => {
    expect(
      found(`
#- /storage.yaml
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: s, namespace: db}
spec:
  type: gcs
  gcs: {bucket: b, gcpCredentials: {secretKeySelectors: {serviceAccountJSON: {name: backup-key, key: json}}}}
${secret(`stringData: {json: '{"type": "service_account", "client": "it''s me"}'}\n`)}`),
    ).toEqual([]);
  });
});

test('no message, title or fix title of the StackGres rules shows a value', () => {
  const value = `0x${HEX}`;
  const { workspace } = workspaceOf(`${sodium('base64')}${secret(`stringData:\n  key: ${value}\n`)}`);
  for (const it of [...workspace.findings().values()].flat()) {
    const words = [it.message, ...it.fixes.map((fix) => fix.title), ...it.related.map((one) => one.message)].join(' ');
    expect(words).not.toContain(HEX.slice(0, 12));
  }
});
