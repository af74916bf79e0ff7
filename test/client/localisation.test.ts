import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const texts = JSON.parse(readFileSync('package.nls.json', 'utf8')) as Record<string, string>;
const manifest = readFileSync('package.json', 'utf8');
const { contributes } = JSON.parse(manifest) as {
  contributes: { commands: { title: string }[]; configuration: { properties: Record<string, Record<string, string>> } };
};

describe('texts of the manifest', () => {
  test('stand in package.nls.json, each of them once used', () => {
    const used = [...manifest.matchAll(/"%([^%"]+)%"/g)].map((it) => it[1]!);
    expect([...new Set(used)].sort()).toEqual(Object.keys(texts).sort());
    for (const it of Object.values(texts)) expect(it.trim()).not.toBe('');
  });

  test('none of them is written into the manifest itself', () => {
    for (const it of contributes.commands) expect(it.title).toMatch(/^%.+%$/);
    for (const it of Object.values(contributes.configuration.properties)) {
      expect(it.markdownDescription ?? it.description).toMatch(/^%.+%$/);
    }
  });
});

describe('what the client says', () => {
  test('is looked up by its text: no sentence is put together', () => {
    const bundle = JSON.parse(readFileSync('l10n/bundle.l10n.json', 'utf8')) as Record<string, string>;
    expect(Object.keys(bundle).length).toBeGreaterThan(100);
    for (const [key, value] of Object.entries(bundle)) expect(value).toBe(key);
  });
});
