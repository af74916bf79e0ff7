import { describe, expect, test } from 'vitest';
import { toBytes } from '../../engine/src/archives/pgbackrest/byteText.ts';
import { type InfoLine, readInfo } from '../../engine/src/archives/pgbackrest/infoFile.ts';
import { jsonString, parseJson } from '../../engine/src/archives/pgbackrest/json.ts';
import { once } from '../../engine/src/bytes.ts';
import { infoText, sha1 } from './pgbackrestRepository.ts';
import { expectFailure, pieces } from './pieces.ts';

/** A real archive.info, without its cipher section; the checksum is the one that pgBackRest 2.45 wrote. */
const archiveInfo = `[backrest]
backrest-format=5
backrest-version="2.45"

[db]
db-id=1
db-system-id=7710732156905849906
db-version="15"

[db:history]
1={"db-id":7710732156905849906,"db-version":"15"}

[backrest]
backrest-checksum="16d6662b5c79c78a04eb2e0a104bc90f95f7ddf6"
`;

async function read(text: string | Uint8Array, size = Number.POSITIVE_INFINITY): Promise<InfoLine[]> {
  const lines: InfoLine[] = [];
  for await (const batch of readInfo(pieces(typeof text === 'string' ? Buffer.from(text) : text, size)))
    lines.push(...batch);
  return lines;
}

describe('an info file', () => {
  test('that pgBackRest wrote has the checksum it says, whole, in single bytes, in odd pieces', async () => {
    for (const size of [Number.POSITIVE_INFINITY, 1, 7]) {
      const lines = await read(archiveInfo, size);
      expect(lines.map((it) => it.key)).toEqual([
        'backrest-format',
        'backrest-version',
        'db-id',
        'db-system-id',
        'db-version',
        '1',
      ]);
    }
  });

  test('keeps integers of 64 bits exact', async () => {
    const lines = await read(archiveInfo);
    expect(lines.find((it) => it.key === 'db-system-id')?.value).toBe(7710732156905849906n);
    expect(lines.find((it) => it.key === '1')?.value).toEqual({ 'db-id': 7710732156905849906n, 'db-version': '15' });
  });

  test('may have any = in a name: the value is the first complete JSON', async () => {
    const names = ['pg_data/a=b', 'pg_data/a={"b', 'pg_data/=', 'pg_data/1=2=3', 'pg_data/x="y', 'pg_data/[z]'];
    const entries = Object.fromEntries(names.map((it) => [it, { size: 0, timestamp: 1 }]));
    const lines = await read(infoText({ 'target:file': entries }));
    expect(
      lines
        .filter((it) => it.section === 'target:file')
        .map((it) => it.key)
        .sort(),
    ).toEqual(names.sort());
  });

  test('may hold control characters and bytes that are no UTF-8', async () => {
    const key = 'pg_data/\xff\xfe';
    const value = '{"note":"a\x01b\x1f"}';
    const body = `{"backrest":{"backrest-format":5},"x":{${jsonString(key)}:${value}}}`;
    const text = `[backrest]\nbackrest-format=5\n\n[x]\n${key}=${value}\n\n[backrest]\nbackrest-checksum="${sha1(toBytes(body))}"\n`;
    const lines = await read(toBytes(text));
    expect(lines.at(-1)).toMatchObject({ key, value: { note: 'a\x01b\x1f' } });
  });

  test('cut short anywhere is truncated, or damaged where the cut makes another text', async () => {
    const bytes = Buffer.from(archiveInfo);
    for (let length = 0; length < bytes.length; length++) {
      const failure = await read(bytes.subarray(0, length)).then(
        () => undefined,
        (error) => error.failure,
      );
      expect(failure?.code, `cut after ${length} bytes`).toBe('truncated');
    }
  });

  test('with any bit flipped is refused', async () => {
    const bytes = Buffer.from(archiveInfo);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await expect(read(flipped), `bit ${bit}`).rejects.toThrow();
    }
  });

  test('of another format is unsupported, not damaged', async () => {
    const failure = await expectFailure('unsupported', read(infoText({ db: { 'db-id': 1 } }, 6)));
    expect(failure.message).toContain('format 6');
  });

  test('says where it is damaged', async () => {
    const failure = await expectFailure('damaged', read(archiveInfo.replace('db-id=1\n', 'db-id:1\n')));
    expect(failure.offset).toBe(archiveInfo.indexOf('db-id=1'));
    expect((await expectFailure('damaged', read('hello\n'))).message).toContain('does not start as an info file');
    expect((await expectFailure('damaged', read(`${archiveInfo}more=1\n`))).message).toContain('follows the checksum');
  });

  test('without a line end for ever does not fill the memory', async () => {
    async function* endless() {
      yield Buffer.from('[backrest]\n');
      for (;;) yield Buffer.alloc(1024 * 1024, 'x');
    }
    const lines = readInfo(endless());
    await expectFailure('damaged', lines.next());
    await lines.return({ checksum: '' });
  });
});

describe('JSON of info files', () => {
  test('is read like JSON.parse wherever both can read it', () => {
    for (const text of ['null', 'true', '-12', '1.5e3', '"a\\"b\\\\c"', '{}', '{"a":[1,[2,3]],"b":{"c":null}}', '""']) {
      expect(parseJson(`${text}`)).toEqual(JSON.parse(text));
      expect(parseJson(`{"\x01":${text},"n":1234567890123456789}`)).toEqual({
        '\x01': JSON.parse(text),
        n: 1234567890123456789n,
      });
    }
  });

  test('that is not one complete value is none', () => {
    for (const text of ['', '{', '{"a":1}}', '{"a" 1}', '"a', '[1,]', '01', 'nul', '"\\x"', '1234567890123456x']) {
      expect(parseJson(text), text).toBeUndefined();
    }
    expect(parseJson(`${'['.repeat(10_000)}1234567890123456`)).toBeUndefined();
  });

  test('knows 2^63 and the edge of exact numbers', () => {
    expect(parseJson('9223372036854775808')).toBe(2n ** 63n);
    expect(parseJson('9007199254740991')).toBe(2 ** 53 - 1);
    expect(parseJson('9007199254740992')).toBe(2n ** 53n);
  });
});

test('an empty input is truncated', async () => {
  await expectFailure('truncated', readInfo(once(new Uint8Array(0))).next());
});
