/**
 * Writes the testkit: every kind of archive that is read, whole and with each kind of damage. `npx tsx
 * tools/testkit.ts` writes the vectors that are not there; to make one anew, remove it first (salts and nonces
 * differ each time). What must come out is said here by hand, from docs/formats/verdicts.md; the test compares.
 */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encryptSodium } from '../engine/src/crypto/sodium.ts';
import { formatVector, type Vector, type VectorTick } from '../test/support/vector.ts';

const folder = fileURLToPath(new URL('../test/vectors/testkit/', import.meta.url));
const source = (name: string) => readFileSync(new URL(`../test/vectors/${name}`, import.meta.url));

type Ticks = [decrypted: VectorTick, authentic: VectorTick, complete: VectorTick, restorable: VectorTick];
const yes = 'yes';
const no = 'no';
const open = 'unknown';

const EXIT = {
  damaged: 13,
  truncated: 14,
  'wrong-key': 12,
  'not-encrypted': 15,
  hostile: 17,
  incomplete: 19,
  unsupported: 16,
};

interface Made {
  kind: string;
  command: string;
  file: string;
  payload: Uint8Array;
  key?: string;
  passphrase?: string;
  isFolder?: boolean;
  ticks: Ticks;
  code?: keyof typeof EXIT;
  note: string;
}

function add(name: string, made: Made): void {
  const path = join(folder, name);
  if (existsSync(path)) return;
  const { ticks, code, key, passphrase, isFolder, ...rest } = made;
  const [decrypted, authentic, complete, restorable] = ticks;
  const vector: Vector = {
    ...rest,
    ...(key !== undefined && { key }),
    ...(passphrase !== undefined && { passphrase }),
    isFolder: isFolder ?? false,
    decrypted,
    authentic,
    complete,
    restorable,
    code: code ?? 'none',
    exit: code === undefined ? 0 : EXIT[code],
  };
  writeFileSync(path, formatVector(vector));
  process.stdout.write(`${name}\n`);
}

const sql = source('pg_dump/15.sql');
const smallSql = source('openpgp/plain.sql');
const custom = source('pg_dump/15.dump');
const password = 'password correct horse';
const sodiumKeyHex = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f';
const sodiumKey = `sodium-hex ${sodiumKeyHex}`;
const openpgpKey = (name: string) => `openpgp ${source(`openpgp/${name}`).toString('base64')}`;
const run = (tool: string, args: string[], input: Uint8Array) =>
  execFileSync(tool, args, { input, stdio: ['pipe', 'pipe', 'ignore'], maxBuffer: 2 ** 26 });

const flipped = (bytes: Uint8Array, at: number, bit = 3) => {
  const copy = Buffer.from(bytes);
  copy[at < 0 ? bytes.length + at : at] = (copy.at(at) as number) ^ (1 << bit);
  return copy;
};
const cut = (bytes: Uint8Array, by: number) => Buffer.from(bytes).subarray(0, bytes.length - by);
const appended = (bytes: Uint8Array, more: string) => Buffer.concat([bytes, Buffer.from(more)]);

void main();

async function main(): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await libsodium();
  openpgp();
  openpgpAead();
  openssl();
  compressed();
  dumps();
  tars();
  folders();
}

async function libsodium(): Promise<void> {
  const made = {
    kind: 'sodium',
    command: 'wal-g, method libsodium: secretstream, chunks of 8192 bytes',
    file: 'shop.sql',
  };
  const pieces: Uint8Array[] = [];
  for await (const it of encryptSodium(one(sql), Buffer.from(sodiumKeyHex, 'hex'))) pieces.push(it);
  const whole = Buffer.concat(pieces);
  const good = { ...made, key: sodiumKey, payload: whole };
  const chunk = 8_209;
  const [head, first, rest] = [whole.subarray(0, 24), whole.subarray(24, 24 + chunk), whole.subarray(24 + chunk)];
  add('sodium-whole', { ...good, ticks: [yes, yes, yes, yes], note: 'two chunks, the second marked as final' });
  add('sodium-whole-base64-key', {
    ...good,
    key: `sodium-base64 ${Buffer.from(sodiumKeyHex, 'hex').toString('base64')}`,
    ticks: [yes, yes, yes, yes],
    note: 'the same stream, the key written in base64',
  });
  add('sodium-wrong-key', {
    ...good,
    key: `sodium-hex ${'ee'.repeat(32)}`,
    ticks: [no, open, open, no],
    code: 'wrong-key',
    note: 'another key',
  });
  add('sodium-flipped-first', {
    ...good,
    payload: flipped(whole, 5_000),
    ticks: [no, no, open, no],
    code: 'damaged',
    note: 'a bit in the first chunk: its start still makes sense under the key, so the key is right',
  });
  add('sodium-flipped-last', {
    ...good,
    payload: flipped(whole, -100),
    ticks: [no, no, open, no],
    code: 'damaged',
    note: 'a bit in the last chunk',
  });
  add('sodium-no-final-chunk', {
    ...good,
    payload: Buffer.concat([head, first]),
    ticks: [no, open, no, no],
    code: 'truncated',
    note: 'cut at the border of a chunk: WAL-G takes this for complete',
  });
  add('sodium-cut', {
    ...good,
    payload: cut(whole, 1),
    ticks: [no, no, open, no],
    code: 'damaged',
    note: 'the last byte is missing: the last chunk does not authenticate, and its length is a possible one',
  });
  add('sodium-swapped', {
    ...good,
    payload: Buffer.concat([head, rest, first]),
    ticks: [no, open, open, no],
    code: 'wrong-key',
    note: 'the chunks in the wrong order: nothing of it opens',
  });
  add('sodium-doubled', {
    ...good,
    payload: Buffer.concat([head, first, first, rest]),
    ticks: [no, no, open, no],
    code: 'damaged',
    note: 'the first chunk twice',
  });
  add('sodium-appended', {
    ...good,
    payload: appended(whole, 'more'),
    ticks: [no, no, open, no],
    code: 'damaged',
    note: 'four bytes behind the final chunk',
  });
  const unfinished: Uint8Array[] = [];
  for await (const it of encryptSodium(one(sql.subarray(0, 9_000)), Buffer.from(sodiumKeyHex, 'hex')))
    unfinished.push(it);
  add('sodium-of-cut-dump', {
    ...good,
    payload: Buffer.concat(unfinished),
    ticks: [yes, yes, no, no],
    code: 'truncated',
    note: 'the encryption is intact, the dump was cut off before it was encrypted',
  });
  add('sodium-plain', {
    ...made,
    key: sodiumKey,
    payload: sql,
    ticks: [no, open, open, no],
    code: 'not-encrypted',
    note: 'a plain dump where a key is configured',
  });
}

function openpgp(): void {
  const options = ['--batch', '--pinentry-mode', 'loopback', '--passphrase', 'correct horse', '--s2k-count', '65536'];
  const symmetric = (more: string[], input: Uint8Array) => run('gpg', [...options, ...more, '-c'], input);
  const G = "gpg --batch --pinentry-mode loopback --passphrase 'correct horse' --s2k-count 65536";
  const made = { kind: 'openpgp', file: 'plain.sql.gpg', key: password };
  // gpg's own, from test/vectors/openpgp: their README says how they were made.
  for (const [name, key, passphrase] of [
    ['key', openpgpKey('key.asc')],
    ['hidden', openpgpKey('key.asc')],
    ['two-armored', openpgpKey('key.asc')],
    ['both', openpgpKey('key.asc')],
    ['signed', openpgpKey('key.asc')],
    ['locked', openpgpKey('locked.asc'), 'locked pass'],
    ['password', password],
    ['password-zlib', password],
    ['password-bzip2', password],
    ['password-uncompressed', password],
    ['password-aes128', password],
    ['password-3des', password],
    ['password-twofish', password],
    ['password-camellia', password],
    ['password-ocb', password],
    ['password-eax', password],
    ['key-ocb', openpgpKey('key.asc')],
  ] as const) {
    add(`openpgp-${name}`, {
      ...made,
      key,
      ...(passphrase !== undefined && { passphrase }),
      command: 'gpg 2.2.40 (ocb and eax: rnp 0.16.3), see ../openpgp/README.md',
      payload: source(`openpgp/${name}.gpg`),
      ticks: [yes, yes, yes, yes],
      note: `what the file ${name}.gpg says`,
    });
  }
  const whole = symmetric(['-z', '0'], custom);
  const good = { ...made, command: `${G} -z 0 -c shop.dump`, file: 'shop.dump.gpg', payload: whole };
  add('openpgp-mdc', { ...good, ticks: [yes, yes, yes, yes], note: 'a custom dump, not compressed by gpg' });
  add('openpgp-mdc-wrong-password', {
    ...good,
    key: 'password wrong',
    ticks: [no, open, open, no],
    code: 'wrong-key',
    note: 'another password',
  });
  add('openpgp-mdc-flipped', {
    ...good,
    payload: flipped(whole, 1_000),
    ticks: [no, no, open, no],
    code: 'damaged',
    note: 'a bit in the middle: the MDC does not fit',
  });
  add('openpgp-mdc-flipped-mdc', {
    ...good,
    payload: flipped(whole, -1),
    ticks: [no, no, open, no],
    code: 'damaged',
    note: 'a bit of the MDC itself',
  });
  add('openpgp-mdc-cut', {
    ...good,
    payload: cut(whole, 1),
    ticks: [no, open, no, no],
    code: 'truncated',
    note: 'the last byte is missing',
  });
  add('openpgp-mdc-half', {
    ...good,
    payload: cut(whole, whole.length >> 1),
    ticks: [no, open, no, no],
    code: 'truncated',
    note: 'half of it is missing',
  });
  add('openpgp-no-integrity', {
    ...made,
    command: 'gpg --rfc2440 --cipher-algo 3des -z 0 -c',
    payload: source('openpgp/no-integrity.gpg'),
    ticks: [no, open, open, open],
    code: 'unsupported',
    note: 'no MDC: refused',
  });
  add('openpgp-plain', {
    ...made,
    command: 'none',
    payload: smallSql,
    ticks: [no, open, open, no],
    code: 'not-encrypted',
    note: 'a plain dump named .gpg',
  });
}

/** Chunks with a tag each, and a last tag over the number of bytes: GnuPG's packet 20, and SEIPD version 2 of RFC 9580. */
function openpgpAead(): void {
  const see = 'see ../openpgp/README.md';
  const made = { kind: 'openpgp', file: 'plain.sql.gpg' };
  for (const [name, file, command, note] of [
    ['ocb-announced', 'gpg24-key-announcing-ocb', 'gpg 2.4.7', 'to a key that announces packet 20; compressed'],
    ['seipd2-version-4', 'sequoia-rfc4880', 'sq 1.3.1', 'SEIPD version 2 to a key of version 4'],
    ['seipd2-version-6', 'sequoia-rfc9580', 'sq 1.3.1', 'SEIPD version 2 to a key of version 6'],
  ] as const) {
    const payload = source(`openpgp/${file}.${file.startsWith('gpg') ? 'gpg' : 'pgp'}`);
    const key = openpgpKey(`${file}.asc`);
    add(`openpgp-${name}`, { ...made, key, payload, command: `${command}, ${see}`, ticks: [yes, yes, yes, yes], note });
  }
  for (const [integrity, note] of [
    ['ocb', 'packet 20; the session key is wrapped with OCB (version 5)'],
    ['seipd2', 'SEIPD version 2; the password goes through Argon2, the session key is wrapped with OCB (version 6)'],
  ] as const) {
    add(`openpgp-password-${integrity}-one-chunk`, {
      ...made,
      file: 'shop.dump.gpg',
      key: password,
      payload: source(`openpgp/restorable-${integrity}.gpg`),
      command: `restorable encrypt shop.dump --method gpg --integrity ${integrity}, read by ${integrity === 'ocb' ? 'gpg' : 'sq'}`,
      ticks: [yes, yes, yes, yes],
      note,
    });
  }
  damagedChunks('openpgp-ocb', {
    kind: 'openpgp',
    file: 'shop.dump.gpg',
    key: password,
    wrongKey: 'password wrong',
    command: `gpg 2.4.7 --force-ocb --chunk-size 10 -z 0 -c shop.dump, ${see}`,
    payload: source('openpgp/gpg24-dump-ocb.gpg'),
    headBytes: 4 + 15,
    chunkBytes: 1_024,
  });
  damagedChunks('openpgp-seipd2', {
    kind: 'openpgp',
    file: 'shop.sql.pgp',
    key: openpgpKey('sequoia-rfc4880.asc'),
    wrongKey: openpgpKey('key.asc'),
    command: `sq 1.3.1 encrypt --for … --compression none shop.sql, ${see}`,
    payload: source('openpgp/sequoia-dump-seipd2.pgp'),
    headBytes: 4 + 32,
    chunkBytes: 4_096,
  });
}

interface Chunked extends Pick<Made, 'kind' | 'file' | 'command' | 'payload'> {
  key: string;
  wrongKey: string;
  /** In front of the first chunk. */
  headBytes: number;
  /** Of plaintext; each is followed by its tag. */
  chunkBytes: number;
}

function damagedChunks(name: string, { headBytes, chunkBytes, wrongKey, ...good }: Chunked): void {
  const { before, tag, body } = openpgpData(good.payload);
  const place = (index: number) => headBytes + index * (chunkBytes + 16);
  const head = body.subarray(0, headBytes);
  const chunk = (index: number) => body.subarray(place(index), place(index + 1));
  const [first, second, third] = [chunk(0), chunk(1), chunk(2)];
  const [rest, last] = [body.subarray(place(3), -16), body.subarray(-16)];
  /** As if it had been written so: the packet has the length of what is in it. */
  const of = (...parts: Uint8Array[]) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(Buffer.concat([head, ...parts]).length);
    return Buffer.concat([before, Buffer.of(0xc0 | tag, 0xff), length, head, ...parts]);
  };
  const damaged = { ...good, ticks: [no, no, open, no] as Ticks, code: 'damaged' as const };
  const truncated = { ...good, ticks: [no, open, no, no] as Ticks, code: 'truncated' as const };
  add(`${name}-whole`, {
    ...good,
    ticks: [yes, yes, yes, yes],
    note: `four chunks, three of them of ${chunkBytes} bytes`,
  });
  add(`${name}-wrong-key`, {
    ...good,
    key: wrongKey,
    ticks: [no, open, open, no],
    code: 'wrong-key',
    note: 'another key',
  });
  const whole = of(first, second, third, rest, last);
  for (const [damage, payload, note] of [
    [
      'flipped',
      flipped(whole, before.length + 6 + place(1) + 100),
      'a bit in the second chunk: the first is authentic',
    ],
    ['flipped-tag', flipped(whole, before.length + 6 + place(2) - 1), 'a bit of the tag of the second chunk'],
    ['flipped-last-tag', flipped(whole, -1), 'a bit of the last tag: all chunks are authentic, their number is not'],
    ['dropped', of(first, third, rest, last), 'without the second chunk'],
    ['dropped-first', of(second, third, rest, last), 'without the first chunk'],
    ['dropped-last', of(first, second, third, last), 'without the last chunk, but with the last tag'],
    ['swapped', of(second, first, third, rest, last), 'the first two chunks in the wrong order'],
    ['doubled', of(first, first, second, third, rest, last), 'the first chunk twice'],
    ['no-chunks', of(last), 'the last tag alone: gpg 2.4.7 takes a packet 20 like that for an empty message'],
    ['no-last-tag', of(first, second, third), 'ends with a chunk: the last tag and all behind that chunk are missing'],
    ['joined', Buffer.concat([whole, whole]), 'the same message twice, one behind the other'],
    ['appended', appended(whole, 'more'), 'four bytes behind the message'],
  ] as const)
    add(`${name}-${damage}`, { ...damaged, payload, note });
  add(`${name}-cut`, { ...truncated, payload: cut(whole, 1), note: 'the last byte is missing' });
  add(`${name}-half`, { ...truncated, payload: cut(whole, whole.length >> 1), note: 'half of it is missing' });
}

/** What stands before the packet with the data, the packet's tag, and its body in one piece. */
function openpgpData(message: Uint8Array): { before: Buffer; tag: number; body: Buffer } {
  const bytes = Buffer.from(message);
  const lengthAt = (at: number): [length: number, from: number, isPart: boolean] => {
    const first = bytes.readUInt8(at);
    if (first === 0xff) return [bytes.readUInt32BE(at + 1), at + 5, false];
    if (first >= 224) return [2 ** (first & 0x1f), at + 1, true];
    return first < 192 ? [first, at + 1, false] : [((first - 192) << 8) + bytes.readUInt8(at + 1) + 192, at + 2, false];
  };
  // One packet with the session key stands before it; gpg writes that in the old form.
  const isOld = (bytes.readUInt8(0) & 0x40) === 0;
  const [length, from] = isOld ? [bytes.readUInt8(1), 2] : lengthAt(1);
  const start = from + length;
  const parts: Buffer[] = [];
  for (let at = start + 1, isPart = true; isPart; ) {
    const part = lengthAt(at);
    parts.push(bytes.subarray(part[1], part[1] + part[0]));
    at = part[1] + part[0];
    isPart = part[2];
  }
  return { before: bytes.subarray(0, start), tag: bytes.readUInt8(start) & 0x3f, body: Buffer.concat(parts) };
}

function openssl(): void {
  const made = { kind: 'openssl', file: 'shop.sql.enc', key: password };
  const encrypt = (args: string[], input: Uint8Array) =>
    run('openssl', ['enc', ...args, '-pass', 'pass:correct horse'], input);
  const command = (args: string[]) => `openssl enc ${args.join(' ')} -pass 'pass:correct horse' -in shop.sql`;
  for (const [name, args] of [
    ['cbc-pbkdf2', ['-aes-256-cbc', '-pbkdf2']],
    ['cbc-pbkdf2-iter', ['-aes-256-cbc', '-pbkdf2', '-iter', '100000']],
    ['cbc-md5', ['-aes-256-cbc', '-md', 'md5']],
    ['cbc-128-sha1', ['-aes-128-cbc', '-md', 'sha1']],
    ['cbc-192-sha256', ['-aes-192-cbc', '-md', 'sha256']],
    ['cbc-base64', ['-aes-256-cbc', '-pbkdf2', '-a']],
  ] as const) {
    add(`openssl-${name}`, {
      ...made,
      command: command([...args]),
      payload: encrypt([...args], sql),
      ticks: [yes, open, yes, yes],
      note: 'CBC authenticates nothing; a change would have made noise in the text',
    });
  }
  const ctr = ['-aes-256-ctr', '-pbkdf2'];
  add('openssl-ctr', {
    ...made,
    command: command(ctr),
    payload: encrypt(ctr, smallSql),
    ticks: [yes, open, yes, open],
    note: 'in CTR a change flips one bit and nothing else',
  });
  const gz = run('gzip', ['-n', '-9'], sql);
  const cbc = encrypt(['-aes-256-cbc', '-pbkdf2'], gz);
  const zipped = {
    ...made,
    file: 'shop.sql.gz.enc',
    command: "gzip -n -9 < shop.sql | openssl enc -aes-256-cbc -pbkdf2 -pass 'pass:correct horse'",
    payload: cbc,
  };
  add('openssl-gzip', { ...zipped, ticks: [yes, open, yes, yes], note: 'the CRC of gzip proves the contents' });
  add('openssl-gzip-flipped', {
    ...zipped,
    payload: flipped(cbc, 1_000),
    ticks: [yes, open, open, no],
    code: 'damaged',
    note: 'only gzip notices',
  });
  add('openssl-gzip-half', {
    ...zipped,
    payload: cut(cbc, Math.floor(cbc.length / 32) * 16),
    ticks: [no, open, no, no],
    code: 'truncated',
    note: 'cut at a block of the cipher: what is left ends without padding',
  });
  add('openssl-wrong-password', {
    ...zipped,
    key: 'password wrong',
    ticks: [no, open, open, no],
    code: 'wrong-key',
    note: 'another password',
  });
}

function compressed(): void {
  for (const [kind, file, tool, args, isProven] of [
    ['gzip', 'shop.sql.gz', 'gzip', ['-n', '-9'], true],
    ['xz', 'shop.sql.xz', 'xz', ['-9'], true],
    ['lzma', 'shop.sql.lzma', 'xz', ['--format=lzma'], false],
    ['zstd', 'shop.sql.zst', 'zstd', ['-q', '-19', '--check'], true],
    ['lz4', 'shop.sql.lz4', 'lz4', ['-q', '-9'], true],
    ['bzip2', 'shop.sql.bz2', 'bzip2', ['-9'], true],
    ['brotli', 'shop.sql.br', 'brotli', ['-c'], false],
    ['lzop', 'shop.sql.lzo', 'lzop', ['-q', '-9'], true],
  ] as const) {
    const payload = run(tool, [...args], sql);
    const made = { kind, file, command: `${tool} ${args.join(' ')} < shop.sql`, payload };
    add(`${kind}-whole`, {
      ...made,
      ticks: [yes, open, yes, isProven ? yes : open],
      note: isProven ? 'its checksum proves the contents' : 'it has no checksum',
    });
    add(`${kind}-half`, {
      ...made,
      payload: cut(payload, payload.length >> 1),
      ticks: [yes, open, no, no],
      code: 'truncated',
      note: 'half of it is missing',
    });
    add(`${kind}-cut`, {
      ...made,
      payload: cut(payload, 1),
      ticks: [yes, open, no, no],
      code: 'truncated',
      note: 'the last byte is missing',
    });
    add(`${kind}-appended`, {
      ...made,
      payload: appended(payload, 'more!'),
      ticks: [yes, open, open, no],
      code: 'damaged',
      note: 'bytes behind its end',
    });
    if (isProven)
      add(`${kind}-flipped`, {
        ...made,
        payload: flipped(payload, payload.length >> 1),
        ticks: [yes, open, open, no],
        code: 'damaged',
        note: 'a bit in the middle',
      });
  }
}

function dumps(): void {
  const whole: Ticks = [yes, open, yes, open];
  for (const [name, kind, file] of [
    ['15.sql', 'pg_dump plain', 'plain with \\restrict'],
    ['16.sql', 'pg_dump plain', 'plain without \\restrict'],
    ['15-all.sql', 'pg_dumpall plain', 'a whole cluster'],
    ['15.dump', 'pg_dump custom', 'archive version 1.14'],
    ['16.dump', 'pg_dump custom', 'archive version 1.15'],
    ['18.dump', 'pg_dump custom', 'archive version 1.16'],
    ['15-uncompressed.dump', 'pg_dump custom', 'not compressed'],
    ['15.tar', 'pg_dump tar', 'tar format'],
  ] as const) {
    const payload = source(`pg_dump/${name}`);
    const made = { kind, file: name, command: 'pg_dump of PostgreSQL, see ../pg_dump/README.md', payload };
    const id = `dump-${name.replace('.', '-')}`;
    add(id, { ...made, ticks: whole, note: `${file}; it has no checksum over all of it` });
    add(`${id}-half`, {
      ...made,
      payload: cut(payload, payload.length >> 1),
      ticks: [yes, open, no, no],
      code: 'truncated',
      note: 'half of it is missing',
    });
    if (kind.endsWith('plain')) {
      const text = payload.toString('latin1');
      const mark = Buffer.from(text.slice(0, text.lastIndexOf('-- PostgreSQL database')), 'latin1');
      add(`${id}-no-last-line`, {
        ...made,
        payload: mark,
        ticks: [yes, open, no, no],
        code: 'truncated',
        note: 'all of it but the line that says that it is complete',
      });
      add(`${id}-joined`, {
        ...made,
        payload: appended(payload, '\nDROP TABLE orders;\n'),
        ticks: [yes, open, open, no],
        code: 'damaged',
        note: 'a statement behind its end',
      });
    } else {
      add(`${id}-cut`, {
        ...made,
        payload: cut(payload, kind === 'pg_dump tar' ? 1_024 : 1),
        ticks: [yes, open, no, no],
        code: 'truncated',
        note: 'its end is missing',
      });
    }
  }
}

function tars(): void {
  const made = { kind: 'tar', file: 'files.tar', command: 'written by tools/testkit.ts' };
  const good = tar([entry('a.txt', 'hello\n'), entry('folder/', '', '5'), entry('folder/b.txt', 'world\n')]);
  add('tar-whole', {
    ...made,
    payload: good,
    ticks: [yes, open, yes, open],
    note: 'headers have checksums, contents have none',
  });
  add('tar-no-end', {
    ...made,
    payload: cut(good, 1_024),
    ticks: [yes, open, no, no],
    code: 'truncated',
    note: 'without the two zero blocks',
  });
  add('tar-flipped-header', {
    ...made,
    payload: flipped(good, 110),
    ticks: [open, open, open, open],
    code: 'unsupported',
    note: 'the first header does not have its checksum: nothing shows that it is a tar',
  });
  add('tar-flipped-second-header', {
    ...made,
    payload: flipped(good, 1_024 + 110),
    ticks: [yes, open, open, no],
    code: 'damaged',
    note: 'the second header does not have its checksum',
  });
  add('tar-dot-dot', {
    ...made,
    payload: tar([entry('a.txt', 'x'), entry('../../etc/cron.d/evil', 'x')]),
    ticks: [yes, open, open, no],
    code: 'hostile',
    note: 'a name that leads out of the folder',
  });
  add('tar-appended', {
    ...made,
    payload: appended(good, 'more'),
    ticks: [yes, open, open, no],
    code: 'damaged',
    note: 'bytes behind its end',
  });
}

/** The payload is a tar of the folder. The backups are as pg_basebackup lays them out, with few and small files. */
function folders(): void {
  const control = basebackupControl();
  const files: [string, Buffer][] = [
    ['PG_VERSION', Buffer.from('15\n')],
    [
      'backup_label',
      Buffer.from(
        'START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\nSTART TIME: 2026-11-22 02:42:27 UTC\n',
      ),
    ],
    ['base/5/1259', Buffer.alloc(8_192, 7)],
    ['global/pg_control', control],
  ];
  const made = {
    kind: 'pg_basebackup',
    file: 'backup',
    command: 'laid out by tools/testkit.ts as pg_basebackup -Ft -X none does',
    isFolder: true,
  };
  const manifest = manifestOf(files);
  const packed = tar(files.map(([name, bytes]) => entry(name, bytes)));
  const base = (more: [string, Buffer][]) => tar(more.map(([name, bytes]) => entry(name, bytes)));
  const gz = (bytes: Uint8Array) => run('gzip', ['-n', '-9'], bytes);
  add('basebackup-no-wal', {
    ...made,
    payload: gz(
      base([
        ['backup_manifest', manifest],
        ['base.tar', packed],
      ]),
    ),
    ticks: [yes, open, open, open],
    note: 'every file as the manifest says; its WAL has to come from elsewhere',
  });
  const changed = tar(files.map(([name, bytes]) => entry(name, name === 'base/5/1259' ? flipped(bytes, 9) : bytes)));
  add('basebackup-changed-file', {
    ...made,
    payload: gz(
      base([
        ['backup_manifest', manifest],
        ['base.tar', changed],
      ]),
    ),
    ticks: [yes, open, open, no],
    code: 'damaged',
    note: 'a file that does not have its checksum',
  });
  const missing = tar(
    files
      .slice(0, 2)
      .concat(files.slice(3))
      .map(([name, bytes]) => entry(name, bytes)),
  );
  add('basebackup-missing-file', {
    ...made,
    payload: gz(
      base([
        ['backup_manifest', manifest],
        ['base.tar', missing],
      ]),
    ),
    ticks: [yes, open, no, no],
    code: 'incomplete',
    note: 'a file of the manifest is not in the tar',
  });
  const extra = tar(
    [...files, ['base/5/extra', Buffer.from('x')] as [string, Buffer]].map(([name, bytes]) => entry(name, bytes)),
  );
  add('basebackup-extra-file', {
    ...made,
    payload: gz(
      base([
        ['backup_manifest', manifest],
        ['base.tar', extra],
      ]),
    ),
    ticks: [yes, open, open, no],
    code: 'damaged',
    note: 'a file that the manifest does not have',
  });
  add('basebackup-changed-manifest', {
    ...made,
    payload: gz(
      base([
        ['backup_manifest', flipped(manifest, 120)],
        ['base.tar', packed],
      ]),
    ),
    ticks: [yes, open, open, no],
    code: 'damaged',
    note: 'the manifest does not have its own checksum',
  });
  const incremental = files.map(([name, bytes]): [string, Buffer] => [
    name,
    name === 'backup_label' ? Buffer.concat([bytes, Buffer.from('INCREMENTAL FROM LSN: 0/1000028\n')]) : bytes,
  ]);
  add('basebackup-incremental', {
    ...made,
    payload: gz(
      base([
        ['backup_manifest', manifestOf(incremental)],
        ['base.tar', tar(incremental.map(([name, bytes]) => entry(name, bytes)))],
      ]),
    ),
    ticks: [yes, open, open, open],
    note: 'PostgreSQL 17: restores only with the backups before it',
  });

  const temporary = mkdtempSync(join(tmpdir(), 'restorable-kit-'));
  try {
    const dump = join(temporary, 'dump');
    mkdirSync(dump);
    // pg_restore of the custom dump into the directory format is not offered: taken apart from the tar format instead.
    execFileSync('tar', ['-xf', fileURLToPath(new URL('../test/vectors/pg_dump/15.tar', import.meta.url)), '-C', dump]);
    rmSync(join(dump, 'restore.sql'));
    const names = execFileSync('ls', [dump], { encoding: 'utf8' }).trim().split('\n');
    const members = names.map((name): [string, Buffer] => [name, readFileSync(join(dump, name))]);
    const kit = {
      kind: 'pg_dump directory',
      file: 'dump',
      command: 'pg_dump -Fd -Z0 of PostgreSQL 15',
      isFolder: true,
    };
    add('directory-whole', {
      ...kit,
      payload: gz(base(members)),
      ticks: [yes, open, open, open],
      note: 'not compressed: nothing has a checksum, and nothing shows where a large object ends',
    });
    const data = members.find(([name, bytes]) => /^\d+\.dat$/.test(name) && bytes.length > 100)?.[0] ?? '';
    const with_ = (change: (bytes: Buffer) => Buffer) =>
      gz(base(members.map(([name, bytes]): [string, Buffer] => [name, name === data ? change(bytes) : bytes])));
    add('directory-cut-data', {
      ...kit,
      payload: with_((bytes) => cut(bytes, 1)),
      ticks: [yes, open, no, no],
      code: 'truncated',
      note: 'the rows of a table do not end with their mark',
    });
    add('directory-missing-data', {
      ...kit,
      payload: gz(base(members.filter(([name]) => name !== data))),
      ticks: [yes, open, no, no],
      code: 'incomplete',
      note: 'the data of a table is missing',
    });
    add('directory-missing-large-object', {
      ...kit,
      payload: gz(base(members.filter(([name]) => !/^blob_\d+\.dat$/.test(name)))),
      ticks: [yes, open, no, no],
      code: 'incomplete',
      note: 'a large object that the list names is missing',
    });
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function entry(name: string, contents: Uint8Array | string, type = '0'): Buffer {
  const bytes = Buffer.from(contents as string);
  const header = Buffer.alloc(512);
  header.write(name, 0);
  for (const [at, text] of [
    [100, '0000600'],
    [108, '0000000'],
    [116, '0000000'],
    [136, '00000000000'],
  ] as const)
    header.write(text, at);
  header.write(bytes.length.toString(8).padStart(11, '0'), 124);
  header.write(type, 156);
  header.write('ustar\0', 257);
  header.write('00', 263);
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

function tar(entries: Buffer[]): Buffer {
  return Buffer.concat([...entries, Buffer.alloc(1_024)]);
}

function manifestOf(files: readonly [string, Buffer][]): Buffer {
  const lines = files.map(
    ([name, bytes]) =>
      `{ "Path": "${name}", "Size": ${bytes.length}, "Last-Modified": "2026-11-22 02:42:27 GMT", "Checksum-Algorithm": "SHA256", "Checksum": "${createHash('sha256').update(bytes).digest('hex')}" }`,
  );
  const text = `{ "PostgreSQL-Backup-Manifest-Version": 1,\n"Files": [\n${lines.join(',\n')}\n],\n"WAL-Ranges": [\n{ "Timeline": 1, "Start-LSN": "0/2000028", "End-LSN": "0/2000100" }\n],\n`;
  return Buffer.from(`${text}"Manifest-Checksum": "${createHash('sha256').update(text).digest('hex')}"}\n`);
}

/** Control version 1300 with a system identifier; of a version whose CRC lies elsewhere it would not be compared. */
function basebackupControl(): Buffer {
  const bytes = Buffer.alloc(8_192);
  bytes.writeBigUInt64LE(7_420_000_000_000_000_001n, 0);
  bytes.writeUInt32LE(1_300, 8);
  bytes.writeUInt32LE(202_209_061, 12);
  let crc = 0xffffffff;
  for (const byte of bytes.subarray(0, 288)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  bytes.writeUInt32LE(~crc >>> 0, 288);
  return bytes;
}
