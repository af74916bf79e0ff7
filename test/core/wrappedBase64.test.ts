import { describe, expect, test } from 'vitest';
import { inFile } from '../../server/src/core/part.ts';
import { completion } from '../../server/src/core/queries/completion.ts';
import { hover } from '../../server/src/core/queries/hover.ts';
import { definition } from '../../server/src/core/queries/mentions.ts';
import { rename } from '../../server/src/core/queries/rename.ts';
import type { Workspace } from '../../server/src/core/workspace.ts';
import { applyFix, workspaceOf } from '../support/check.ts';
import { applyEdits } from '../support/queries.ts';

const CONF = `[global]
# ${'why '.repeat(20)}
repo2-s3-key=AKIAXXXXXXXXXXXXXXXX
repo2-s3-key-secret=${'x'.repeat(40)}
repo2-cipher-typ=aes-256-cbc
repo2-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
`;
const base64 = (text: string) => Buffer.from(text).toString('base64');
const lines = (text: string, width: number, pad: string) =>
  base64(text)
    .replace(new RegExp(`.{1,${width}}`, 'g'), `${pad}$&\n`)
    .trimEnd();

/** How a conf stands in a Secret when its base64 has more than one line. */
const FORMS: Record<string, (conf: string) => string> = {
  'a literal block, as base64 wraps it': (conf) => `|\n${lines(conf, 76, '    ')}\n`,
  'a literal block without its last break': (conf) => `|-\n${lines(conf, 64, '      ')}\n`,
  'a literal block with empty lines kept': (conf) => `|+\n${lines(conf, 60, '    ')}\n`,
  'double quotes with breaks': (conf) => `"${lines(conf, 76, '').replaceAll('\n', '\\n')}\\n"\n`,
  'double quotes, joined lines': (conf) => `"${lines(conf, 70, '').replaceAll('\n', '\\\n    ')}"\n`,
};

const CLUSTER = `apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: prod}
spec:
  backups:
    pgbackrest:
      configuration: [{secret: {name: keys}}]
      repos:
        - name: repo2
          s3: {bucket: b, endpoint: e.example.com, region: r}
`;
const secret = (value: string) =>
  `apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\ndata:\n  a: ${base64('1')} # one\n  s3.conf: ${value}  z: ${base64('2')}\n`;

function withConf(form: (conf: string) => string): {
  workspace: Workspace;
  uri: string;
  at: (inner: number) => number;
} {
  const { workspace } = workspaceOf(`#- /cluster.yaml\n${CLUSTER}\n#- /secret.yaml\n${secret(form(CONF))}`);
  const uri = workspace.uris.find((it) => it.endsWith('/secret.yaml'))!;
  const conf = workspace.units(uri)[0]!.confs[0]!;
  return { workspace, uri, at: (inner) => inFile(conf.place(inner, inner + 1)).start };
}

const confOf = (workspace: Workspace, uri: string) => workspace.units(uri)[0]!.confs[0]!.text.text;

describe.each(Object.entries(FORMS))('%s', (name, form) => {
  const inner = CONF.indexOf('cipher-pass=') + 3;

  test('every change keeps the form, its width, and what stands around it', () => {
    const { workspace, uri, at } = withConf(form);
    const result = rename(workspace, uri, at(CONF.indexOf('repo2-s3-key-secret') + 2), 'repo7');
    if ('problem' in result) throw new Error(result.problem);
    applyEdits(workspace, result.edits);
    const renamed = CONF.replaceAll('repo2-', 'repo7-');
    expect(confOf(workspace, uri)).toBe(renamed);
    // What is joined over lines is written on one.
    if (!name.includes('joined')) expect(workspace.text(uri)).toBe(`${secret(form(renamed))}`);
    expect(workspace.text(workspace.uris[0]!)).toContain('- name: repo7');
  });

  test('hover and definition see the option under the cursor', () => {
    const { workspace, uri, at } = withConf(form);
    expect(hover(workspace, uri, at(inner))?.text).toContain('repo2-cipher-pass');
    expect(hover(workspace, uri, at(inner))?.text).not.toContain('Q0Sd8bp');
    const [target] = definition(workspace, uri, at(CONF.indexOf('repo2-s3-key=') + 2));
    expect(target && inFile(target).uri).toContain('cluster.yaml');
  });

  test('completion changes the cursor’s line, and the others beside it', () => {
    const { workspace, uri, at } = withConf(form);
    const cursor = at(CONF.indexOf('cipher-typ=') + 9);
    const items = completion(workspace, uri, cursor);
    const chosen = items.find((it) => it.label === 'repo2-cipher-type');
    if (!chosen) throw new Error(`not offered: ${items.map((it) => it.label).join(' ')}`);
    const { start, end } = inFile(chosen.at);
    const host = workspace.text(uri)!.slice(start, end);
    expect(host).not.toContain('\n');
    expect(chosen.filterText).toBe(host);
    expect([start <= cursor, cursor <= end]).toEqual([true, true]);
    applyEdits(workspace, [{ at: chosen.at, newText: chosen.newText }, ...(chosen.more ?? [])]);
    expect(confOf(workspace, uri)).toBe(CONF.replace('cipher-typ=', 'cipher-type='));
    expect(workspace.text(uri)).toMatch(/ {2}a: MQ== # one\n[\s\S]*\n {2}z: Mg==\n$/);
  });

  test('at every place: what is accepted becomes a conf again, and nothing else changes', () => {
    for (let inside = 0; inside < CONF.length; inside += 13) {
      const { workspace, uri, at } = withConf(form);
      const offered = completion(workspace, uri, at(inside));
      for (const chosen of offered.slice(0, 2)) {
        applyEdits(workspace, [{ at: chosen.at, newText: chosen.newText }, ...(chosen.more ?? [])]);
        const text = workspace.text(uri)!;
        expect(text).toMatch(/ {2}a: MQ== # one\n[\s\S]*\n {2}z: Mg==\n$/);
        expect(confOf(workspace, uri)).toContain('[global]');
        break;
      }
    }
  });

  test('quick fixes cure', () => {
    const { workspace, uri } = withConf(form);
    const found = () =>
      workspace
        .findings()
        .get(uri)!
        .filter((it) => it.rule === 'misspelt-cipher-option');
    applyFix(workspace, found()[0]!.fixes[0]!);
    expect(found()).toEqual([]);
    expect(confOf(workspace, uri)).toBe(CONF.replace('cipher-typ=', 'cipher-type='));
  });
});

test('the comment on a block’s first line stays', () => {
  const { workspace } = workspaceOf(`#- /secret.yaml\n${secret(`| # why\n${lines(CONF, 76, '    ')}\n`)}`);
  const [uri] = workspace.uris;
  const found = workspace
    .findings()
    .get(uri!)!
    .find((it) => it.rule === 'misspelt-cipher-option');
  applyFix(workspace, found!.fixes[0]!);
  expect(workspace.text(uri!)).toContain(`  s3.conf: | # why\n${lines(CONF, 76, '    ').slice(0, 100)}`);
});

test('folded base64 is no base64 for the API server: its finding has a cure', () => {
  const folded = secret(`>-\n${lines(CONF, 76, '    ')}\n`);
  const { workspace } = workspaceOf(`#- /secret.yaml\n${folded}`);
  const [uri] = workspace.uris;
  const found = workspace
    .findings()
    .get(uri!)!
    .filter((it) => it.rule === 'secret-data-not-base64');
  expect(found).toHaveLength(1);
  applyFix(workspace, found[0]!.fixes[0]!);
  expect(confOf(workspace, uri!)).toBe(CONF);
});
