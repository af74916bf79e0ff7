import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { commands } from '../server/src/cli/commands.ts';

const PAGES = ['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md', 'docs/reports.md', 'docs/cli.md', 'examples/README.md'];
const scripts = (JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }).scripts;

const codeOf = (page: string) =>
  [...readFileSync(page, 'utf8').matchAll(/```\w*\n([\s\S]*?)```|`([^`\n]+)`/g)]
    .map((it) => it[1] ?? it[2]!)
    .join('\n');

test.each(PAGES)('every npm script that %s names exists', (page) => {
  const named = [...codeOf(page).matchAll(/npm (?:run ([\w-]+)|(test)\b)/g)].map((it) => it[1] ?? it[2]!);
  for (const it of named) expect(scripts).toHaveProperty(it);
});

test('the two commands of the README are there, word by word', () => {
  const readme = readFileSync('README.md', 'utf8');
  expect(readme).toContain('npm ci && npm run demo');
  expect(readme).toContain('npm ci && npm test');
});

test.each(PAGES)('every command and option of the program that %s names exists', async (page) => {
  for (const [, line] of codeOf(page).matchAll(/^(?:\$ )?restorable ((?:[a-z]|-).*)$/gm)) {
    const [name = '', ...words] = line!.split('#')[0]!.trim().split(/\s+/);
    if (name.startsWith('-') || name === 'COMMAND') continue;
    expect(Object.keys(commands)).toContain(name);
    const { options } = await commands[name as keyof typeof commands].load();
    const end = words.findIndex((it) => it === '|' || it === '>');
    for (const it of words.slice(0, end < 0 ? undefined : end)) {
      const option = /^\[?--([a-z][\w-]*)/.exec(it)?.[1];
      if (option && option !== 'help') expect(Object.keys(options), line).toContain(option);
    }
  }
});

test.each(PAGES)('every file that %s links to exists', (page) => {
  const links = [...readFileSync(page, 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)].map((it) => it[1]!);
  for (const it of links) expect(existsSync(join(dirname(page), it)), it).toBe(true);
});

test('what the README says of files and folders is there', () => {
  for (const page of ['README.md', 'ARCHITECTURE.md', 'examples/README.md', 'examples/archives/README.md']) {
    const paths = [
      ...readFileSync(page, 'utf8').matchAll(
        /`((?:docs|examples|test|tools|server|engine|client|schemas)\/[\w./-]*\w)`/g,
      ),
    ];
    for (const it of paths) expect(existsSync(it[1]!), `${page}: ${it[1]}`).toBe(true);
  }
});
