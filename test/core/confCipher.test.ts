import { describe, expect, test } from 'vitest';
import { passBits, passWeakness } from '../../server/src/core/pgbackrest/passQuality.ts';
import { allRules } from '../../server/src/core/rules/all.ts';
import { Workspace } from '../../server/src/core/workspace.ts';
import { checkDiagnostics } from '../support/check.ts';

const STRONG = 'Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/';
const OTHER = 'mZ0vXK4tE8uQ2wYcR6aHs1JpLdNfGb9iOoTk3x5VqUyMWnBjCeSr7FgDlPAhI/z+';
const check = (markup: string) => checkDiagnostics(markup, { defaultName: '/pgbackrest.conf' });
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('a pass without a type', () => {
  test('in CRLF, with blanks around =, stanza first', () => {
    const conf = `[demo]\r\npg1-path = /d\r\n[global]\r\n  repo1-path = /b\r\nrepo1-retention-full = 2\r\nrepo1-cipher-pass = ${STRONG}\r\n`;
    const workspace = new Workspace(allRules);
    workspace.setFile('file:///w/pgbackrest.conf', conf);
    expect([...workspace.findings().values()].flat().map((it) => `${it.severity} ${it.rule}`)).toEqual([
      'error cipher-pass-without-type',
    ]);
  });

  test('under its old name', () => {
    check(`
[global]
repo1-path=/b
repo1-retention-full=2
repo-cipher-pass=${STRONG}
^^^^^^^^^^^^^^^^ error cipher-pass-without-type: repo1 has a cipher pass but no repo1-cipher-type: it is stored in plain text
^^^^^^^^^^^^^^^^ hint deprecated-option
`);
  });

  test('for the one stanza that has none', () => {
    check(`
[global]
repo1-path=/b
repo1-retention-full=2
repo1-cipher-pass=${STRONG}
^^^^^^^^^^^^^^^^^ error cipher-pass-without-type: repo1 has a cipher pass but no repo1-cipher-type for stanza b: it is stored in plain text
[a]
pg1-path=/a
repo1-cipher-type=aes-256-cbc
^^^^^^^^^^^^^^^^^ information cipher-only-in-stanza
[b]
pg1-path=/bb
`);
  });

  test('the type may stand in the main file of a fragment of conf.d, and the other way round', () => {
    checkDiagnostics(`
#- /etc/pgbackrest.conf
[global]
repo1-path=/b
repo1-retention-full=2
repo1-cipher-type=aes-256-cbc
[demo]
pg1-path=/d
#- /etc/conf.d/secret.conf
[global]
repo1-cipher-pass=${STRONG}
`);
    checkDiagnostics(`
#- /etc/pgbackrest.conf
[global]
repo1-path=/b
repo1-retention-full=2
[demo]
pg1-path=/d
#- /etc/conf.d/secret.conf
[global]
repo1-cipher-pass=${STRONG}
^^^^^^^^^^^^^^^^^ error cipher-pass-without-type
`);
  });

  test('on a client of a repository host it is only useless', () => {
    check(`
[global]
repo1-host=backup
repo1-cipher-pass=${STRONG}
^^^^^^^^^^^^^^^^^ warning cipher-pass-without-type: repo1 is on another host: without repo1-cipher-type the pass is ignored here
[demo]
pg1-path=/d
`);
  });

  test('in a Secret that nobody mounts here, the type may be in a cluster that is not here', () => {
    checkDiagnostics(`
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData:
  s3.conf: |
    [global]
    repo2-cipher-pass=${STRONG}
    ^^^^^^^^^^^^^^^^^ information cipher-type-not-here
`);
  });

  test('a Secret that a cluster mounts is told once, by the rule for clusters', () => {
    const workspace = new Workspace(allRules);
    workspace.setFile(
      'file:///w/cluster.yaml',
      'apiVersion: postgres-operator.crunchydata.com/v1beta1\nkind: PostgresCluster\nmetadata: {name: c}\nspec:\n  backups:\n    pgbackrest:\n      configuration: [{secret: {name: s}}]\n      repos: [{name: repo2, s3: {bucket: b, endpoint: e, region: r}}]\n',
    );
    workspace.setFile(
      'file:///w/s.yaml',
      `apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata:\n  s3.conf: ${base64(`[global]\nrepo2-cipher-pass=${STRONG}\n`)}\n`,
    );
    const about = [...workspace.findings().values()].flat().filter((it) => /cipher|pass/.test(it.rule));
    expect(about.map((it) => it.rule)).toEqual(['repo-pass-without-type']);
  });

  test('a file that a kustomization mounts into a cluster is a fragment of it', () => {
    const files = (type: string) => `
#- /k/kustomization.yaml
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [cluster.yaml]
secretGenerator:
- name: s
  files: [s3.conf]
#- /k/cluster.yaml
apiVersion: postgres-operator.crunchydata.com/v1beta1
kind: PostgresCluster
metadata: {name: c}
spec:
  backups:
    pgbackrest:
      configuration: [{secret: {name: s}}]
      global:
        repo1-retention-full: "2"
        repo1-path: /pgbackrest/c/repo1
${type}
      repos: [{name: repo1, s3: {bucket: b, endpoint: s3.amazonaws.com, region: r}}]
#- /k/s3.conf
[global]
repo1-s3-key=AKIAXXXXXXXXXXXXXXXX
repo1-s3-key-secret=abcdefghijabcdefghijabcdefghijabcdefghij
repo1-cipher-pass=${STRONG}
`;
    const rulesOf = (type: string) => {
      const workspace = new Workspace(allRules);
      for (const [, uri, text] of files(type).matchAll(/^#- (\S+)\n([\s\S]*?)(?=^#- |$(?![\s\S]))/gm))
        workspace.setFile(`file:///w${uri}`, text!);
      return [...workspace.findings().values()]
        .flat()
        .filter((it) => /pass|type/.test(it.rule))
        .map((it) => it.rule);
    };
    expect(rulesOf('        repo1-cipher-type: aes-256-cbc')).toEqual([]);
    expect(rulesOf('        repo1-bundle: "y"')).toEqual(['repo-pass-without-type']);
  });

  test('is not said twice when the type is there, but misspelt or elsewhere', () => {
    check(`
[global]
repo1-path=/b
repo1-retention-full=2
repo1-encryption-type=aes-256-cbc
^^^^^^^^^^^^^^^^^^^^^ error misspelt-cipher-option
repo1-cipher-pass=${STRONG}
`);
    check(`
[global]
repo1-path=/b
repo1-retention-full=2
repo1-cipher-pass=${STRONG}
[global:backup]
repo1-cipher-type=aes-256-cbc
^^^^^^^^^^^^^^^^^ error cipher-in-command-section
`);
    check(`
[global]
repo1-path=/b
repo1-retention-full=2
repo1-cipher-pass=${STRONG}
[Global]
 ^^^^^^ error unread-section
repo1-cipher-type=aes-256-cbc
`);
  });
});

describe('a type without a pass', () => {
  test('is an error, an information where a comment speaks of the environment, and nothing where it names the variable', () => {
    const conf = (comment: string, mark: string) => `
# ${comment}
[global]
repo1-path=/b
repo1-retention-full=2
repo1-cipher-type=aes-256-cbc
${mark}
[demo]
pg1-path=/d
`;
    check(
      conf(
        'The backups of the shop.',
        '^^^^^^^^^^^^^^^^^ error cipher-type-without-pass: repo1 has a cipher type but no repo1-cipher-pass',
      ),
    );
    check(
      conf(
        'Passwords come from .env',
        '^^^^^^^^^^^^^^^^^ information cipher-type-without-pass: repo1 has a cipher type, and repo1-cipher-pass must come from elsewhere',
      ),
    );
    check(conf('Set PGBACKREST_REPO1_CIPHER_PASS in the unit', ''));
  });

  test('is told where the type stands, when neither conf.d nor the main file has the pass', () => {
    checkDiagnostics(`
#- /etc/conf.d/type.conf
[global]
repo1-cipher-type=aes-256-cbc
^^^^^^^^^^^^^^^^^ error cipher-type-without-pass
#- /etc/pgbackrest.conf
[global]
repo1-path=/b
repo1-retention-full=2
[demo]
pg1-path=/d
`);
  });

  test('a placeholder as type, or a line that a renderer fills, says nothing', () => {
    check(`
[global]
repo1-path=/b
repo1-retention-full=2
repo1-cipher-type={{ cipher_type }}
`);
    check(`
[global]
repo1-path=/b
repo1-cipher-type=aes-256-cbc
^^^^^^^^^^^^^^^^^ information cipher-type-without-pass
{% include 'secrets.conf' %}
`);
  });
});

describe('spellings', () => {
  for (const key of [
    'repo1-cypher-type',
    'repo1-ciper-type',
    'repo1-chipher-type',
    'repo1-encryption-type',
    'repo1-cipher_type',
    'repo1_cipher_type',
    'Repo1-Cipher-Type',
    'repo1-ciphertype',
    'cipher-type',
    'repository1-cipher-type',
    'repo1-cipher-algorithm',
    'repo1-encryption',
    'repo1-cipher',
  ]) {
    test(key, () => {
      check(`
[global]
repo1-path=/b
repo1-retention-full=2
${key}=aes-256-cbc
${'^'.repeat(key.length)} error misspelt-cipher-option: pgBackRest has no option ${key}: without repo1-cipher-type, repo1 is stored in plain text
repo1-cipher-pass=${STRONG}
`);
    });
  }

  for (const key of [
    'cipher-pass',
    'repo1-cypher-pass',
    'repo1-cipher-password',
    'repo1-cipher-passphrase',
    'repo1-cipher-key',
    'repo1-encryption-key',
    'repo1-pass',
    'repo1-passphrase',
    'repo1-encryption',
  ]) {
    test(key, () => {
      check(`
[global]
repo1-path=/b
repo1-retention-full=2
repo1-cipher-type=aes-256-cbc
${key}=${STRONG}
${'^'.repeat(key.length)} error misspelt-cipher-option: pgBackRest has no option ${key}: without repo1-cipher-pass, repo1 has no pass
`);
    });
  }

  test('without a number the only repository is meant', () => {
    check(`
[global]
repo2-path=/b
repo2-retention-full=2
cipher-type=aes-256-cbc
^^^^^^^^^^^ error misspelt-cipher-option: pgBackRest has no option cipher-type: without repo2-cipher-type, repo2 is stored in plain text
repo2-cipher-pass=${STRONG}
`);
  });
});

describe('values of the type', () => {
  for (const [value, meant] of [
    ['aes256', 'aes-256-cbc'],
    ['AES-256-CBC', 'aes-256-cbc'],
    ['aes-256-gcm', 'aes-256-cbc'],
    ['aes_256_cbc', 'aes-256-cbc'],
    ['None', 'none'],
    ['y', 'aes-256-cbc'],
  ]) {
    test(`${value} means ${meant}`, () => {
      const workspace = new Workspace(allRules);
      workspace.setFile(
        'file:///w/pgbackrest.conf',
        `[global]\nrepo1-path=/b\nrepo1-retention-full=2\nrepo1-cipher-type=${value}\n`,
      );
      const findings = [...workspace.findings().values()].flat();
      const found = findings.find((it) => it.rule === 'unknown-cipher-type');
      expect(found?.severity).toBe('error');
      expect(found?.fixes.map((it) => it.title)).toEqual([`Write ${meant}`]);
    });
  }
});

describe('an index that no repository has', () => {
  test('takes the options away from the repository that has a place', () => {
    check(`
[global]
repo1-path=/b
repo1-retention-full=2
repo1-cipher-type=aes-256-cbc
repo2-cipher-pass=${STRONG}
^^^^^^^^^^^^^^^^^ error cipher-without-repository: nothing says where repo2 is, and repo1 has a cipher type but no pass
`);
  });

  test('beside an encrypted repository is left over', () => {
    check(`
[global]
repo1-path=/b
repo1-retention-full=2
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass=${STRONG}
repo2-cipher-type=aes-256-cbc
^^^^^^^^^^^^^^^^^ warning cipher-without-repository: nothing says where repo2 is
repo2-cipher-pass=${OTHER}
`);
  });

  test('repo1 without a path is at its default place', () => {
    check(`
[global]
repo1-retention-full=2
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass=${STRONG}
[demo]
pg1-path=/d
`);
  });
});

describe('a pass', () => {
  const found = (pass: string) => passWeakness(pass) ?? 'good';

  test('from a generator is good, whatever alphabet', () => {
    const generators = [
      { alphabet: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/', length: 64 },
      { alphabet: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/', length: 24 },
      { alphabet: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789', length: 22 },
      { alphabet: '0123456789abcdef', length: 32 },
      { alphabet: '0123456789abcdef', length: 64 },
      { alphabet: 'abcdefghijklmnopqrstuvwxyz0123456789', length: 24 },
      { alphabet: '!"$%&()=?*+~,.-_:;<>ABCDEFGHIJKLMabcdefghijklm0123456789', length: 20 },
    ];
    let seed = 7;
    const next = (below: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % below;
    };
    for (const { alphabet, length } of generators) {
      let weak = 0;
      for (let i = 0; i < 500; i++) {
        const pass = Array.from({ length }, () => alphabet[next(alphabet.length)]).join('');
        if (found(pass) !== 'good') weak++;
      }
      // Among lower-case letters alone one in a hundred may look like words.
      expect(weak, `${length} of ${alphabet}`).toBeLessThanOrEqual(/^[A-Z0]/.test(alphabet) ? 0 : 5);
    }
  });

  for (const pass of ['secret', 'postgres123', 'Tr0ub4dor&3', 'BackupOfAcme2024', 'x']) {
    test(`${pass.length} characters are short`, () =>
      expect(['short', 'published', 'placeholder']).toContain(found(pass)));
  }

  for (const pass of [
    'BackupEncryptionPassword123',
    'our company backs up every night',
    'MySuperSecretBackupKey2023!',
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    '12345678901234567890123456',
    'PostgresProductionBackup',
    'acme-postgres-production-2024',
  ]) {
    test(`of words, numbers or one letter is guessable: ${passBits(pass).toFixed(0)} bits`, () =>
      expect(['guessable', 'placeholder']).toContain(found(pass)));
  }

  for (const pass of [
    'change-me-pgbackrest-encryption-key',
    'REPLACE_CIPHER_PASSPHRASE',
    'TODO_SOME_PASSWORD_HERE',
    'RENDER_WITH_ANSIBLE_VAULT',
    'your-dr-encryption-key',
    'YOUR_STRONG_ENCRYPTION_PASSWORD_HERE',
    'CHANGEME',
    'xxxxxxxxxxxxxxxx',
  ]) {
    test(`${pass} is a placeholder`, () => expect(found(pass)).toBe('placeholder'));
  }

  test('of six random words is good enough', () => {
    expect(found('violet-harbor-mantle-cricket-oxygen-plastic-wagon')).toBe('good');
  });

  test('in quotes, with a comment, over two lines', () => {
    check(`
[global]
repo1-path=/b
repo1-retention-full=2
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass=${STRONG} # keep safe
${' '.repeat(18 + STRONG.length)}^^^^^^^^^^^^ error inline-comment: a comment needs a line of its own: all of this is part of repo1-cipher-pass
`);
    check(`
[global]
repo1-path=/b
repo1-retention-full=2
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass='${STRONG}'
                  ${'^'.repeat(STRONG.length + 2)} warning quoted-value: the quotes are part of repo1-cipher-pass
`);
    check(`
[global]
repo1-path=/b
repo1-retention-full=2
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass=${STRONG}
7mKc2Xw9Pz4QsVbN1uTf
^^^^^^^^^^^^^^^^^^^^ error wrapped-cipher-pass: repo1-cipher-pass ends with its line: this is not a part of it
`);
  });

  test('may hold = and # and + and /', () => {
    check(`
[global]
repo1-path=/b
repo1-retention-full=2
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass=${STRONG}#1=+/;x
`);
  });

  test('of an ExternalSecret in quotes keeps them, whatever fills it', () => {
    checkDiagnostics(`
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: s}
spec:
  target:
    name: s
    template:
      data:
        s3.conf: |
          [global]
          repo1-cipher-type=aes-256-cbc
          repo1-cipher-pass="{{ .pass }}"
                            ^^^^^^^^^^^^^ warning quoted-value: the quotes are part of repo1-cipher-pass
`);
  });

  test('is never repeated in a message', () => {
    const workspace = new Workspace(allRules);
    const secret = 'hunter2hunter2';
    workspace.setFile(
      'file:///w/pgbackrest.conf',
      `[global]\nrepo1-path=/b\nrepo1-cipher-pass="${secret}"\nrepo1-cypher-pass=${secret}\nrepo1-cipher-password: ${secret}\n${secret}\nrepo2-cipher-pass=${secret} # ${secret}\n;${secret}\nrepo1-s3-key-secret='${secret}' # x\n[global] ${secret}\n`,
    );
    const findings = [...workspace.findings().values()].flat();
    expect(findings.length).toBeGreaterThan(5);
    const said = findings.flatMap((it) => [
      it.message,
      ...it.fixes.map((fix) => fix.title),
      ...it.related.map((other) => other.message),
    ]);
    expect(said.filter((it) => it.includes(secret))).toEqual([]);
  });
});
