import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ByteReader } from '../../../engine/src/bytes.ts';
import { readScript } from '../../../engine/src/contents/sqlScript.ts';
import { expectFailure, pieces } from '../pieces.ts';

const vector = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../vectors/pg_dump/${name}`, import.meta.url)));

test.each([
  ['select 1; select 2;', ['select 1;', 'select 2;']],
  ["select 'a;b''c;'; x;", ["select 'a;b''c;';", 'x;']],
  ["select E'a\\';b'; x;", ["select E'a\\';b';", 'x;']],
  ["select 'a\\'; x;", ["select 'a\\';", 'x;']],
  ['create table "a;""b" (c int); x;', ['create table "a;""b" (c int);', 'x;']],
  ['do $$ begin; end; $$; x;', ['do $$ begin; end; $$;', 'x;']],
  ['do $a$ $b$; $$; $a$; x;', ['do $a$ $b$; $$; $a$;', 'x;']],
  ['select $1; x;', ['select $1;', 'x;']],
  ['-- a; b\nselect 1; -- c;\nx;', ['-- a; b\nselect 1;', '-- c;\nx;']],
  ['/* a; /* nested; */ b; */ select 1; x;', ['/* a; /* nested; */ b; */ select 1;', 'x;']],
  [
    'create rule r as on insert to t do (select 1; select 2); x;',
    ['create rule r as on insert to t do (select 1; select 2);', 'x;'],
  ],
  [
    'create function f() returns int begin atomic select 1; select case when true then 1 end; end; x;',
    ['create function f() returns int begin atomic select 1; select case when true then 1 end; end;', 'x;'],
  ],
  [
    'CREATE OR REPLACE PROCEDURE p() LANGUAGE sql BEGIN ATOMIC INSERT INTO t VALUES (1); END; x;',
    ['CREATE OR REPLACE PROCEDURE p() LANGUAGE sql BEGIN ATOMIC INSERT INTO t VALUES (1); END;', 'x;'],
  ],
  ['begin; select 1; end;', ['begin;', 'select 1;', 'end;']],
])('statements of %s', async (script, expected) => {
  for (const size of [1, 7, 10_000]) expect(await parts(script, size)).toEqual(expected);
});

test('data of COPY are data, whatever they look like', async () => {
  const script = "COPY public.t (a) FROM stdin;\n\\! rm -rf /\n;drop table x;\n\\.not the end\n'\n\\.\n\nselect 1;";
  for (const size of [1, 5, 10_000]) {
    expect(await parts(script, size)).toEqual([
      'COPY public.t (a) FROM stdin;',
      "data: \\! rm -rf /\n;drop table x;\n\\.not the end\n'\n",
      'select 1;',
    ]);
  }
  expect(await parts('COPY t FROM stdin;\n\\.\nx;', 3)).toEqual(['COPY t FROM stdin;', 'data: ', 'x;']);
});

test('long lines and many rows pass in pieces', async () => {
  const rows = `${'x'.repeat(200_000)}\n${'12345\tabc\n'.repeat(50_000)}`;
  const [, data, last] = await parts(`COPY t FROM stdin;\n${rows}\\.\nx;`, 65_537);
  expect(data === `data: ${rows}`).toBe(true);
  expect(last).toBe('x;');
});

test('commands of psql are found, also in the middle of a statement', async () => {
  expect(await parts('\\connect shop\nselect 1;', 4)).toEqual(['command: \\connect shop', 'select 1;']);
  expect(await parts('select 1 \\! id\n;', 4)).toContain('command: \\! id');
  expect(await parts("select '\\! id';", 4)).toEqual(["select '\\! id';"]);
});

test('every part knows the line where it begins, however the script comes', async () => {
  const long = 'x'.repeat(70_000);
  const script = `-- one\n\nselect 1;\nselect\n2; select 3;\nCOPY t (a)\n FROM stdin;\na\n${long}\nb\n\\.\n${'-- more\n'.repeat(20_000)}\\connect shop\nselect 4;\n`;
  const lineOf = (text: string) => script.slice(0, script.indexOf(text)).split('\n').length;
  for (const size of [1_000, 200_000]) {
    const found: [string, number][] = [];
    for await (const part of readScript(new ByteReader(pieces(Buffer.from(script), size)))) {
      found.push([part.kind, part.line]);
      if (part.kind !== 'copy') continue;
      expect(part.dataLine).toBe(lineOf('a\nxxx'));
      for await (const _ of part.data);
    }
    expect(found).toEqual([
      ['statement', 3],
      ['statement', 4],
      ['statement', 5],
      ['copy', 6],
      ['command', lineOf('\\connect')],
      ['statement', lineOf('select 4')],
    ]);
  }
});

test('a script that ends inside of something is truncated', async () => {
  for (const script of ["select 'a", 'select 1', 'do $$ x', 'COPY t FROM stdin;\n1\n2', 'create table "t'])
    await expectFailure('truncated', parts(script, 5));
});

test('an encoding in which a quote can hide is refused', async () => {
  await expectFailure('unsupported', parts("SET client_encoding = 'SJIS';\nselect 1;", 100));
});

test.each(['15.sql', '16.sql', '15-all.sql'])('what the real %s holds', async (name) => {
  const found = await parts(Buffer.from(vector(name)).toString('latin1'), 1_000);
  expect(found.filter((it) => /^(?:--[^\n]*\n|\s)*CREATE TABLE/.test(it)).length).toBe(2);
  const data = found.filter((it) => it.startsWith('data: ') && it.length > 6);
  expect(data.map((it) => it.split('\n').length - 1)).toEqual([200]);
  expect(
    found.filter((it) => it.startsWith('command: ')).every((it) => /\\(restrict|unrestrict|connect) /.test(it)),
  ).toBe(true);
});

async function parts(script: string, size: number): Promise<string[]> {
  const found: string[] = [];
  for await (const part of readScript(new ByteReader(pieces(Buffer.from(script, 'latin1'), size)))) {
    if (part.kind === 'command') {
      found.push(`command: ${part.text}`);
      continue;
    }
    found.push(Buffer.from(part.bytes).toString('latin1').trim());
    if (part.kind === 'statement') continue;
    let data = 'data: ';
    for await (const piece of part.data) data += Buffer.from(piece).toString('latin1');
    found.push(data);
  }
  return found;
}
