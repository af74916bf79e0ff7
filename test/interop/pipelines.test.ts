/** The product as other tools run it: GitHub's action as a shell runs it, pre-commit, and SARIF against its own schema. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';

const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'restorable');
const scratch = mkdtempSync(join(tmpdir(), 'restorable-pipelines-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const wrong = '[global]\nrepo1-path=/b\nrepo1-retention-full=2\nrepo1-cipher-typ=aes-256-cbc\n[main]\npg1-path=/d\n';
const right = wrong.replace('repo1-cipher-typ=aes-256-cbc\n', '');

function folderWith(files: Record<string, string>): string {
  const folder = mkdtempSync(join(scratch, 'workspace-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

beforeAll(() => execFileSync(process.execPath, ['tools/build.mjs'], { stdio: 'pipe' }));

/** Why a download is not there; in CI that is a failure. */
function orFail(why: string): string {
  if (process.env.CI) throw new Error(why);
  return why;
}

describe('SARIF', () => {
  const version = '5.7.0';
  const schemaFile = join(cache, `sarif-multitool-${version}`, 'package', 'sarif-2.1.0.json');

  test('is valid by the schema of the standard', ({ skip }) => {
    if (!existsSync(schemaFile)) {
      const folder = join(cache, `sarif-multitool-${version}`);
      mkdirSync(folder, { recursive: true });
      const packed = spawnSync('npm', ['pack', '--silent', `@microsoft/sarif-multitool-linux@${version}`], {
        cwd: folder,
      });
      const archive = join(folder, `microsoft-sarif-multitool-linux-${version}.tgz`);
      if (packed.status !== 0 || !existsSync(archive))
        return skip(orFail('the SARIF schema cannot be fetched from npm'));
      execFileSync('tar', ['-xzf', archive, '-C', folder, 'package/sarif-2.1.0.json']);
      rmSync(archive);
    }
    const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
    const validate = ajv.compile(JSON.parse(readFileSync(schemaFile, 'utf8')) as object);
    for (const folder of [
      folderWith({ 'pgbackrest.conf': wrong }),
      folderWith({ 'pgbackrest.conf': right }),
      resolve('examples'),
    ]) {
      const { stdout } = spawnSync(process.execPath, [resolve('dist/cli.js'), 'check', '--format', 'sarif'], {
        cwd: folder,
      });
      const log = JSON.parse(stdout.toString()) as { runs: { results: unknown[] }[] };
      expect(validate(log), JSON.stringify(validate.errors?.slice(0, 5), null, 2)).toBe(true);
    }
    const spoilt = { version: '2.1.0', runs: [{ tool: { driver: {} } }] };
    expect(validate(spoilt)).toBe(false);
  });
});

describe('the GitHub action', () => {
  interface Step {
    run: string;
    env?: Record<string, string>;
    'working-directory'?: string;
  }
  const { inputs, runs } = parse(readFileSync('action.yml', 'utf8')) as {
    inputs: Record<string, { default: string }>;
    runs: { steps: Step[] };
  };

  /** As the runner does it: expressions filled in, each step in bash with -e and pipefail. */
  function runAction(cwd: string, given: Record<string, string>) {
    const fill = (text: string) =>
      text
        .replace(/\$\{\{ *github\.action_path *\}\}/g, resolve('.'))
        .replace(/\$\{\{ *inputs\.([a-z-]+) *\}\}/g, (_, name: string) => given[name] ?? inputs[name]!.default);
    let output = '';
    for (const step of runs.steps) {
      const env = Object.fromEntries(Object.entries(step.env ?? {}).map(([name, value]) => [name, fill(value)]));
      const { status, stdout, stderr } = spawnSync(
        'bash',
        ['--noprofile', '--norc', '-eo', 'pipefail', '-c', fill(step.run)],
        {
          cwd: step['working-directory'] ? fill(step['working-directory']) : cwd,
          env: { ...process.env, ...env },
        },
      );
      output += `${stdout}${stderr}`;
      if (status !== 0) return { status, output };
    }
    return { status: 0, output };
  }

  test('fails with findings beside their lines, and passes without', () => {
    const failed = runAction(folderWith({ 'pgbackrest.conf': wrong }), {});
    expect(failed.status).toBe(1);
    expect(failed.output).toContain('::error file=pgbackrest.conf,line=4');
    expect(runAction(folderWith({ 'pgbackrest.conf': right }), { target: 'pgbackrest=2.45' })).toMatchObject({
      status: 0,
    });
  });

  test('writes SARIF also when something is found', () => {
    const cwd = folderWith({ 'pgbackrest.conf': wrong });
    expect(runAction(cwd, { sarif: 'found.sarif' }).status).toBe(1);
    expect(readFileSync(join(cwd, 'found.sarif'), 'utf8')).toContain('misspelt-cipher-option');
  });
});

describe('pre-commit', () => {
  test('installs the hook from a checkout, stops a bad commit and lets a good one pass', ({ skip }) => {
    const venv = join(cache, 'pre-commit-4.7.0');
    const program = join(venv, 'bin', 'pre-commit');
    if (!existsSync(program)) {
      const made = spawnSync('python3', ['-m', 'venv', venv]).status === 0;
      const installed =
        made && spawnSync(join(venv, 'bin', 'pip'), ['install', '-q', 'pre-commit==4.7.0']).status === 0;
      if (!installed) {
        rmSync(venv, { recursive: true, force: true });
        return skip(orFail('pre-commit cannot be installed from PyPI'));
      }
    }
    const env = { ...process.env, PRE_COMMIT_HOME: join(scratch, 'pre-commit') };
    const git = (cwd: string, ...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], { cwd, stdio: 'pipe' });
    // The checkout as it is now, not as it was committed last.
    const checkout = join(scratch, 'checkout');
    const files = git('.', 'ls-files', '-co', '--exclude-standard').toString().trimEnd().split('\n');
    for (const it of files) if (existsSync(it)) cpSync(it, join(checkout, it), { recursive: true });
    git(checkout, 'init', '-q');
    git(checkout, 'add', '-A');
    git(checkout, 'commit', '-q', '-m', 'x');

    const rev = git(checkout, 'rev-parse', 'HEAD').toString().trim();
    const configuration = `repos:\n- repo: ${checkout}\n  rev: ${rev}\n  hooks: [{id: restorable-check}]\n`;
    const check = (text: string) => {
      const cwd = folderWith({ 'pgbackrest.conf': text, '.pre-commit-config.yaml': configuration });
      git(cwd, 'init', '-q');
      git(cwd, 'add', '-A');
      const { status, stdout, stderr } = spawnSync(program, ['run', '--all-files'], { cwd, env });
      return { status, output: `${stdout}${stderr}` };
    };
    const bad = check(wrong);
    expect(bad.output).toContain('repo1-cipher-typ');
    expect(bad.status).toBe(1);
    const good = check(right);
    expect(good.output).toContain('Passed');
    expect(good.status).toBe(0);
  });
});
