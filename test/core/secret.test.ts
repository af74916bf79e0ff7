import { describe, expect, test } from 'vitest';
import { checkDiagnostics, checkFix, workspaceOf } from '../support/check.ts';

const base64 = (text: string | Buffer) => Buffer.from(text as string).toString('base64');
const secret = (body: string) => `apiVersion: v1\nkind: Secret\nmetadata: {name: app, namespace: db}\n${body}`;
const configMap = (body: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app, namespace: db}\n${body}`;
const found = (markup: string) => {
  const { workspace } = workspaceOf(markup);
  return [...workspace.findings().values()].flat().map((it) => `${it.severity} ${it.rule}`);
};

const CONF =
  '[global]\nrepo1-s3-key=AKIAXXXXXXXXXXXXXXXX\nrepo1-s3-key-secret=abcdefghijabcdefghijabcdefghijabcdefghij\n';
const long = base64(CONF);

describe('base64 that the API server takes is left alone', () => {
  test.each([
    ['a literal block on many lines', `data:\n  s3.conf: |\n    ${long.match(/.{1,76}/g)!.join('\n    ')}\n`],
    [
      'a literal block of 64 columns with strip',
      `data:\n  s3.conf: |-\n    ${long.match(/.{1,64}/g)!.join('\n    ')}\n`,
    ],
    [
      'double quotes with a backslash at the line end',
      `data:\n  s3.conf: "${long.slice(0, 40)}\\\n    ${long.slice(40)}"\n`,
    ],
    ['Windows line ends', `data:\r\n  s3.conf: |\r\n    ${long.match(/.{1,76}/g)!.join('\r\n    ')}\r\n`],
    ['spare bits that are not zero', 'data: {k: Zm9=}\n'],
    ['nothing', 'data:\n  a: ""\n  b:\n  c: ~\n'],
    [
      'bytes',
      `data: {key: ${base64(Buffer.from([0xff, 0, 0xfe, 3, 0x80, 9, 200, 201, 202, 203, 204, 205, 206, 207]))}}\n`,
    ],
    ['a flow map with quotes', `data: {"s3.conf": "${long}"}\n`],
    ['placeholders of a renderer', `data:\n  s3.conf: <s3conf | base64encode>\n  k: \${KEY}\n`],
  ])('%s', (_, body) => expect(found(secret(body))).toEqual([]));
});

describe('base64 that the API server refuses', () => {
  test('a folded block, of which every line break becomes a blank', () => {
    const lines = (mark: string) =>
      secret(`data:\n  s3.conf: >-\n${mark}    ${long.slice(0, 76)}\n    ${long.slice(76)}\n`);
    checkDiagnostics(
      lines(
        '           ^^ error secret-data-not-base64: folding (>) puts blanks into the base64: | keeps the lines apart\n',
      ),
    );
    checkFix('Change > to |', lines(''), lines('').replace('>-', '|-'));
  });

  test('a plain scalar over several lines', () => {
    checkFix(
      'Join the lines',
      secret(`data:\n  s3.conf: ${long.slice(0, 76)}\n    ${long.slice(76)}\n`),
      secret(`data:\n  s3.conf: ${long}\n`),
    );
  });

  test('a blank in the middle, a tab and a blank at the end', () => {
    checkDiagnostics(
      secret(
        'data:\n  k: "aGVsbG8g d29ybGQh"\n              ^ error secret-data-not-base64: there is a blank in the base64\n',
      ),
    );
    for (const value of ['"aGVsbG8g d29ybGQh"', '"aGVsbG8gd29ybGQh "', '"aGVsbG8g\\td29ybGQh"', "' aGVsbG8gd29ybGQh'"])
      checkFix('Remove the blanks', secret(`data:\n  k: ${value}\n`), secret('data:\n  k: aGVsbG8gd29ybGQh\n'));
  });

  test('padding that is missing or too much', () => {
    checkFix(
      'Correct the padding',
      secret('data:\n  k: aGVsbG8\n'),
      secret('data:\n  k: "aGVsbG8="\n'.replaceAll('"', '')),
    );
    checkFix('Correct the padding', secret('data:\n  k: aGVsbG8==\n'), secret('data:\n  k: aGVsbG8=\n'));
    checkFix('Correct the padding', secret('data: {k: aGVsbG8gd29ybGQ}\n'), secret('data: {k: aGVsbG8gd29ybGQ=}\n'));
  });

  test('a character that is lost', () => {
    expect(
      found(secret(`data: {s3.conf: ${long.replace(/=*$/, '').slice(1, -1)}}\n`)).filter((it) =>
        it.startsWith('error'),
      ),
    ).toEqual(['error secret-data-not-base64']);
  });

  test('two pieces glued together', () => {
    checkFix(
      'Make one base64 of them',
      secret(`data:\n  k: ${base64('hello')}${base64('world')}\n`),
      secret(`data:\n  k: ${base64('helloworld')}\n`),
    );
  });

  test('the URL alphabet, of text and of bytes', () => {
    const text = 'a>b?c>d?';
    checkFix(
      'Write it in the standard alphabet',
      secret(`data:\n  k: ${Buffer.from(text).toString('base64url')}\n`),
      secret(`data:\n  k: ${base64(text)}\n`),
    );
    const bytes = Buffer.from('fbe3f0a1'.repeat(8), 'hex');
    checkFix(
      'Write it in the standard alphabet',
      secret(`data:\n  k: ${bytes.toString('base64url')}\n`),
      secret(`data:\n  k: ${base64(bytes)}\n`),
    );
  });

  test('inner quotes', () => {
    checkFix(
      'Remove the inner quotes',
      secret(`data:\n  k: '"aGVsbG8gd29ybGQh"'\n`),
      secret('data:\n  k: aGVsbG8gd29ybGQh\n'),
    );
  });

  test('one foreign character in a long text', () => {
    const broken = `${long.slice(0, 30)}*${long.slice(31)}`;
    checkDiagnostics(
      secret(
        `data:\n  s3.conf: ${broken}\n           ${' '.repeat(30)}^ error secret-data-not-base64: character 31 of ${broken.length} is not of the base64 alphabet\n`,
      ),
    );
  });

  test('binaryData of a ConfigMap is base64 too', () => {
    expect(found(configMap('binaryData: {k: hello-world}\n'))).toEqual(['error secret-data-not-base64']);
    expect(found(configMap('data: {k: hello-world}\n'))).toEqual([]);
  });

  test('text around a placeholder that will never be base64', () => {
    checkFix(
      'Move it to stringData',
      secret('data:\n  s3.conf: |\n    [global]\n    repo1-s3-key={{ .KEY }}\n'),
      secret('stringData:\n  s3.conf: |\n    [global]\n    repo1-s3-key={{ .KEY }}\n'),
    );
    expect(found(secret(`data: {host: "https://\${HOST}"}\n`))).toEqual(['error secret-data-not-base64']);
    for (const value of [
      'ref+vault://secret/db#/pass',
      '"<path:secret/data/db#pass>"',
      '"{{ .x | b64enc }}"',
      '"[[ x ]]"',
      '"ENC[x]"',
    ])
      expect(found(secret(`data: {k: ${value}}\n`)), value).toEqual([]);
  });

  test('no message shows the value', () => {
    const { workspace } = workspaceOf(secret('data: {a: hunter2-hunter2, b: "hunter2 hunter2", c: hunter2}\n'));
    const all = [...workspace.findings().values()].flat();
    expect(all).toHaveLength(3);
    for (const it of all)
      expect(`${it.message} ${it.fixes.map((fix) => fix.title).join(' ')}`).not.toContain('hunter2');
  });
});

describe('clear text below data', () => {
  test('is encoded, or moved: data with a single entry becomes stringData', () => {
    const before = secret('data:\n  password: hunter2-hunter2\n');
    checkFix('Encode it', before, secret(`data:\n  password: ${base64('hunter2-hunter2')}\n`));
    checkFix('Move it to stringData', before, secret('stringData:\n  password: hunter2-hunter2\n'));
  });

  test('a whole conf is encoded with its line breaks', () => {
    checkFix(
      'Encode it',
      secret(`data:\n  s3.conf: |\n    ${CONF.trimEnd().replaceAll('\n', '\n    ')}\n`),
      secret(`data:\n  s3.conf: ${long}\n`),
    );
  });

  test('moves its lines in front of what is there already', () => {
    checkFix(
      'Move it to stringData',
      secret('data:\n  user: YWRtaW4=\n  password: hunter2-hunter2\nstringData:\n  host: db\n'),
      secret('data:\n  user: YWRtaW4=\nstringData:\n  password: hunter2-hunter2\n  host: db\n'),
    );
    checkFix(
      'Move it to stringData',
      secret('data:\n  user: YWRtaW4=\n  password: hunter2-hunter2\n'),
      secret('stringData:\n  password: hunter2-hunter2\ndata:\n  user: YWRtaW4=\n'),
    );
  });

  test('is found although it happens to be base64', () => {
    for (const value of [
      'changeme',
      'password',
      'manu',
      '"true"',
      'AKIAIOSFODNN7EXAMPLE',
      'admin123',
      'Password',
      '"12345678"',
    ])
      expect(found(secret(`data: {k: ${value}}\n`)), value).toEqual(['warning secret-data-clear-text']);
    expect(found(secret(`data: {k: ${'3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded'}}\n`))).toEqual(
      ['warning secret-data-clear-text'],
    );
  });

  test('a random secret access key is known by the name of its entry only', () => {
    const key = 'wJalrXUtnFEMI+K7MDENG/bPxRfiCYEXAMPLEKEY';
    expect(found(secret(`data: {AWS_SECRET_ACCESS_KEY: ${key}}\n`))).toEqual(['warning secret-data-clear-text']);
    expect(found(secret(`data: {blob: ${key}}\n`))).toEqual([]);
  });
});

describe('base64 of base64', () => {
  test('a conf below data, stringData and in a ConfigMap', () => {
    const where = { data: base64(long), stringData: long };
    expect(found(secret(`data: {s3.conf: ${where.data}}\n`))).toEqual(['error secret-double-base64']);
    expect(found(secret(`stringData: {s3.conf: ${where.stringData}}\n`))).toEqual(['error secret-double-base64']);
    expect(found(configMap(`data: {s3.conf: ${where.stringData}}\n`))).toEqual(['error secret-double-base64']);
    checkFix('Take one layer', secret(`data:\n  s3.conf: ${where.data}\n`), secret(`data:\n  s3.conf: ${long}\n`));
  });

  test('a password', () => {
    checkFix(
      'Take one layer',
      secret(`data:\n  password: ${base64(base64('hunter2-hunter2'))}\n`),
      secret(`data:\n  password: ${base64('hunter2-hunter2')}\n`),
    );
  });

  test.each([
    ['a random key in base64', base64(Buffer.from('3fca27ff846664b4428dce73ac41d57cc637dee9', 'hex'))],
    ['a passphrase of openssl rand -base64', 'Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/'],
    ['hex digits', '0123456789abcdef0123456789abcdef'],
    ['words', 'changemechangeme'],
    ['a short word', 'dGVzdA=='],
  ])('%s is no base64 of a text', (_, value) => {
    expect(found(secret(`stringData: {k: "${value}"}\n`))).toEqual([]);
    expect(found(secret(`data: {k: ${base64(value)}}\n`))).toEqual([]);
  });

  test('an entry whose name says that base64 is wanted', () => {
    expect(found(secret(`stringData: {CREDENTIALS_B64: ${base64('{"type": "service_account"}')}}\n`))).toEqual([]);
  });
});

describe('values that are no text for kubectl', () => {
  test('numbers, booleans of YAML 1.1, maps and lists', () => {
    for (const value of ['5432', 'true', 'y', 'no', 'off', '0o14', '1_000', '1e3', '.5', '{a: b}', '[a]'])
      expect(found(secret(`stringData: {k: ${value}}\n`)), value).toEqual(['error secret-value-type']);
    for (const value of ['"5432"', '!!str 5432', 'yess', '10.0.0.1', '5432/tcp', '~', ''])
      expect(found(secret(`stringData: {k: ${value}}\n`)), value).toEqual([]);
  });

  test('quotes cure it; what stands below data is encoded, or quoted where it is base64', () => {
    checkFix('Put it in quotes', secret('stringData:\n  port: 0o14\n'), secret('stringData:\n  port: "0o14"\n'));
    checkFix('Put it in quotes', configMap('data: {port: 5432}\n'), configMap('data: {port: "5432"}\n'));
    checkFix('Encode it', secret('data:\n  port: 54321\n'), secret(`data:\n  port: ${base64('54321')}\n`));
    checkFix('Put it in quotes', secret('data:\n  port: 12345678\n'), secret('data:\n  port: "12345678"\n'), {
      rule: 'secret-value-type',
    });
  });
});

describe('entries and fields', () => {
  test('the same entry twice: the first is marked and removed', () => {
    checkFix(
      'Remove this one',
      secret('stringData:\n  a: one\n  b: two\n  a: three\n'),
      secret('stringData:\n  b: two\n  a: three\n'),
    );
    checkFix('Remove this one', secret('stringData: {a: one, a: three}\n'), secret('stringData: {a: three}\n'));
  });

  test('an entry of a merge key may be overridden', () => {
    expect(found(secret('stringData:\n  <<: {a: one}\n  a: two\n'))).toEqual([]);
  });

  test('data and stringData: the one that loses goes, with its map when it is alone', () => {
    checkFix(
      'Remove a from data',
      secret(`data:\n  a: ${base64('one')}\nstringData:\n  a: two\n`),
      secret('stringData:\n  a: two\n'),
    );
    checkFix(
      'Remove a from data',
      secret(`data:\n  a: ${base64('one')}\n  b: ${base64('two')}\nstringData:\n  a: two\n`),
      secret(`data:\n  b: ${base64('two')}\nstringData:\n  a: two\n`),
    );
  });

  test('names that cannot be file names', () => {
    checkFix(
      'Call it conf.d-s3.conf',
      secret('stringData: {conf.d/s3.conf: x}\n'),
      secret('stringData: {conf.d-s3.conf: x}\n'),
    );
    checkFix('Call it s3.conf', secret('stringData: {"~s3.conf": x}\n'), secret('stringData: {s3.conf: x}\n'));
    for (const name of ['..data', '.', '""', `"${'x'.repeat(254)}"`])
      expect(found(secret(`stringData: {${name}: x}\n`)), name).toEqual(['error secret-entry-name']);
    for (const name of ['.dockerconfigjson', 'tls.crt', 'a_b-c.d'])
      expect(found(secret(`stringData: {${name}: x}\n`))).toEqual([]);
  });

  test('misspelt fields, and those of the other kind', () => {
    for (const [wrong, right] of [
      ['datas', 'data'],
      ['stringdata', 'stringData'],
      ['string_data', 'stringData'],
    ])
      checkFix(
        `Change to ${right}`,
        secret(`${wrong}: {k: aGVsbG8gd29ybGQh}\n`),
        secret(`${right}: {k: aGVsbG8gd29ybGQh}\n`),
        {
          rule: 'secret-unknown-field',
        },
      );
    checkFix('Change to data', configMap('stringData: {k: hello}\n'), configMap('data: {k: hello}\n'));
    expect(found(secret('type: Opaque\nimmutable: true\nsops: {version: 3.9.0}\nstringData: {k: hello}\n'))).toEqual(
      [],
    );
  });

  test('a generator of Kustomize has fields of its own', () => {
    expect(
      found(`
#- /kustomization.yaml
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
secretGenerator:
  - name: app
    behavior: merge
    options: {disableNameSuffixHash: true}
    literals: [password=hunter2-hunter2]
    type: Opaque
`),
    ).toEqual([]);
  });
});

describe('line breaks at the end', () => {
  test('of a password, in every container', () => {
    checkFix(
      'Take the line break off',
      secret('stringData:\n  password: |\n    hunter2-hunter2\n'),
      secret('stringData:\n  password: |-\n    hunter2-hunter2\n'),
    );
    checkFix(
      'Take the line break off',
      secret('stringData: {password: "hunter2-hunter2\\n"}\n'),
      secret('stringData: {password: "hunter2-hunter2"}\n'),
    );
    checkFix(
      'Take the line break off',
      secret(`data: {db-password: ${base64('hunter2-hunter2\n')}}\n`),
      secret(`data: {db-password: ${base64('hunter2-hunter2')}}\n`),
    );
  });

  test('of files and of texts with several lines are right', () => {
    expect(
      found(
        secret(
          'stringData:\n  password.txt: |\n    hunter2\n  tls.key: |\n    a\n    b\n  s3.conf: |\n    [global]\n    process-max=2\n',
        ),
      ),
    ).toEqual([]);
  });
});

describe('the name of an entry that holds a conf', () => {
  const cluster = (source: string) => `
#- /cluster.yaml
apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: prod, namespace: db}
spec:
  backups:
    pgbackrest:
      configuration: [${source}]
      repos:
        - name: repo1
          s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
#- /secret.yaml
`;
  const conf = (name: string) =>
    secret(`stringData:\n  ${name}: |\n    ${CONF.trimEnd().replaceAll('\n', '\n    ')}\n`);

  test('mounted whole, it must end in .conf', () => {
    const before = cluster('{secret: {name: app}}') + conf('pgbackrest.ini');
    expect(found(before)).toContain('error conf-entry-name');
    checkFix('Call it pgbackrest.conf', before, cluster('{secret: {name: app}}') + conf('pgbackrest.conf'));
  });

  test('mounted under another name, it need not', () => {
    expect(
      found(cluster('{secret: {name: app, items: [{key: pgbackrest.ini, path: s3.conf}]}}') + conf('pgbackrest.ini')),
    ).toEqual([]);
  });

  test('mounted by nobody that is seen here, a word will do', () => {
    expect(found(conf('pgbackrest.ini'))).toEqual(['information conf-entry-name']);
    expect(found(conf('pgbackrest.conf.template'))).toEqual([]);
  });

  test('options as names of entries become one conf', () => {
    const options = secret(
      'stringData:\n  repo1-s3-key: AKIAXXXXXXXXXXXXXXXX\n  repo1-s3-key-secret: abcdefghijabcdefghijabcdefghijabcdefghij\n',
    );
    expect(found(cluster('{secret: {name: app}}') + options).filter((it) => it.includes('conf-entry'))).toEqual([
      'error conf-entry-name',
      'error conf-entry-name',
    ]);
    expect(found(options)).toEqual([]);
    checkFix(
      'Put the options into s3.conf',
      cluster('{secret: {name: app}}') + options,
      cluster('{secret: {name: app}}') +
        secret(`stringData:\n  s3.conf: |\n    [global]\n    ${CONF.split('\n').slice(1, -1).join('\n    ')}\n`),
    );
  });
});

describe('the hash behind a generated name', () => {
  const storage = `
#- /storage.yaml
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: s}
spec:
  type: gcs
  gcs: {bucket: b, gcpCredentials: {secretKeySelectors: {serviceAccountJSON: {name: app, key: gcp.json}}}}
`;
  const kustomization = (generator: string, more = '') => `${storage}
#- /kustomization.yaml
kind: Kustomization
${more}secretGenerator:
  - ${generator}
`;

  test('is switched off where a custom resource names the Secret', () => {
    checkFix(
      'Switch the hash off',
      kustomization('{name: app, files: [gcp.json]}'),
      kustomization('{name: app, files: [gcp.json], options: {disableNameSuffixHash: true}}'),
    );
    checkFix(
      'Switch the hash off',
      kustomization('name: app\n    options: {labels: {a: b}}\n    files: [gcp.json]'),
      kustomization('name: app\n    options: {labels: {a: b}, disableNameSuffixHash: true}\n    files: [gcp.json]'),
    );
  });

  test('is right for everybody else, and where Kustomize was taught the field', () => {
    expect(found(kustomization('{name: other, files: [gcp.json]}'))).toEqual(['hint secret-not-here']);
    expect(found(kustomization('{name: app, files: [gcp.json]}', 'configurations: [names.yaml]\n'))).toEqual([]);
    expect(
      found(kustomization('{name: app, files: [gcp.json]}', 'generatorOptions: {disableNameSuffixHash: true}\n')),
    ).toEqual([]);
  });
});

describe('forms of the same Secret', () => {
  test('kind: List, anchors, merge keys, flow style', () => {
    checkDiagnostics(
      `
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Secret, metadata: {name: a}, data: {k: hunter2-hunter2}}
                                                                  ^^^^^^^^^^^^^^^ error secret-data-not-base64: k is clear text, and data holds base64
  - apiVersion: v1
    kind: Secret
    metadata: &meta {name: b}
    data: &values
      k: *text
    stringData:
      other: &text hello
`.replace('      k: *text\n', ''),
    );
  });

  test('an alias brings its mistake along', () => {
    expect(
      found(`
apiVersion: v1
kind: Secret
metadata: {name: b, annotations: {note: &text hunter2-hunter2}}
data: {k: *text}
`),
    ).toEqual(['error secret-data-not-base64']);
  });

  test.each([
    ['line feeds', `stringData: {key: "${'\\n'.repeat(500_000)}x"}`],
    ['blanks', `stringData: {key: "x${' '.repeat(500_000)}x"}`],
    ['equals signs', `data: {key: "${'='.repeat(500_000)}x"}`],
    ['open braces', `data: {key: "${'{{'.repeat(250_000)}"}`],
    ['open brackets', `data: {key: "${'[['.repeat(250_000)}"}`],
    ['open dollars', `data: {key: "${'$('.repeat(250_000)}"}`],
    ['beginnings of keys', `stringData: {key: "${'-----BEGIN PGP PRIVATE KEY BLOCK-----\\n'.repeat(10_000)}"}`],
    ['words', `stringData: {key: "-----BEGIN PGP PRIVATE KEY BLOCK----- ${'abcd '.repeat(80_000)}"}`],
    // What takes quadratic time takes minutes here, and the test its end.
  ])('half a million %s', (_, body) => {
    for (const method of ['sodium', 'openpgp']) {
      const { workspace } = workspaceOf(`
#- /storage.yaml
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: s, namespace: db}
spec:
  encryption:
    ${method}: {key: {name: app, key: key}, keyPassphrase: {name: app, key: key}}
#- /secret.yaml
${secret(`${body}\n`)}`);
      expect(workspace.findings().size).toBe(2);
    }
  });

  test('half-typed Secrets are no reason for an exception', () => {
    const text = secret('data:\n  password: hunter2-hunter2\n  k: aGVsbG8\nstringData:\n  a: |\n    b\n  a: 5\n');
    for (let end = 0; end <= text.length; end++) workspaceOf(text.slice(0, end)).workspace.findings();
  });
});
