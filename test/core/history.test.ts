import { describe, expect, test } from 'vitest';
import { checkDiagnostics, checkFix, workspaceOf } from '../support/check.ts';

const PASS = 'Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/';
const NEW = 'x7Wn0uJk2RbTqYh5eMcV9aZpL4sGdFi8oXwB1rNyKtQmCvE6UjHlSgDzPfAI3O+/';

const conf = { defaultName: '/pgbackrest.conf' };
const plain = '[global]\nrepo1-path=/backup\nrepo1-retention-full=2\n';
const encrypted = `${plain}repo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=${PASS}\n`;

function rulesOf(markup: string, committed: string): string[] {
  const { workspace } = workspaceOf(markup, { ...conf, committed });
  return [...workspace.findings().values()].flat().map((it) => it.rule);
}

describe('of a pgbackrest.conf', () => {
  test('encryption that is switched on, or off, in place is told', () => {
    expect(rulesOf(encrypted, plain)).toEqual(['changed-cipher']);
    expect(rulesOf(plain, encrypted)).toEqual(['changed-cipher']);
  });

  test('a file that is as it was, a new one, and a retired repository are not', () => {
    const two = `${encrypted}repo2-path=/two\nrepo2-retention-full=2\n`;
    expect(rulesOf(encrypted, encrypted)).toEqual([]);
    expect(rulesOf(encrypted, '#- /other.conf\n[global]\nrepo1-path=/x\nrepo1-retention-full=2\n')).toEqual([]);
    expect(rulesOf(`[global]\nrepo2-path=/two\nrepo2-retention-full=2\n`, two)).toEqual([]);
    expect(rulesOf(two, encrypted)).toEqual([]);
  });

  test('options that moved to another section, another file of conf.d, or another spelling are not', () => {
    expect(rulesOf(encrypted.replace('repo1-path', 'repo-path'), encrypted)).toEqual(['deprecated-option']);
    expect(
      rulesOf(
        `#- /pgbackrest.conf\n${plain}#- /conf.d/cipher.conf\n[global]\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=${PASS}\n`,
        `#- /pgbackrest.conf\n${encrypted}`,
      ),
    ).toEqual([]);
  });

  test('a pass that a renderer fills is not', () => {
    expect(rulesOf(encrypted.replace(PASS, '{{ pass }}'), encrypted)).toEqual([]);
  });

  test('another path is another repository, whatever its pass', () => {
    expect(rulesOf(encrypted.replace('/backup', '/elsewhere').replace(PASS, NEW), encrypted)).toEqual([
      'repository-moved',
    ]);
  });

  test('the recipe keeps the old repository and begins a new one', () => {
    checkFix(
      'begin repo2',
      encrypted.replace(PASS, NEW),
      `${encrypted}repo2-path=/backup-repo2\nrepo2-retention-full=2\nrepo2-cipher-type=aes-256-cbc\nrepo2-cipher-pass=${NEW}\n`,
      {
        ...conf,
        committed: encrypted,
      },
    );
    checkFix(
      'begin repo2',
      encrypted,
      `${plain}repo2-path=/backup-repo2\nrepo2-retention-full=2\nrepo2-cipher-type=aes-256-cbc\nrepo2-cipher-pass=${PASS}\n`,
      {
        ...conf,
        committed: plain,
      },
    );
    checkFix('Put the committed values of repo1 back', plain, encrypted, { ...conf, committed: encrypted });
  });
});

const cluster = (global: string, more = '') => `apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: prod}
spec:
  instances:
    - {name: a, dataVolumeClaimSpec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
  backups:
    pgbackrest:
      configuration:
        - secret: {name: keys}
      global:
        repo1-retention-full: "2"
        repo1-path: /pgbackrest/prod/repo1
${global}      repos:
        - name: repo1
          s3:
            bucket: backups
            endpoint: s3.amazonaws.com
            region: eu-west-1
${more}`;
const credentials = (index: number) =>
  `    repo${index}-s3-key=AKIAXXXXXXXXXXXXXXXX\n    repo${index}-s3-key-secret=abcdefghijabcdefghijabcdefghijabcdefghij\n`;
const keys = (lines: string) =>
  `apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData:\n  s3.conf: |\n    [global]\n${credentials(1)}${lines}`;
const typed = '        repo1-cipher-type: aes-256-cbc\n';

describe('of a cluster', () => {
  test('a type that moved from the Secret to global is no change', () => {
    expect(
      rulesOf(
        `#- /c.yaml\n${cluster(typed)}#- /s.yaml\n${keys(`    repo1-cipher-pass=${PASS}\n`)}`,
        `#- /c.yaml\n${cluster('')}#- /s.yaml\n${keys(`    repo1-cipher-type=aes-256-cbc\n    repo1-cipher-pass=${PASS}\n`)}`,
      ),
    ).toEqual([]);
  });

  test('encryption that is switched on is told once, where the type stands', () => {
    checkDiagnostics(
      `#- /c.yaml
${cluster(`${typed}        ^^^^^^^^^^^^^^^^^ error changed-cipher\n`)}#- /s.yaml
${keys(`    repo1-cipher-pass=${PASS}\n`)}`,
      { committed: `#- /c.yaml\n${cluster('')}#- /s.yaml\n${keys('')}` },
    );
  });

  test('another bucket is another repository', () => {
    expect(
      rulesOf(
        `#- /c.yaml\n${cluster('').replace('backups\n            end', 'other\n            end')}#- /s.yaml\n${keys('')}`,
        `#- /c.yaml\n${cluster('')}`,
      ),
    ).toEqual(['repository-moved']);
  });

  test('the recipe for another pass reaches into the Secret, global and repos', () => {
    checkFix(
      'begin repo2',
      `#- /c.yaml\n${cluster(typed)}#- /s.yaml\n${keys(`    repo1-cipher-pass=${NEW}\n`)}`,
      `#- /c.yaml\n${cluster(
        `${typed}        repo2-retention-full: "2"
        repo2-path: "/pgbackrest/prod/repo2"
        repo2-cipher-type: "aes-256-cbc"
`,
        `        - name: repo2
          s3:
            bucket: backups
            endpoint: s3.amazonaws.com
            region: eu-west-1
`,
      )}#- /s.yaml\n${keys(`    repo1-cipher-pass=${PASS}\n${credentials(2)}    repo2-cipher-pass=${NEW}\n`)}`,
      { committed: `#- /s.yaml\n${keys(`    repo1-cipher-pass=${PASS}\n`)}` },
    );
  });
});

describe('of a key of StackGres', () => {
  const one = '3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded';
  const two = '91d0c1a5ef84726b3310aa9f5e6d7c8b02f4e5a6978812cdef0346578a9bbccd';
  const storage = (name: string, secret: string) => `apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata:
  name: ${name}
  namespace: db
spec:
  type: gcs
  gcs: {bucket: backups, gcpCredentials: {fetchCredentialsFromMetadataService: true}}
  encryption:
    method: sodium
    sodium:
      key: {name: ${secret}, key: key}
      keyTransform: hex
`;
  const secret = (value: string, container = 'data') =>
    `apiVersion: v1\nkind: Secret\nmetadata: {name: backup-key, namespace: db}\n${container}:\n  key: ${container === 'data' ? Buffer.from(value).toString('base64') : value}\n`;

  test('the same value in another form is no change', () => {
    expect(
      rulesOf(
        `#- /a.yaml\n${storage('backups', 'backup-key')}#- /b.yaml\n${secret(one)}`,
        `#- /b.yaml\n${secret(one, 'stringData')}`,
      ),
    ).toEqual([]);
  });

  test('the recipe keeps the Secret and the storage, and makes new ones for the new value', () => {
    checkFix(
      'Keep Secret backup-key',
      `#- /a.yaml\n${storage('backups', 'backup-key')}#- /b.yaml\n${secret(two)}`,
      `#- /a.yaml\n${storage('backups', 'backup-key')}---\n${storage('backups-2', 'backup-key-2')}#- /b.yaml\n${secret(one)}---
apiVersion: v1
kind: Secret
metadata:
  name: backup-key-2
  namespace: db
stringData:
  key: "${two}"
`,
      { committed: `#- /b.yaml\n${secret(one)}` },
    );
  });

  test('a Secret that has gone is told where it is named, and can be put back', () => {
    const { workspace } = workspaceOf(`#- /a.yaml\n${storage('backups', 'backup-key')}`, {
      committed: `#- /b.yaml\n${secret(one)}`,
    });
    const [finding, ...others] = [...workspace.findings().values()].flat();
    expect([finding!.rule, others]).toEqual(['removed-secret', []]);
    expect(finding!.fixes[0]!.newFile).toEqual({ uri: 'file:///w/b.yaml', text: secret(one) });
  });
});

test('what is committed is not part of the workspace, and no value of it is ever said', () => {
  const { workspace } = workspaceOf(encrypted.replace(PASS, NEW), { ...conf, committed: encrypted });
  const [finding] = [...workspace.findings().values()].flat();
  expect(workspace.uris).toEqual(['file:///w/pgbackrest.conf']);
  expect(
    JSON.stringify([finding!.message, finding!.fixes.map((it) => it.title), finding!.related.map((it) => it.message)]),
  ).not.toMatch(/Q0Sd8bp|x7Wn0uJ/);
});

test('findings follow when the commit moves', () => {
  const { workspace } = workspaceOf(encrypted, { ...conf, committed: plain });
  const rules = () => [...workspace.findings().values()].flat().map((it) => it.rule);
  expect(rules()).toEqual(['changed-cipher']);
  workspace.setCommitted('file:///w/pgbackrest.conf', undefined);
  expect(rules()).toEqual([]);
});
