/** What is read without the library is read as the library reads it, and everything else is left to it. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isMap, isPair, isScalar, isSeq, parseDocument } from 'yaml';
import { splitDocuments } from '../../../server/src/core/yaml/parse.ts';
import { readSimpleYaml } from '../../../server/src/core/yaml/simpleYaml.ts';
import { mutate } from '../../corpus/mutation.ts';
import { numbersFrom } from '../../interop/confGenerator.ts';

/** Everything that core reads of a node. */
function seen(node: unknown): unknown {
  if (isPair(node)) return [seen(node.key), seen(node.value)];
  if (isScalar(node)) {
    return [node.value, node.source, node.type, node.range?.slice(0, 2), node.tag];
  }
  if (isMap(node) || isSeq(node)) {
    return [isMap(node) ? 'map' : 'list', node.flow === true, node.range?.slice(0, 2), node.items.map(seen)];
  }
  return node;
}

function library(text: string) {
  return parseDocument(text, { schema: 'failsafe', uniqueKeys: false, strict: false, prettyErrors: false });
}

/** @returns whether it is simple */
function compare(text: string): boolean {
  const simple = readSimpleYaml(text);
  if (!simple) return false;
  const { contents, errors } = library(text);
  expect(errors, text).toEqual([]);
  expect(seen(simple), text).toEqual(seen(contents));
  return true;
}

describe('simple YAML', () => {
  test.each([
    ['a map in a map', 'a:\n  b: c\n  d: e\nf: g\n'],
    ['a list, in the column of its key and behind it', 'a:\n- b\n- c: d\n  e: f\ng:\n  - h\n  -   i: j\n      k: l\n'],
    ['quoted scalars and keys', '"a b": "c # d"\n\'e\': \'f: g\'\n"": ""\n'],
    ['nothing behind a colon', 'a:\nb:\n  c:\n  d: e\nf:   \n'],
    ['comments', '# one\na: b # two\n\n# three\nc:\n  # four\n  d: e#f\n# five\ng: h\n# six\n'],
    ['flow collections', 'a: {b: c, d: [e, "f g", {}], h: http://i:9000}  # j\nk: []\n'],
    ['literal blocks', 'a: |\n  b\n\n    c\n  # d\ne:\n  f: |-\n      g\n\n  h: i\n'],
    ['the start of a document', '--- # a\nb: c\n'],
    ['no line break at the end', 'a:\n  - b: c'],
    ['scalars that look like other types', 'a: 1\nb: null\nc: ~\nd: yes\ne: -1\nf: 0x1f\ng: 12:30:45\nnull: true\n'],
    ['a key twice', 'a: b\na: c\n'],
  ])('%s', (_, text) => {
    expect(compare(text)).toBe(true);
  });

  test.each([
    ['an anchor', 'a: &b c\nd: *b\n'],
    ['a tag', 'a: !b c\n'],
    ['a merge key', 'a:\n  <<: b\n'],
    ['a scalar over lines', 'a: b\n  c\n'],
    ['an escape', 'a: "\\n"\n'],
    ['a folded block', 'a: >\n  b\n'],
    ['a block that keeps its end', 'a: |+\n  b\n\n'],
    ['a flow collection over lines', 'a: [b,\n  c]\n'],
    ['a tab', 'a:\tb\n'],
    ['carriage returns', 'a: b\r\nc: d\r\n'],
    ['a mistake in the indentation', 'a:\n    b: c\n  d: e\n'],
    ['a map behind a scalar', 'a: b: c\n'],
    ['a bracket that stays open', 'a: {b: c\n'],
    ['no map', '- a\n'],
    ['nothing', ''],
    ['more depth than any manifest has', Array.from({ length: 90 }, (_, i) => `${' '.repeat(i)}a:\n`).join('')],
  ])('%s is left to the library', (_, text) => {
    expect(readSimpleYaml(text)).toBeUndefined();
  });

  const texts = below('examples').flatMap((path) => splitDocuments(readFileSync(path, 'utf8')).map((it) => it.text));

  test('most manifests of the examples are simple, and read as the library reads them', () => {
    const simple = texts.filter(compare);
    expect(simple.length / texts.length).toBeGreaterThan(0.6);
  });

  test('accidents to manifests are read as the library reads them, or left to it', () => {
    const random = numbersFrom(20_261_122);
    const short = texts.filter((it) => it.length < 4_000);
    let simple = 0;
    for (let i = 0; i < 2_000; i++) {
      const mutated = mutate(short[Math.floor(random() * short.length)]!, random);
      for (const { text } of splitDocuments(mutated)) if (compare(text)) simple++;
    }
    expect(simple).toBeGreaterThan(100);
  }, 120_000);
});

function below(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((it) => {
    const path = join(folder, it.name);
    if (it.isDirectory()) return below(path);
    return /\.ya?ml$/.test(it.name) ? [path] : [];
  });
}
