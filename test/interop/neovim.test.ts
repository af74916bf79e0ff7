import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { serverBundle } from '../support/lspClient.ts';

const version = spawnSync('nvim', ['--version'], { encoding: 'utf8' });
const isMissing = version.error !== undefined;
const folder = mkdtempSync(join(tmpdir(), 'restorable neovim ä-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const CLUSTER = `apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: prod}
spec:
  backups:
    pgbackrest:
      configuration:
        - secret: {name: prod-pgbackrest}
      repos:
        - name: repo2
          s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
`;
const PASS = 'Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/';
const CONF = `[global]\nrepo2-s3-key=AKIAXXXXXXXXXXXXXXXX\nrepo2-s3-key-secret=${'x'.repeat(40)}\nrepo2-cipher-pass=${PASS}\n`;
const SECRET = `apiVersion: v1
kind: Secret
metadata: {name: prod-pgbackrest}
data:
  s3.conf: ${Buffer.from(CONF).toString('base64')}
`;

let server = '';

beforeAll(async () => {
  // In CI the editor has to be there; elsewhere its absence is a reason to skip.
  if (isMissing && process.env.CI) throw new Error('nvim is missing, and CI must test with it');
  if (!isMissing) server = await serverBundle();
});

test.skipIf(isMissing)('Neovim shows the finding inside base64 and applies the fix in the other file', () => {
  const root = mkdtempSync(join(folder, 'work-'));
  writeFileSync(join(root, 'cluster.yaml'), CLUSTER);
  writeFileSync(join(root, 'secret.yaml'), SECRET);
  const report = join(folder, 'report.json');
  const args = [process.execPath, server, root, join(root, 'secret.yaml'), report];
  const run = spawnSync(
    'nvim',
    ['--headless', '--clean', '-n', '-c', `luafile ${resolve('test/interop/neovim.lua')}`],
    {
      encoding: 'utf8',
      timeout: 120_000,
      env: { ...process.env, RESTORABLE_NEOVIM: args.join('\n'), XDG_STATE_HOME: folder, XDG_CACHE_HOME: folder },
    },
  );
  expect(run.error).toBeUndefined();
  const result = JSON.parse(readFileSync(report, 'utf8'));
  expect(result.problem).toBeUndefined();
  expect(result).toMatchObject({ line: 4, isGone: true, message: expect.stringContaining('repo2-cipher-type') });
  expect(result.column).toBeGreaterThan('  s3.conf: '.length);
  expect(result.hover).toContain('repo2-cipher-pass');
  expect(JSON.stringify(result)).not.toContain(PASS);
  expect(readFileSync(join(root, 'cluster.yaml'), 'utf8')).toBe(
    CLUSTER.replace(
      '      configuration:',
      '      global:\n        repo2-cipher-type: aes-256-cbc\n      configuration:',
    ),
  );
  expect(readFileSync(join(root, 'secret.yaml'), 'utf8')).toBe(SECRET);
});
