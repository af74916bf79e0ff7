import { describe, expect, test } from 'vitest';
import { inFile } from '../../server/src/core/part.ts';
import {
  addressOf,
  entryAt,
  entryOf,
  viewEdits,
  viewFindings,
  viewText,
} from '../../server/src/core/queries/entryView.ts';
import { lenses } from '../../server/src/core/queries/lenses.ts';
import { allRules } from '../../server/src/core/rules/all.ts';
import { Workspace } from '../../server/src/core/workspace.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const uri = 'file:///w/secret.yaml';
const head = 'apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n  namespace: db\n';
const conf = '[global]\nrepo1-path=/x\nrepo1-cipher-pass=hush\n';

function workspaceOf(text: string): Workspace {
  const workspace = new Workspace(allRules);
  workspace.setFile(uri, text);
  return workspace;
}

function entryIn(workspace: Workspace, name = 's3.conf') {
  const text = workspace.text(uri)!;
  return entryAt(workspace, uri, text.indexOf(`${name}:`))!;
}

/** The file after a new text was written into the entry. */
function written(text: string, newText: string): string {
  const workspace = workspaceOf(text);
  const edits = viewEdits(entryIn(workspace), newText);
  if ('problem' in edits) throw new Error(edits.problem);
  let result = text;
  for (const it of edits.toReversed()) {
    const { start, end } = inFile(it.at);
    // As the editor's end writes it.
    const inserted = text.includes('\r\n') ? it.newText.replace(/\r?\n/g, '\r\n') : it.newText;
    result = result.slice(0, start) + inserted + result.slice(end);
  }
  return result;
}

const wrapped = base64(conf).replace(/(.{20})/g, '$1\n    ');

const forms: Record<string, string> = {
  'base64 on one line': `data:\n  a: ${base64('1')}\n  s3.conf: ${base64(conf)} # why\n  z: ${base64('2')}\n`,
  'quoted base64': `data:\n  a: ${base64('1')}\n  s3.conf: "${base64(conf)}"\n  z: ${base64('2')}\n`,
  'wrapped base64': `data:\n  a: ${base64('1')}\n  s3.conf: |\n    ${wrapped}\n  z: ${base64('2')}\n`,
  'a block': `stringData:\n  a: b\n  s3.conf: |\n    ${conf.trimEnd().replaceAll('\n', '\n    ')}\n  z: y # why\n`,
  'a stripped block': `stringData:\n  a: b\n  s3.conf: |-\n    ${conf.trimEnd().replaceAll('\n', '\n    ')}\n  z: y\n`,
  'a quoted text': `stringData:\n  a: b\n  s3.conf: ${JSON.stringify(conf)}\n  z: y\n`,
  'flow style': `stringData: {a: b, s3.conf: "[global]\\n", z: y}\n`,
};

const texts = [
  `${conf}repo1-cipher-type=aes-256-cbc\n`,
  'one line',
  'with a tab\there\n',
  '  indented first\nthen not\n',
  '\nbegins with nothing\n',
  'no break at the end\nof two lines',
  'two breaks at the end\n\n',
  '',
  '# looks like a comment: "yes"\n- and: like yaml\n',
  'Ünïcödé ✓ 𐍈\n',
];

describe('a new text of an entry', () => {
  for (const [form, body] of Object.entries(forms)) {
    test(`is written back into ${form}, and nothing else changes`, () => {
      for (const ending of ['\n', '\r\n']) {
        const before = (head + body).replaceAll('\n', ending);
        for (const newText of texts) {
          const after = written(before, newText);
          const workspace = workspaceOf(after);
          const entry = entryIn(workspace);
          expect(viewText(entry), `${JSON.stringify(newText)} in ${form}`).toMatchObject({ text: newText });
          expect(entry.container).toBe(entryIn(workspaceOf(before)).container);
          const others = (text: string) =>
            workspaceOf(text)
              .units(uri)[0]!
              .resources.flatMap((it) =>
                'entries' in it
                  ? (it.entries as { name: string; source?: { text: string } }[])
                      .filter((one) => one.name !== 's3.conf')
                      .map((one) => [one.name, one.source?.text])
                  : [],
              );
          expect(others(after)).toEqual(others(before));
          expect(after.startsWith(before.slice(0, before.indexOf('s3.conf')))).toBe(true);
          const tail = before.slice(before.search(/(?:\r?\n {2}|, )z: /));
          expect(after.endsWith(tail), `${JSON.stringify(after)} ends as before`).toBe(true);
        }
      }
    });
  }

  test('that is the old one changes nothing', () => {
    for (const body of Object.values(forms)) {
      const before = head + body;
      const seen = viewText(entryIn(workspaceOf(before)));
      expect(written(before, (seen as { text: string }).text)).toBe(before);
    }
  });
});

describe('an entry', () => {
  test('is found by its address after the file has changed around it', () => {
    const workspace = workspaceOf(head + forms['a block']!);
    const address = addressOf(workspace, entryIn(workspace));
    expect(address).toEqual({ uri, kind: 'Secret', name: 's', namespace: 'db', entry: 's3.conf', index: 0 });
    workspace.setFile(uri, `# new\n${head}${forms['base64 on one line']}`);
    expect(entryOf(workspace, address)?.container).toBe('data');
    workspace.setFile(uri, head);
    expect(entryOf(workspace, address)).toBeUndefined();
  });

  test('of two that are equal, the one that was meant', () => {
    const workspace = workspaceOf(`${head}stringData:\n  s3.conf: one\n---\n${head}stringData:\n  s3.conf: two\n`);
    const text = workspace.text(uri)!;
    const second = entryAt(workspace, uri, text.lastIndexOf('s3.conf'))!;
    const address = addressOf(workspace, second);
    expect(address.index).toBe(1);
    expect(entryOf(workspace, address)).toBe(second);
  });

  test('that has no text says why', () => {
    const problem = (body: string) => (viewText(entryIn(workspaceOf(head + body), 'k')) as { problem: string }).problem;
    expect(problem('data:\n  k: "!!!"\n')).toMatch(/not base64/);
    expect(problem(`data:\n  k: ${Buffer.from([0xff, 0xfe, 0x00]).toString('base64')}\n`)).toMatch(/binary/);
  });

  test('is opened in the language of what it holds', () => {
    const language = (body: string, name: string) => {
      const seen = viewText(entryIn(workspaceOf(head + body), name));
      return 'language' in seen ? seen.language : seen.problem;
    };
    expect(language(`data:\n  s3.conf: ${base64(conf)}\n`, 's3.conf')).toBe('pgbackrest-conf');
    expect(language('stringData:\n  key: |\n    {"type": "service_account"}\n', 'key')).toBe('json');
    expect(language('stringData:\n  user: postgres\n', 'user')).toBe('plaintext');
  });
});

describe('findings of an entry', () => {
  test('stand at the same words in its view, for base64 as for clear text', () => {
    const marked = '[global]\nrepo1-path=/x\nrepo1-cipher-typ=aes-256-cbc\n';
    for (const body of [
      `data:\n  s3.conf: ${base64(marked)}\n`,
      `data:\n  s3.conf: |\n    ${base64(marked).replace(/(.{10})/g, '$1\n    ')}\n`,
      `stringData:\n  s3.conf: |\n    ${marked.trimEnd().replaceAll('\n', '\n    ')}\n`,
      `stringData:\n  s3.conf: ${JSON.stringify(marked)}\n`,
    ]) {
      const workspace = workspaceOf(head + body);
      const found = workspace
        .findings()
        .get(uri)!
        .filter((it) => it.rule === 'misspelt-cipher-option');
      expect(found).toHaveLength(1);
      const [seen] = viewFindings(found, entryIn(workspace), 'restorable-entry:/s3.conf');
      expect(marked.slice(seen!.at.start, seen!.at.end)).toBe('repo1-cipher-typ');
    }
  });

  test('are told once: a view defines nothing and is checked by no rule', () => {
    const workspace = workspaceOf(`${head}data:\n  s3.conf: ${base64('[global]\nrepo1-cipher-typ=x\n')}\n`);
    const before = workspace.findings().get(uri)!.length;
    const view = 'restorable-entry:/s3.conf?x';
    workspace.setFile(view, '[global]\nrepo1-cipher-typ=x\n', 'conf');
    expect(workspace.findings().get(uri)).toHaveLength(before);
    expect(workspace.findings().has(view)).toBe(false);
    workspace.setFile(view, '[global]\n', 'conf');
    workspace.deleteFile(view);
    expect(workspace.findings().get(uri)).toHaveLength(before);
  });
});

describe('lenses of a view', () => {
  test('offer a key, and do not judge without the cluster that mounts the entry', () => {
    const workspace = workspaceOf(head);
    const view = 'restorable-entry:/s3.conf?x';
    workspace.setFile(view, '[global]\nrepo2-cipher-pass=\nrepo2-path=/x\n', 'conf');
    expect(lenses(workspace, view).map((it) => it.title)).toEqual(['Generate pass']);
  });
});
