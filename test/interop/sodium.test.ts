/** libsodium in C and we read each other's streams. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decryptSodium, encryptSodium } from '../../engine/src/crypto/sodium.ts';
import { all, pieces } from '../engine/pieces.ts';
import { exitCode, LENGTHS, missing, sample, tool } from './realTools.ts';

/** What WAL-G does with libsodium, in C: header, chunks of 8192, the short last one with the final tag. The key is a file. */
const program = `
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#define CHUNK 8192
int main(int count, char **args) {
  unsigned char key[32], header[24], plain[CHUNK], stored[CHUNK + 17], tag;
  unsigned long long length;
  crypto_secretstream_xchacha20poly1305_state state;
  FILE *key_file = fopen(args[2], "rb");
  if (count != 3 || sodium_init() < 0 || !key_file || fread(key, 1, 32, key_file) != 32) return 2;
  if (strcmp(args[1], "encrypt") == 0) {
    crypto_secretstream_xchacha20poly1305_init_push(&state, header, key);
    fwrite(header, 1, sizeof header, stdout);
    for (;;) {
      size_t got = fread(plain, 1, CHUNK, stdin);
      tag = got < CHUNK ? crypto_secretstream_xchacha20poly1305_TAG_FINAL : 0;
      crypto_secretstream_xchacha20poly1305_push(&state, stored, &length, plain, got, NULL, 0, tag);
      fwrite(stored, 1, length, stdout);
      if (tag) return 0;
    }
  }
  if (fread(header, 1, sizeof header, stdin) != sizeof header) return 3;
  if (crypto_secretstream_xchacha20poly1305_init_pull(&state, header, key) != 0) return 4;
  for (;;) {
    size_t got = fread(stored, 1, sizeof stored, stdin);
    if (got == 0) return 5;
    if (crypto_secretstream_xchacha20poly1305_pull(&state, plain, &length, &tag, stored, got, NULL, 0) != 0) return 6;
    fwrite(plain, 1, length, stdout);
    if (tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL) return fread(stored, 1, 1, stdin) == 0 ? 0 : 7;
  }
}
`;

const noCompiler = missing('gcc');
const noLibrary = noCompiler ?? missing('bash', '-c', 'echo "#include <sodium.h>" | gcc -E - -o /dev/null');

describe.skipIf(noLibrary)(`libsodium in C${noLibrary ? `: ${noLibrary}` : ''}`, () => {
  let folder: string;
  let real: string;
  let keyFile: string;
  const key = Uint8Array.from({ length: 32 }, (_, index) => 255 - index);

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'restorable-sodium-'));
    real = join(folder, 'stream');
    keyFile = join(folder, 'key');
    writeFileSync(join(folder, 'stream.c'), program);
    writeFileSync(keyFile, key, { mode: 0o600 });
    tool('gcc', ['-O1', '-o', real, join(folder, 'stream.c'), '-lsodium']);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(LENGTHS)('what it writes we read, what we write it reads (%i bytes)', async (length) => {
    const plain = sample(length);
    const theirs = tool(real, ['encrypt', keyFile], plain);
    expect(
      Buffer.from(await all(decryptSodium(pieces(theirs, 5_000), key, { size: theirs.length }))).equals(plain),
    ).toBe(true);
    const ours = await all(encryptSodium(pieces(plain, 3_000), key));
    expect(ours.length).toBe(theirs.length);
    expect(tool(real, ['decrypt', keyFile], ours).equals(plain)).toBe(true);
  });

  test('what we find damaged it refuses as well', async () => {
    const stream = await all(encryptSodium(pieces(sample(50_000), 3_000), key));
    stream[30_000] = (stream[30_000] as number) ^ 1;
    expect(exitCode(real, ['decrypt', keyFile], stream)).toBe(6);
    await expect(all(decryptSodium(pieces(stream, 1_000), key))).rejects.toMatchObject({
      failure: { code: 'damaged' },
    });
  });
});
