import { describe, expect, test } from 'vitest';
import { inFile } from '../../server/src/core/part.ts';
import { folds } from '../../server/src/core/queries/folding.ts';
import { formatConf } from '../../server/src/core/queries/format.ts';
import { inlays } from '../../server/src/core/queries/inlays.ts';
import { links } from '../../server/src/core/queries/links.ts';
import { selections } from '../../server/src/core/queries/selection.ts';
import { semanticTokens } from '../../server/src/core/queries/semanticTokens.ts';
import { Workspace } from '../../server/src/core/workspace.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

function open(text: string, uri = 'file:///w/a.yaml', ...more: [uri: string, text: string][]) {
  const workspace = new Workspace([]);
  for (const [other, content] of more) workspace.setFile(other, content);
  workspace.setFile(uri, text);
  return { workspace, uri, text };
}

const conf = (text: string) => open(text, 'file:///w/pgbackrest.conf');

/** `first line … last line` of every fold. */
function foldedLines({ workspace, uri, text }: ReturnType<typeof open>): string[] {
  const line = (at: number) =>
    text
      .slice(text.lastIndexOf('\n', at - 1) + 1)
      .split('\n')[0]!
      .trim();
  return folds(workspace, uri)
    .toSorted((a, b) => a.start - b.start || b.end - a.end)
    .map((it) => `${line(it.start)} … ${line(it.end)}${it.kind ? ` (${it.kind})` : ''}`);
}

describe('folding', () => {
  test('a conf folds by section, and comments by themselves', () => {
    const text = '# who\n# why\n[global]\nrepo1-path=/x\n\nrepo1-retention-full=2\n\n# the shop\n[shop]\npg1-path=/y\n';
    expect(foldedLines(conf(text))).toEqual([
      '# who … # why (comment)',
      '[global] … repo1-retention-full=2',
      '[shop] … pg1-path=/y',
    ]);
  });

  test('YAML folds as it is indented, whatever the document is', () => {
    const text = `# a
# b
kind: Deployment
spec:
  containers:
  - name: x
    args: [a]
  - name: y
    args:
      - b
  text: |
    one

    two
---
kind: Secret
`;
    expect(foldedLines(open(text))).toEqual([
      '# a … # b (comment)',
      'spec: … two',
      'containers: … - b',
      '- name: x … args: [a]',
      '- name: y … - b',
      'args: … - b',
      'text: | … two',
      '--- … kind: Secret',
    ]);
  });

  test('nothing is thrown on half-typed text', () => {
    for (const text of ['', '\n\n', '---', '  :', '- - -\n - -', '{', 'a: |\n'])
      expect(() => foldedLines(open(text))).not.toThrow();
  });
});

/** What each step takes in, from `$0`. */
function grown(marked: string, uri?: string): string[] {
  const offset = marked.indexOf('$0');
  const it = open(marked.replace('$0', ''), uri);
  return selections(it.workspace, it.uri, offset).map(({ start, end }) => it.text.slice(start, end));
}

describe('growing selections', () => {
  test('of a conf: word, value, option, section, file', () => {
    expect(grown('[global]\nrepo1-path=/backup/mai$0n\nprocess-max=2\n', 'file:///w/pgbackrest.conf')).toEqual([
      'main',
      '/backup/main',
      'repo1-path=/backup/main',
      '[global]\nrepo1-path=/backup/main\nprocess-max=2',
      '[global]\nrepo1-path=/backup/main\nprocess-max=2\n',
    ]);
  });

  test('of a manifest: value, entry, map and document', () => {
    const steps = grown('apiVersion: v1\nkind: Secret\nmetadata:\n  name: "bac$0kup"\n---\nkind: x\n');
    expect(steps.slice(0, 4)).toEqual(['backup', '"backup"', 'name: "backup"', 'metadata:\n  name: "backup"']);
    expect(steps.at(-2)).toBe('apiVersion: v1\nkind: Secret\nmetadata:\n  name: "backup"');
    expect(steps.at(-1)).toContain('kind: x');
  });

  test('of a conf inside a manifest, through both', () => {
    const steps = grown(
      'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  s3.conf: |\n    [global]\n    repo1-path=/$0x\n',
    );
    expect(steps.slice(0, 3)).toEqual(['x', '/x', 'repo1-path=/x']);
    expect(steps.some((it) => it.startsWith('s3.conf: |'))).toBe(true);
  });

  test('each step lies within the next one, at every offset', () => {
    const text =
      'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  s3.conf: |\n    [global]\n    repo1-path=/x\n';
    const it = open(text);
    for (let offset = 0; offset <= text.length; offset++) {
      const steps = selections(it.workspace, it.uri, offset);
      for (const [i, step] of steps.entries()) {
        expect(step.start).toBeLessThanOrEqual(offset);
        expect(step.end).toBeGreaterThanOrEqual(offset);
        const next = steps[i + 1];
        if (next) expect(next.start <= step.start && next.end >= step.end).toBe(true);
      }
    }
  });
});

function coloured({ workspace, uri, text }: ReturnType<typeof open>): string[] {
  return semanticTokens(workspace, uri).map(
    ({ start, end, type, modifiers }) => `${text.slice(start, end)}: ${[type, ...modifiers].join(' ')}`,
  );
}

describe('semantic tokens', () => {
  test('say what each word of a conf is; an unknown option is nothing', () => {
    const text = '# n\n[global:archive-push]\nprocess-max=2\ncompress-type=lz4\nrepo1-pth=/x\n[shop]\ndb-path=/y\n';
    expect(coloured(conf(text))).toEqual([
      '# n: comment',
      'global: keyword',
      'archive-push: keyword',
      'process-max: property',
      '2: number',
      'compress-type: property',
      'lz4: enumMember',
      'shop: namespace declaration',
      'db-path: property deprecated',
      '/y: string',
    ]);
  });

  test('reach a conf that stands readable in a manifest, and leave base64 alone', () => {
    const inner = '[global]\nrepo1-path=/x\n';
    const head = 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n';
    expect(coloured(open(`${head}stringData:\n  s3.conf: |\n    [global]\n    repo1-path=/x\n`))).toContain(
      'repo1-path: property',
    );
    expect(coloured(open(`${head}data:\n  s3.conf: ${base64(inner)}\n`))).toEqual([]);
  });
});

describe('hints within a line', () => {
  test('say what base64 holds, and never a part of it', () => {
    const key = '0f'.repeat(32);
    const { workspace, uri, text } = open(
      `apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata:\n  key: ${base64(key)}\n  s3.conf: ${base64('[global]\nrepo1-path=/x\nrepo1-cipher-pass=hush\n')}\nstringData:\n  user: postgres\n  hex: ${key}\n`,
    );
    const shown = inlays(workspace, uri, 0, text.length).map((it) => it.text);
    expect(shown).toEqual([
      '64 hex digits (32 bytes)',
      'pgBackRest configuration, 2 options',
      '64 hex digits (32 bytes)',
    ]);
    expect(shown.join()).not.toContain('hush');
    expect(inlays(workspace, uri, 0, 10)).toEqual([]);
  });
});

describe('links', () => {
  test('open the files of a kustomization', () => {
    const { workspace, uri, text } = open(
      `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - ../base
  - cluster.yaml
  - https://example.com/a.yaml
  - github.com/org/repo?ref=main
patches:
  - path: patch.yaml
secretGenerator:
  - name: s
    files: [s3.conf=conf/s3.conf]
    envs: [.env]
`,
      'file:///w/prod/kustomization.yaml',
      ['file:///w/base/kustomization.yaml', 'kind: Kustomization\n'],
    );
    const shown = links(workspace, uri, () => false).map(({ at, target }) => {
      const { start, end } = inFile(at);
      return `${text.slice(start, end)} → ${target.kind === 'uri' ? target.uri : target.id}`;
    });
    expect(shown).toEqual([
      '../base → file:///w/base/kustomization.yaml',
      'cluster.yaml → file:///w/prod/cluster.yaml',
      'https://example.com/a.yaml → https://example.com/a.yaml',
      'patch.yaml → file:///w/prod/patch.yaml',
      'conf/s3.conf → file:///w/prod/conf/s3.conf',
      '.env → file:///w/prod/.env',
    ]);
  });

  test('open the page of a rule that is silenced', () => {
    const { workspace, uri, text } = conf('[global]\n# restorable-ignore known-rule, other: because\nrepo1-path=/x\n');
    const shown = links(workspace, uri, (id) => id === 'known-rule').map(({ at }) =>
      text.slice(inFile(at).start, inFile(at).end),
    );
    expect(shown).toEqual(['known-rule']);
  });
});

/** Applied one by one from the end, as editors do. */
function tidy(text: string): string {
  const { workspace, uri } = conf(text);
  let result = text;
  const edits = workspace.units(uri).flatMap((it) => it.confs.flatMap(formatConf));
  for (const it of edits.toReversed()) result = result.slice(0, it.at.start) + it.newText + result.slice(it.at.end);
  return result;
}

describe('formatting', () => {
  test('takes away blanks that mean nothing, and spaces sections out', () => {
    expect(
      tidy('\n\n  # top\n [global] \n\trepo1-path = /x  \n\n\n\nprocess-max=  2\n[shop]\n# c\npg1-path=/y\n\n\n'),
    ).toBe('# top\n[global]\nrepo1-path=/x\n\nprocess-max=2\n\n[shop]\n# c\npg1-path=/y\n');
  });

  test('keeps the comment above a section with it', () => {
    expect(tidy('[global]\nrepo1-path=/x\n# shop\n[shop]\npg1-path=/y')).toBe(
      '[global]\nrepo1-path=/x\n\n# shop\n[shop]\npg1-path=/y\n',
    );
  });

  test('keeps Windows line breaks, the order of all options and what pgBackRest would refuse', () => {
    expect(tidy('[global]\r\nrepo1-path = /x\r\nnonsense  here\r\n;no comment\r\n')).toBe(
      '[global]\r\nrepo1-path=/x\r\nnonsense  here\r\n;no comment\r\n',
    );
  });

  test('leaves a template alone', () => {
    const text = '[global]\n{% if x %}\nrepo1-path = /x\n{% endif %}\n';
    expect(tidy(text)).toBe(text);
  });

  test('a tidy text stays as it is, and every text means what it meant', () => {
    const texts = [
      '[global]\nrepo1-path=/x\n\n[shop]\npg1-path=/y\n',
      '  [a]\n\n\n b = c = d \n#x\n\n\n[e]\n\n',
      '\n[x]\n',
      '[global]\nrepo1-cipher-pass= "quoted" # not a comment \n',
      '\ufeff[global]\n repo1-path=/x\n',
      '[global]\n\n\n# a\n\n# b\n[s]\npg1-path=/y',
    ];
    const meaning = (text: string) =>
      conf(text)
        .workspace.units('file:///w/pgbackrest.conf')
        .flatMap((it) =>
          it.confs.flatMap((one) =>
            one.tree.sections.map((section) => [section.name, section.options.map((o) => [o.key, o.value])]),
          ),
        );
    for (const text of texts) {
      const once = tidy(text);
      expect(tidy(once)).toBe(once);
      expect(meaning(once)).toEqual(meaning(text));
    }
  });
});
