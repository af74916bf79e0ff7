import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folderWith, restorable, temporaryFolder } from './program.ts';

const PASS = 'XojyVM68Gp6qQU/rUZJN4PBAijPqBoLH/Kn70oNT8POPdHsDJg3BDpsfRpW7nIxV';
const S3_SECRET = 'not-to-be-seen-in-any-output-of-ours-0123';
const CONF = `[global]\nrepo2-s3-key=NOTTOBESEEN\nrepo2-s3-key-secret=${S3_SECRET}\nrepo2-cipher-pass=${PASS}\n`;

const cluster = (global = '') => `apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: prod, namespace: db}
spec:
  backups:
    pgbackrest:
      configuration:
        - secret: {name: prod-pgbackrest}
${global}      repos:
        - name: repo2
          s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
`;
const secret = `apiVersion: v1
kind: Secret
metadata: {name: prod-pgbackrest, namespace: db}
data:
  s3.conf: ${Buffer.from(CONF).toString('base64')}
`;
const encrypted =
  "      global: {repo2-cipher-type: aes-256-cbc, repo2-retention-full: '4', repo2-path: /backups/prod}\n";

const famousMistake = () => folderWith({ 'deploy/cluster.yaml': cluster(), 'deploy/secret.yaml': secret });
const rightWorkspace = () => folderWith({ 'cluster.yaml': cluster(encrypted), 'secret.yaml': secret });

interface Diagnostic {
  file: string;
  range: { start: { line: number; character: number }; end: { line: number; character: number } };
  severity: string;
  code: string;
  message: string;
  href: string;
}

async function diagnosticsOf(args: string[], cwd: string): Promise<{ diagnostics: Diagnostic[]; summary: object }> {
  const { stdout } = await restorable(['check', '--format', 'json', ...args], { cwd });
  return JSON.parse(stdout) as { diagnostics: Diagnostic[]; summary: object };
}

describe('exit codes', () => {
  test('0 when nothing is found', async () => {
    const { code, stdout, stderr } = await restorable(['check'], { cwd: rightWorkspace() });
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '✔ 2 files checked, nothing found\n', stderr: '' });
  });

  test('1 when something at or above --fail-on is found, 0 when it is less', async () => {
    const cwd = folderWith({
      'pgbackrest.conf':
        '[global]\nrepo1-path=/b\nrepo1-retention-full=2\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=abcdefgh\n[main]\npg1-path=/d\n',
    });
    const { diagnostics } = await diagnosticsOf([], cwd);
    expect(diagnostics.map((it) => it.severity)).toEqual(['warning']);
    expect((await restorable(['check'], { cwd })).code).toBe(1);
    expect((await restorable(['check', '--fail-on', 'warning'], { cwd })).code).toBe(1);
    expect((await restorable(['check', '--fail-on', 'information'], { cwd })).code).toBe(1);
    expect((await restorable(['check', '--fail-on', 'error'], { cwd })).code).toBe(0);
  });

  test.each([
    ['a missing file', ['check', 'no-such.yaml'], 'no-such.yaml does not exist'],
    [
      'an unknown option, with the nearest name',
      ['check', '--formt', 'json'],
      'no option --formt; did you mean --format',
    ],
    [
      'an unknown choice, with the nearest one',
      ['check', '--format', 'jsn'],
      "'jsn' does not exist; did you mean json",
    ],
    ['a forgotten value', ['check', '--format', '--target'], '--format needs one of text, json, sarif, github'],
    [
      'an unknown product',
      ['check', '--target', 'pgbackrst=2.45'],
      "'pgbackrst' does not exist; did you mean pgbackrest",
    ],
    ['a version that is none', ['check', '--target', 'pgbackrest=new'], 'needs a version in numbers'],
    ['a name for a stdin that is not read', ['check', '--stdin-filename', 'x.yaml'], 'has no meaning without -'],
    ['an unknown command', ['chekc'], "'chekc' does not exist; did you mean check"],
    ['an option before the command', ['--format', 'json', 'check'], 'the command comes first'],
  ])('2 for %s', async (_, args, message) => {
    const { code, stderr } = await restorable(args, { cwd: rightWorkspace() });
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });

  test('2, with the usage, when nothing is asked for', async () => {
    const { code, stdout } = await restorable([]);
    expect(stdout).toContain('Usage: restorable COMMAND');
    expect(code).toBe(2);
  });
});

test('what can be read is checked and printed although something else is missing', async () => {
  const { code, stdout, stderr } = await restorable(['check', 'deploy', 'gone'], { cwd: famousMistake() });
  expect(stdout).toContain('repo-pass-without-type');
  expect(stderr).toMatch(/gone does not exist\n.*Check the path/);
  expect(code).toBe(2);
});

describe('text', () => {
  test('names the file once, then the place, the message and the line with carets, decoded from base64', async () => {
    const { stdout } = await restorable(['check'], { cwd: famousMistake() });
    const lines = stdout.split('\n');
    expect(lines[0]).toBe('deploy/secret.yaml');
    expect(stdout).toMatch(/^ {2}5:\d+ +error repo2 has a cipher pass but no repo2-cipher-type/m);
    expect(stdout).toMatch(
      /│ in the base64 of s3\.conf:\n +│ repo2-cipher-pass=«secret»\n +│ \^{17} repo-pass-without-type\n/,
    );
    expect(stdout).toContain('fix: Add repo2-cipher-type: aes-256-cbc to PerconaPGCluster db/prod');
    expect(lines.at(-2)).toBe('✘ 1 error in 1 of 2 files');
    expect(stdout).not.toContain('\u001b');
  });

  test('has colours when asked for, and none with NO_COLOR', async () => {
    const cwd = famousMistake();
    expect((await restorable(['check'], { cwd, env: { FORCE_COLOR: '1' } })).stdout).toContain('\u001b[31m');
    expect((await restorable(['check'], { cwd, env: { FORCE_COLOR: '1', NO_COLOR: '1' } })).stdout).not.toContain(
      '\u001b',
    );
  });

  test('lets no file drive the terminal', async () => {
    const cwd = folderWith({
      'backup.yaml': `apiVersion: pgv2.percona.com/v2\nkind: PerconaPGBackup\nmetadata: {name: b}\nspec: {pgCluster: prod, repoName: "repo3\\u001b[2J"}\n---\n${cluster(encrypted).replace(', namespace: db', '')}`,
      'pgbackrest.conf': '[global]\nrepo1-cypher-type=aes\u001b]0;owned\u0007\nrepo1-cipher-pass=\u001b[31m\n',
    });
    const { stdout } = await restorable(['check'], { cwd });
    expect(stdout).toContain('repo');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  });
});

describe('json', () => {
  test('has the documented shape, with lines and characters from 0', async () => {
    const cwd = famousMistake();
    const printed = await diagnosticsOf([], cwd);
    const line = secret.split('\n')[4]!;
    expect(printed).toEqual({
      version: 1,
      diagnostics: [
        {
          file: 'deploy/secret.yaml',
          range: { start: { line: 4, character: expect.any(Number) }, end: { line: 4, character: expect.any(Number) } },
          severity: 'error',
          code: 'repo-pass-without-type',
          message:
            'repo2 has a cipher pass but no repo2-cipher-type: PerconaPGCluster db/prod will store its backups unencrypted',
          href: expect.stringMatching(/^https:\/\/.*repo-pass-without-type/),
        },
      ],
      summary: { files: 2, errors: 1, warnings: 0, information: 0, hints: 0 },
    });
    const { start, end } = printed.diagnostics[0]!.range;
    expect(start.character).toBeGreaterThan(line.indexOf(':'));
    expect(end.character).toBeLessThanOrEqual(line.length);
  });

  test('counts as editors do: UTF-16, no byte-order mark, CRLF', async () => {
    const cwd = folderWith({ 'pgbackrest.conf': '\uFEFF[global]\r\n# 😀\r\nrepo1-cypher-type=none\r\n' });
    const { diagnostics } = await diagnosticsOf([], cwd);
    expect(diagnostics.find((it) => it.range.start.line === 2)?.range).toEqual({
      start: { line: 2, character: 0 },
      end: { line: 2, character: 17 },
    });
    for (const it of diagnostics.filter(({ range }) => range.start.line === 0))
      expect(it.range.start.character).toBe(0);
  });

  test('is printed whole also when nothing is found', async () => {
    expect(await diagnosticsOf([], rightWorkspace())).toEqual({
      version: 1,
      diagnostics: [],
      summary: { files: 2, errors: 0, warnings: 0, information: 0, hints: 0 },
    });
  });
});

describe('sarif', () => {
  test('is 2.1.0 with every rule described and regions from 1', async () => {
    const { stdout } = await restorable(['check', '--format', 'sarif'], { cwd: famousMistake() });
    const log = JSON.parse(stdout);
    expect(log.version).toBe('2.1.0');
    const [{ tool, results, columnKind }] = log.runs;
    expect(columnKind).toBe('utf16CodeUnits');
    expect(tool.driver.name).toBe('restorable');
    expect(tool.driver.rules.length).toBeGreaterThan(10);
    for (const rule of tool.driver.rules) {
      expect(rule.id).toMatch(/^[a-z0-9-]+$/);
      expect(rule.helpUri).toContain(rule.id);
      expect(rule.shortDescription.text).not.toBe('');
      expect(['error', 'warning', 'note']).toContain(rule.defaultConfiguration.level);
    }
    expect(results).toHaveLength(1);
    const [result] = results;
    expect(tool.driver.rules[result.ruleIndex].id).toBe(result.ruleId);
    expect(result).toMatchObject({ ruleId: 'repo-pass-without-type', level: 'error' });
    const { artifactLocation, region } = result.locations[0].physicalLocation;
    expect(artifactLocation).toEqual({ uri: 'deploy/secret.yaml', uriBaseId: '%SRCROOT%' });
    expect(region.startLine).toBe(5);
    expect(region.startColumn).toBeGreaterThan(1);
    expect(region.endColumn).toBeGreaterThan(region.startColumn);
    expect(result.relatedLocations[0].physicalLocation.artifactLocation.uri).toBe('deploy/cluster.yaml');
  });
});

describe('github', () => {
  test('is one workflow command a finding', async () => {
    const { stdout } = await restorable(['check', '--format', 'github'], { cwd: famousMistake() });
    expect(stdout).toMatch(
      /^::error file=deploy\/secret\.yaml,line=5,endLine=5,col=\d+,endColumn=\d+,title=repo-pass-without-type::repo2 has a cipher pass .*\n$/,
    );
  });

  test('lets no name in a file end the command or start another', async () => {
    const cwd = folderWith({
      'a,b:c%.yaml': `apiVersion: pgv2.percona.com/v2\nkind: PerconaPGBackup\nmetadata: {name: b}\nspec: {pgCluster: prod, repoName: "x\\n::error::injected%"}\n---\n${cluster(encrypted).replace(', namespace: db', '')}`,
    });
    const { stdout } = await restorable(['check', '--format', 'github'], { cwd });
    expect(stdout).toContain('file=a%2Cb%3Ac%25.yaml');
    expect(stdout.split('\n').filter((it) => it.startsWith('::error::'))).toEqual([]);
  });
});

describe('stdin', () => {
  test('is read in the place of a path, under the name that is given', async () => {
    const { code, stdout } = await restorable(
      ['check', '-', '--stdin-filename', 'deploy/new.yaml', '--format', 'json'],
      {
        stdin: `${cluster()}---\n${secret}`,
        cwd: temporaryFolder(),
      },
    );
    expect(JSON.parse(stdout).diagnostics).toMatchObject([{ file: 'deploy/new.yaml', code: 'repo-pass-without-type' }]);
    expect(code).toBe(1);
  });

  test('takes the place of the file of that name', async () => {
    const { code, stdout } = await restorable(['check', 'deploy', '-', '--stdin-filename', 'deploy/cluster.yaml'], {
      stdin: cluster(encrypted),
      cwd: famousMistake(),
    });
    expect(stdout).toContain('nothing found');
    expect(code).toBe(0);
  });

  test('needs no name to be told a conf from a manifest', async () => {
    const conf = await restorable(['check', '-'], { stdin: '[global]\nrepo1-cypher-type=aes-256-cbc\n' });
    expect(conf.stdout).toMatch(/^<stdin>\n[\s\S]*misspelt-cipher-option/);
    const manifest = await restorable(['check', '-'], { stdin: `${cluster()}---\n${secret}` });
    expect(manifest.stdout).toMatch(/^<stdin>\n[\s\S]*repo-pass-without-type/);
  });

  test('that is binary is refused', async () => {
    const { code, stderr } = await restorable(['check', '-'], { stdin: Uint8Array.of(0x1f, 0x8b, 0, 0, 1) });
    expect(stderr).toContain('binary');
    expect(code).toBe(2);
  });
});

describe('files', () => {
  test('that are binary or of UTF-16 are refused by name, with the cure, and passed over in a folder', async () => {
    const cwd = folderWith({ 'utf16.yaml': Buffer.from(secret, 'utf16le'), 'right.yaml': secret });
    const named = await restorable(['check', 'utf16.yaml'], { cwd });
    expect(named.stderr).toMatch(/utf16\.yaml is binary.*\n.*UTF-8/);
    expect(named.code).toBe(2);
    expect((await restorable(['check', '.'], { cwd })).code).toBe(0);
  });

  test('in a loop of links are read once', async () => {
    const cwd = famousMistake();
    symlinkSync('..', join(cwd, 'deploy', 'again'));
    symlinkSync('deploy', join(cwd, 'too'));
    symlinkSync('itself', join(cwd, 'itself'));
    const { diagnostics } = await diagnosticsOf(['.'], cwd);
    expect(diagnostics).toHaveLength(1);
    const looped = await restorable(['check', 'itself'], { cwd });
    expect(looped.stderr).toMatch(/itself .*ELOOP/);
    expect(looped.code).toBe(2);
  });

  test.skipIf(process.getuid?.() === 0)('that cannot be read cost exit code 2, not the others', async () => {
    const cwd = famousMistake();
    writeFileSync(join(cwd, 'closed.yaml'), secret);
    chmodSync(join(cwd, 'closed.yaml'), 0);
    const { code, stdout, stderr } = await restorable(['check'], { cwd });
    expect(stdout).toContain('repo-pass-without-type');
    expect(stderr).toContain('closed.yaml cannot be read');
    expect(code).toBe(2);
  });

  test('that are none of ours are told so, and are no error', async () => {
    const cwd = folderWith({ 'package.json': '{}', 'values.yaml': 'a: 1\n' });
    mkdirSync(join(cwd, 'empty'));
    const { code, stderr } = await restorable(['check'], { cwd });
    expect(stderr).toContain('none that Restorable knows');
    expect(code).toBe(0);
  });
});

describe('no secret is ever printed', () => {
  const inEveryForm = `apiVersion: v1
kind: Secret
metadata: {name: prod-pgbackrest, namespace: db}
stringData:
  plain.conf: |
    [Global]
    repo2-cypher-pass=${PASS}
    repo2-cipher-pas=${PASS}
    repo3-cipher-pass="${PASS}" # comment
    repo2-cipher-pass ${PASS}
    repo4-cipher-type=${PASS}
    ${PASS}
    repo2-s3-key-secret=${S3_SECRET}
  repo2-cipher-pass: ${PASS}
  "quoted": "${PASS}"
data:
  broken: ${PASS}!
  encoded.conf: ${Buffer.from(CONF.replaceAll('repo2', 'repo7')).toString('base64')}
  value: ${Buffer.from(PASS).toString('base64')}
---
apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: prod, namespace: db}
spec:
  backups:
    pgbackrest:
      configuration:
        - secret: {name: prod-pgbackrest}
      global: {repo2-cipher-pass: "${PASS}", repo2-s3-key-secret: '${S3_SECRET}'}
      manual: {repoName: repo9, options: ["--repo2-cipher-pass=${PASS}", --repo9-cipher-pass=${PASS}]}
      env:
        - name: PGBACKREST_REPO2_CIPHER_PASS
          value: ${PASS}
      repos:
        - name: repo2
          s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
---
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: s, namespace: db}
spec:
  type: s3
  s3: {bucket: b, awsCredentials: {secretKeySelectors: {accessKeyId: {name: prod-pgbackrest, key: quoted}, secretAccessKey: {name: prod-pgbackrest, key: none}}}}
  encryption:
    method: sodium
    sodium: {key: {name: prod-pgbackrest, key: quoted}, keyTransform: hex}
`;

  test.each(['text', 'json', 'sarif', 'github'])('as %s', async (format) => {
    const cwd = folderWith({
      'all.yaml': inEveryForm,
      'pgbackrest.conf': `[global]\nrepo1-cypher-pass=${PASS}\nrepo1-cipher-pass=${PASS} # c\nrepo2-cipher-pass\n=${PASS}\n${S3_SECRET}\n#repo1-cipher-pass=${PASS}\n`,
      'kustomization.yaml': `kind: Kustomization\napiVersion: kustomize.config.k8s.io/v1beta1\nsecretGenerator:\n  - name: s\n    literals: [repo1-cipher-pass=${PASS}, key=${PASS}]\n`,
    });
    const { stdout, stderr } = await restorable(['check', '--format', format, '--fail-on', 'hint'], { cwd });
    expect(stdout.length).toBeGreaterThan(500);
    for (const output of [stdout, stderr]) {
      for (const it of [PASS, S3_SECRET, Buffer.from(PASS).toString('base64'), 'NOTTOBESEEN']) {
        expect(output).not.toContain(it);
        expect(output).not.toContain(it.slice(4, 20));
      }
    }
  });
});

describe('help', () => {
  test('lists every command', async () => {
    const { code, stdout } = await restorable(['--help']);
    for (const it of ['check', 'keygen', 'secret', 'encrypt', 'decrypt', 'inspect', 'test-restore', 'lsp']) {
      expect(stdout).toMatch(new RegExp(`^  ${it} `, 'm'));
    }
    expect(code).toBe(0);
  });

  test.each(['check', 'keygen', 'secret', 'encrypt', 'decrypt', 'inspect', 'test-restore', 'lsp'])(
    'of %s shows usage, options and an example in 80 columns',
    async (name) => {
      const { code, stdout } = await restorable([name, '--help']);
      expect(stdout).toContain(`Usage: restorable ${name}`);
      expect(stdout).toMatch(/^Examples?:$/m);
      expect(stdout).toContain('--help');
      const tooLong = stdout
        .split('\n')
        .filter((it) => it.length > 80 && !it.startsWith('  restorable') && !/^\s+#/.test(it));
      expect(tooLong.filter((it) => !/^(?:Usage:| {6}) restorable|^ {2}(?:pg_dump|vim)/.test(it))).toEqual([]);
      expect(code).toBe(0);
      expect((await restorable(['help', name])).stdout).toBe(stdout);
    },
  );

  test('is given whatever else is wrong', async () => {
    expect((await restorable(['check', '--no-such', '-h'])).code).toBe(0);
  });

  test('--version is the version of the package', async () => {
    const { stdout } = await restorable(['--version']);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
