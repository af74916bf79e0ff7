import { describe, expect, test } from 'vitest';
import { wrapKey } from '../../client/src/keyText.ts';
import type { GenerateKeyAt } from '../../server/src/core/finding.ts';
import { inFile } from '../../server/src/core/part.ts';
import { lenses } from '../../server/src/core/queries/lenses.ts';
import { outline } from '../../server/src/core/queries/symbols.ts';
import { workspaceOf } from '../support/check.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

function titles(markup: string, name?: string): string[] {
  const { workspace, files } = workspaceOf(markup, { rules: [] });
  const uri = files.find((it) => name === undefined || it.uri.endsWith(name))!.uri;
  return lenses(workspace, uri).map(({ at, title }) => {
    const { start } = inFile(at);
    const text = workspace.text(uri)!;
    const line = text.slice(text.lastIndexOf('\n', start - 1) + 1).split('\n')[0]!;
    return `${line.trim()} → ${title}`;
  });
}

/** The text after the editor has put a key where the lens says. */
function afterGenerating(markup: string, key: string): string {
  const { workspace, files } = workspaceOf(markup, { rules: [] });
  const uri = files.at(-1)!.uri;
  const lens = lenses(workspace, uri).find((it) => it.action?.kind === 'generateKey');
  if (lens?.action?.kind !== 'generateKey') throw new Error('there is no such lens');
  const where: GenerateKeyAt = lens.action.where;
  const { start, end } = inFile(where.at);
  const text = workspace.text(uri)!;
  const { key: _key, at: _at, ...wrapping } = where;
  return text.slice(0, start) + wrapKey(key, wrapping) + text.slice(end);
}

describe('lenses', () => {
  test('say who uses a storage and a Secret, and what is not encrypted', () => {
    const files = `#- /a.yaml
apiVersion: stackgres.io/v1
kind: SGCluster
metadata: {name: c}
spec: {configurations: {backups: [{sgObjectStorage: s}]}}
#- /b.yaml
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata:
  name: s
spec: {type: gcs}
---
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata:
  name: t
spec: {type: gcs, encryption: {method: sodium, sodium: {key: {name: keys, key: k}}}}
---
apiVersion: v1
kind: Secret
metadata:
  name: keys
`;
    expect(titles(files, '/b.yaml')).toEqual([
      'name: s → used by 1 cluster',
      'name: s → NOT ENCRYPTED',
      'name: t → used by no cluster here',
      'name: t → Test restore',
      'name: keys → used by 1 storage',
    ]);
  });

  test('say of each repository where it is, whether it is encrypted, and what is kept', () => {
    const cluster = (global: string) => `apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: prod}
spec:
  backups:
    pgbackrest:
      global: {${global}}
      repos:
        - name: repo1
        - name: repo2
`;
    expect(titles(cluster('repo2-cipher-pass: x'))).toEqual([
      '- name: repo1 → repo1: not encrypted, no retention',
      '- name: repo2 → repo2: NOT ENCRYPTED: the pass is ignored because repo2-cipher-type is not set, no retention',
    ]);
    expect(titles(cluster('repo2-cipher-type: aes-256-cbc, repo2-cipher-pass: x'))).toEqual([
      '- name: repo1 → repo1: NOT ENCRYPTED, no retention',
      '- name: repo2 → repo2: encrypted (aes-256-cbc, pass from global), no retention',
    ]);
    expect(titles(cluster('repo1-retention-full: "4"'))).toEqual([
      '- name: repo1 → repo1: not encrypted, retention 4 full',
      '- name: repo2 → repo2: not encrypted, no retention',
    ]);
  });

  test('offer a test restore of every repository of a pgbackrest.conf', () => {
    expect(
      titles(`#- /pgbackrest.conf
[global]
repo1-path=/a
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass=
[demo]
pg1-path=/x
`),
    ).toEqual([
      'repo1-cipher-pass= → Generate pass',
      'repo1-path=/a → repo1: posix, cannot be used: it has a cipher type but no repo1-cipher-pass, no retention',
      'repo1-path=/a → Test restore',
    ]);
  });
});

describe('a generated key gets to its place', () => {
  test('an empty pass in a conf, in a block scalar, and in base64', () => {
    const conf = (pass: string) =>
      `[global]\nrepo1-path=/x\nrepo1-cipher-pass=${pass}\nrepo1-cipher-type=aes-256-cbc\n`;
    expect(afterGenerating(`#- /pgbackrest.conf\n${conf('')}`, 'KEY+/=')).toBe(conf('KEY+/='));
    const block = (pass: string) =>
      `apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  a.conf: |\n${conf(pass).replace(/^(?=.)/gm, '    ')}`;
    expect(afterGenerating(`#- /s.yaml\n${block('')}`, 'KEY+/=')).toBe(block('KEY+/='));
    const data = (pass: string) =>
      `apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata:\n  a.conf: ${base64(conf(pass))}\n`;
    expect(afterGenerating(`#- /s.yaml\n${data('')}`, 'KEY+/=')).toBe(data('KEY+/='));
  });

  const storage = (method: string, transform = '') =>
    `#- /storage.yaml\napiVersion: stackgres.io/v1beta1\nkind: SGObjectStorage\nmetadata: {name: s}\nspec: {encryption: {${method}: {key: {name: keys, key: k}${transform}}}}\n`;
  const secret = (lines: string) => `apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\n${lines}`;

  test('an empty key of a storage, in stringData and in data', () => {
    const files = (lines: string) => `${storage('sodium')}#- /s.yaml\n${secret(lines)}`;
    const cases: [string, string][] = [
      ['stringData:\n  k:\n', 'stringData:\n  k: "abc"\n'],
      ['stringData:\n  k: ""\n', 'stringData:\n  k: "abc"\n'],
      ['stringData: {k: , x: y}\n', 'stringData: {k: "abc", x: y}\n'],
      ['data:\n  k: \n', `data:\n  k: ${base64('abc')}\n`],
      ["data:\n  k: ''\n", `data:\n  k: ${base64('abc')}\n`],
    ];
    for (const [before, after] of cases) expect(afterGenerating(files(before), 'abc'), before).toBe(secret(after));
  });

  test('an armored key as a block', () => {
    const files = (lines: string) => `${storage('openpgp')}#- /s.yaml\n${secret(lines)}`;
    const armored = '-----BEGIN\n\nb\n';
    expect(afterGenerating(files('stringData:\n  k: # here\n  x: y\n'), armored)).toBe(
      secret('stringData:\n  k: | # here\n    -----BEGIN\n\n    b\n  x: y\n'),
    );
    expect(afterGenerating(files('stringData:\n  k:'), armored)).toBe(
      secret('stringData:\n  k: |\n    -----BEGIN\n\n    b'),
    );
  });

  test('the key has the form that the storage reads', () => {
    const key = (transform: string) => {
      const { workspace, files } = workspaceOf(
        `${storage('sodium', `, keyTransform: ${transform}`)}#- /s.yaml\n${secret('stringData:\n  k:\n')}`,
        { rules: [] },
      );
      const action = lenses(workspace, files[1]!.uri).find((it) => it.action?.kind === 'generateKey')?.action;
      return action?.kind === 'generateKey' ? action.where.key : undefined;
    };
    expect(key('base64')).toBe('sodium-base64');
    expect(key('hex')).toBe('sodium-hex');
  });

  test('a key that is there is left alone', () => {
    const { workspace, files } = workspaceOf(`${storage('sodium')}#- /s.yaml\n${secret('stringData:\n  k: x\n')}`);
    expect(lenses(workspace, files[1]!.uri).some((it) => it.action?.kind === 'generateKey')).toBe(false);
  });
});

describe('the outline', () => {
  const shown = (markup: string): string[] => {
    const { workspace, files } = workspaceOf(markup, { rules: [] });
    const lines: string[] = [];
    const visit = (items: ReturnType<typeof outline>, depth: number) => {
      for (const it of items) {
        expect(it.whole.start).toBeLessThanOrEqual(it.nameAt.start);
        expect(it.whole.end).toBeGreaterThanOrEqual(it.nameAt.end);
        lines.push(`${'  '.repeat(depth)}${it.name}${it.detail ? ` (${it.detail})` : ''}`);
        visit(it.children, depth + 1);
      }
    };
    visit(outline(workspace, files[0]!.uri), 0);
    return lines;
  };

  test('of a conf: sections and options; of manifests: objects, entries, repositories; never a value', () => {
    expect(shown('#- /pgbackrest.conf\n[global]\nrepo1-path=/x\nrepo1-cipher-pass=x\n[demo]\npg1-path=/y\n')).toEqual([
      '[global]',
      '  repo1-path',
      '  repo1-cipher-pass',
      '[demo]',
      '  pg1-path',
    ]);
    expect(
      shown(`apiVersion: v1
kind: Secret
metadata: {name: s}
stringData:
  a.conf: |
    [global]
    repo1-cipher-pass=geheim
  "": x
data: {b.conf: ${base64('[global]\nrepo1-path=/x\n')}}
---
apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
spec: {backups: {pgbackrest: {repos: [{name: repo1}, {}]}}}
`),
    ).toEqual([
      's (Secret)',
      '  b.conf (pgBackRest configuration)',
      '  a.conf (pgBackRest configuration)',
      '    repo1-cipher-pass',
      '  «unnamed»',
      'PerconaPGCluster',
      '  repo1 (repository)',
      '  «unnamed» (repository)',
    ]);
  });
});
