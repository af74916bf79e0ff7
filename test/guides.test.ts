import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { allRules } from '../server/src/core/rules/all.ts';
import { Workspace } from '../server/src/core/workspace.ts';
import { restorable } from './cli/program.ts';

const folder = 'docs/guides';
const guides = readdirSync(folder).filter((it) => it.endsWith('.md') && it !== 'README.md');

function blocks(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map((it) => it[1]!);
}

for (const name of guides) {
  describe(`the guide ${name}`, () => {
    const text = readFileSync(`${folder}/${name}`, 'utf8');

    test('configures nothing that raises a finding', () => {
      const workspace = new Workspace(allRules);
      // As its readers would lay it out: one folder, with the names that the guide uses.
      const isKustomize = text.includes('secretGenerator');
      for (const [i, it] of blocks(text, 'yaml').entries()) {
        const file = /kind: Kustomization/.test(it)
          ? 'kustomization.yaml'
          : isKustomize
            ? 'postgres.yaml'
            : `${i}.yaml`;
        workspace.setFile(`file:///guide/${file}`, it);
      }
      for (const it of blocks(text, 'ini')) {
        workspace.setFile(`file:///guide/${isKustomize ? 's3.conf' : 'pgbackrest.conf'}`, it);
      }
      const found = [...workspace.findings().values()].flat();
      const loud = found.filter((it) => it.severity === 'error' || it.severity === 'warning');
      expect(loud.map((it) => `${it.rule}: ${it.message}`)).toEqual([]);
    });

    test('calls the program with commands and options that it has', async () => {
      const lines = blocks(text, 'sh')
        .flatMap((it) => it.split('\n'))
        .filter((it) => it.startsWith('restorable '));
      expect(lines.length).toBeGreaterThan(0);
      for (const line of lines) {
        const words = line
          .replace(/\s+#.*$/, '')
          .split(/\s+/)
          .slice(1);
        const { stdout, code } = await restorable([words[0]!, '--help']);
        expect(code, line).toBe(0);
        for (const option of words.filter((it) => it.startsWith('--'))) expect(stdout, line).toContain(option);
      }
    });

    test('links to pages that are there', () => {
      for (const [, target] of text.matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
        expect(() => readFileSync(`${folder}/${target}`), target).not.toThrow();
      }
    });
  });
}
