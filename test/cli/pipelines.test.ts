import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { folderWith, restorable } from './program.ts';

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  bin: Record<string, string>;
  contributes: { problemMatchers: { name: string; pattern: Record<string, string | number> }[] };
};
const wrong = '[global]\nrepo1-path=/b\nrepo1-retention-full=2\nrepo1-cipher-typ=aes-256-cbc\n[main]\npg1-path=/d\n';

describe('one line a finding', () => {
  test("is what VS Code's problem matcher reads", async () => {
    const cwd = folderWith({ 'sub/pgbackrest.conf': wrong });
    const { stdout, code } = await restorable(['check', '--format', 'unix'], { cwd });
    expect(code).toBe(1);
    const pattern = manifest.contributes.problemMatchers.find((it) => it.name === 'restorable')!.pattern;
    const lines = stdout.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) {
      const found = new RegExp(String(pattern.regexp)).exec(line);
      expect(found, line).not.toBeNull();
      expect(found![Number(pattern.file)]).toBe('sub/pgbackrest.conf');
    }
    expect(lines.join('\n')).toMatch(/^sub\/pgbackrest\.conf:4:1: error: .* \[misspelt-cipher-option\]$/m);
  });

  test('stays one line whatever stands in the file', async () => {
    const cwd = folderWith({ 'pgbackrest.conf': wrong.replace('typ=', 'typ\u001b[31m=') });
    const { stdout } = await restorable(['check', '--format', 'unix'], { cwd });
    expect(stdout).not.toContain('\u001b');
  });
});

describe('what other tools run', () => {
  const formats = async () => (await restorable(['check', '--help'])).stdout;

  test('the pre-commit hook calls the program that the package has, with formats that it knows', async () => {
    const [hook] = parse(readFileSync('.pre-commit-hooks.yaml', 'utf8')) as {
      entry: string;
      args: string[];
      files: string;
    }[];
    const [program, command] = hook!.entry.split(' ');
    expect(manifest.bin).toHaveProperty(program!);
    expect(command).toBe('check');
    expect(await formats()).toContain(hook!.args.at(-1)!);
    const pattern = new RegExp(hook!.files);
    for (const name of ['a.yaml', 'b/c.yml', 'pgbackrest.conf', 'policy.json', 'x/Kustomization'])
      expect(name).toMatch(pattern);
    expect('main.ts').not.toMatch(pattern);
  });

  test("the action's script runs, and its inputs are what the command takes", async () => {
    const action = parse(readFileSync('action.yml', 'utf8')) as {
      inputs: Record<string, { default: string }>;
      runs: { steps: { run: string; env?: Record<string, string> }[] };
    };
    const help = await formats();
    for (const option of ['--fail-on', '--target', '--format']) expect(help).toContain(option);
    const step = action.runs.steps.at(-1)!;
    const names = [...step.run.matchAll(/\$\{?([A-Z]{4,}|CLI|[A-Z_]{3,})\b/g)].map((it) => it[1]!);
    for (const it of names) expect(Object.keys(step.env!)).toContain(it);
    for (const it of Object.values(step.env!)) {
      const input = /inputs\.([a-z-]+)/.exec(it)?.[1];
      if (input) expect(action.inputs).toHaveProperty([input]);
    }
  });
});
