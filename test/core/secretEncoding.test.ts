import { describe, expect, test } from 'vitest';
import { decodeSecret, encodeSecret, type Recoding } from '../../server/src/core/queries/secretEncoding.ts';
import { SecretResource } from '../../server/src/core/resources/secret.ts';
import { workspaceOf } from '../support/check.ts';
import { applyEdits } from '../support/queries.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const head = '# top\napiVersion: v1\nkind: Secret # a Secret\nmetadata: {name: s}\n';

function recode(text: string, how: (secret: SecretResource) => Recoding): { text: string; kept: string[] } {
  const { workspace, files } = workspaceOf(text, { rules: [] });
  const uri = files[0]!.uri;
  const secret = workspace.units(uri)[0]!.resources.find((it) => it instanceof SecretResource)!;
  const { edits, kept } = how(secret);
  applyEdits(workspace, edits);
  return { text: workspace.text(uri)!, kept: kept.map((it) => `${it.name}: ${it.because}`) };
}

/** What the Pods get. */
function values(text: string): Record<string, string> {
  const { workspace, files } = workspaceOf(text, { rules: [] });
  const secret = workspace.units(files[0]!.uri)[0]!.resources[0] as SecretResource;
  const names = [...new Set(secret.entries.map((it) => it.name))].sort();
  return Object.fromEntries(names.map((it) => [it, Buffer.from(secret.entry(it)!.bytes ?? []).toString('latin1')]));
}

function checkEncode(before: string, after: string, kept: string[] = []): void {
  const result = recode(before, encodeSecret);
  expect(result.text).toBe(after);
  expect(result.kept).toEqual(kept);
  expect(values(result.text)).toEqual(values(before));
}

function checkDecode(before: string, after: string, kept: string[] = []): void {
  const result = recode(before, decodeSecret);
  expect(result.text).toBe(after);
  expect(result.kept).toEqual(kept);
  expect(values(result.text)).toEqual(values(before));
}

const plain = `${head}stringData:
  # the pass
  "pass": geheim  # why
  s3.conf: | # a conf
    [global]

    repo1-path=/x
  number-like: "0123"
  umlaut: 'ä''s'
type: Opaque
`;
const encoded = `${head}data:
  # the pass
  "pass": ${base64('geheim')} # why
  s3.conf: ${base64('[global]\n\nrepo1-path=/x\n')} # a conf
  number-like: "${base64('0123')}"
  umlaut: ${base64("ä's")}
type: Opaque
`;

describe('stringData to data', () => {
  test('values change, everything else stays byte for byte', () => checkEncode(plain, encoded));

  test('in flow style, and in JSON', () => {
    checkEncode(
      `${head}stringData: {a: x, "b": "y z"} # c\n`,
      `${head}data: {a: ${base64('x')}, "b": "${base64('y z')}"} # c\n`,
    );
    checkEncode(
      '{"apiVersion": "v1", "kind": "Secret", "stringData": {"a": "x\\ny"}}',
      `{"apiVersion": "v1", "kind": "Secret", "data": {"a": "${base64('x\ny')}"}}`,
    );
  });

  test('beside a data that is there: entries move with their comments, and win', () => {
    checkEncode(
      `${head}data:\n  a: ${base64('old')}\n  b: ${base64('b')}\nstringData:\n  # new\n  a: new\n  c: c\ntype: Opaque\n`,
      `${head}data:\n  b: ${base64('b')}\n  # new\n  a: ${base64('new')}\n  c: ${base64('c')}\ntype: Opaque\n`,
    );
    checkEncode(
      `${head}stringData:\n    c: c\ndata: {a: ${base64('a')}}\n`,
      `${head}data: {a: ${base64('a')}, c: ${base64('c')}}\n`,
    );
    checkEncode(`${head}data: {}\nstringData:\n  a: a\n`, `${head}data:\n  a: ${base64('a')}\n`);
  });

  test('what a renderer fills stays', () => {
    checkEncode(
      `${head}stringData:\n  a: "{{ .Values.a }}"\n  b: b\n`,
      `${head}stringData:\n  a: "{{ .Values.a }}"\ndata:\n  b: ${base64('b')}\n`,
      ['a: a renderer still has to fill its value'],
    );
  });

  test('anchors and aliases keep their meaning, or stay', () => {
    checkEncode(`${head}stringData:\n  a: &x text\n  b: *x\n`, `${head}data:\n  a: &x ${base64('text')}\n  b: *x\n`);
    const outside = `${head.replace('{name: s}', '{name: &n s}')}stringData:\n  a: *n\n`;
    checkEncode(outside, outside.replace('stringData', 'data').replace('*n', base64('s')));
    const used = `${head}stringData:\n  a: &x text\n  c: d\nimmutable: *x\n`;
    checkEncode(used, `${head}stringData:\n  a: &x text\ndata:\n  c: ZA==\nimmutable: *x\n`, [
      'a: an alias elsewhere repeats its value',
    ]);
  });

  test('empty values and empty Secrets', () => {
    checkEncode(`${head}stringData:\n  a:\n  b: ""\n`, `${head}data:\n  a: ""\n  b: ""\n`);
    checkEncode(head, head);
    checkEncode(`${head}stringData: {}\n`, `${head}stringData: {}\n`);
  });

  test('a Secret of SOPS is left alone', () => {
    const sops = `${head}stringData: {a: "ENC[AES256_GCM,data:x]"}\nsops: {version: 3.8.1}\n`;
    checkEncode(sops, sops, ['Secret s: its values are made elsewhere']);
  });
});

describe('data to stringData', () => {
  test('is the way back', () => {
    checkDecode(
      encoded,
      plain.replace("'ä''s'", '"ä\'s"').replace('geheim  #', 'geheim #').replace('"0123"', '"0123"'),
    );
  });

  test('a binary value, and one that is not base64, stay in data', () => {
    checkDecode(
      `${head}data:\n  bin: //4=\n  text: ${base64('a\nb\n')}\n  bad: "!!!"\n`,
      `${head}data:\n  bin: //4=\n  bad: "!!!"\nstringData:\n  text: |\n    a\n    b\n`,
      ['bin: its value is binary', 'bad: its value is not base64'],
    );
  });

  test('stringData that is there wins, as it did before', () => {
    checkDecode(
      `${head}data:\n  a: ${base64('old')}\n  b: ${base64('b')}\nstringData:\n  a: new\n`,
      `${head}stringData:\n  a: new\n  b: b\n`,
    );
  });

  test('texts that YAML would take for something else are quoted', () => {
    for (const it of [
      'true',
      '123',
      '~',
      ' x ',
      "it's: a",
      '# no',
      'a\tb',
      'x\r\ny',
      '- a',
      '{a}',
      '\n',
      'a\n\n',
      ' a\nb',
    ]) {
      const before = `${head}data:\n  a: ${base64(it)}\n`;
      expect(values(recode(before, decodeSecret).text)).toEqual({ a: it });
    }
  });

  test('wrapped base64 and flow style', () => {
    const long = `${'line of a conf\n'.repeat(9)}end`;
    const wrapped = base64(long).replace(/.{1,40}/g, '    $&\n');
    const lines = long.replace(/^(?=.)/gm, '    ');
    checkDecode(`${head}data:\n  a: |\n${wrapped}  b: eA==\n`, `${head}stringData:\n  a: |-\n${lines}\n  b: x\n`);
    checkDecode(`${head}data: {a: ${base64('x\ny\n')}}\n`, `${head}stringData: {a: "x\\ny\\n"}\n`);
  });

  test('with the line breaks of Windows', () => {
    const before = encoded.replaceAll('\n', '\r\n');
    expect(values(recode(before, decodeSecret).text)).toEqual(values(before));
  });
});

test('there and back gives every Secret the same values, whatever its style', () => {
  const styles = [
    plain,
    `${head}stringData: {a: 'x', b: "y\\n"}\n`,
    `${head}stringData:\n    a: >-\n      folded\n      text\n    b: |+\n      keep\n\n`,
  ];
  for (const it of styles) {
    const there = recode(it, encodeSecret).text;
    expect(values(there)).toEqual(values(it));
    expect(values(recode(there, decodeSecret).text)).toEqual(values(it));
  }
});
