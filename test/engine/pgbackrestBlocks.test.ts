import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { deflateSync } from 'node:zlib';
import { createXXHash128, type IHasher } from 'hash-wasm';
import { beforeAll, describe, expect, test } from 'vitest';
import { once } from '../../engine/src/bytes.ts';
import { encryptPgbackrest } from '../../engine/src/crypto/pgbackrest.ts';
import { Secret } from '../../engine/src/secret.ts';
import { buildRepository, full, incr, passOffer, sha1, temporaryFolder, testOne } from './pgbackrestRepository.ts';
import { all } from './pieces.ts';

const blockBytes = 8192;
const name = 'pg_data/base/1/16384';
/** Five blocks, the last one short; the incremental backup changes the second and the fourth and adds a sixth. */
const before = Buffer.concat([1, 2, 3, 4].map((it) => Buffer.alloc(blockBytes, it)).concat(Buffer.alloc(100, 5)));
const after = Buffer.concat([1, 12, 3, 14, 15].map((it) => Buffer.alloc(blockBytes, it)).concat(Buffer.alloc(200, 16)));

let xxh3: IHasher;
beforeAll(async () => {
  xxh3 = await createXXHash128();
});

interface Kind {
  compression: 'gz' | 'none';
  isEncrypted: boolean;
  isBundled: boolean;
}

describe.each<Kind>([
  { compression: 'gz', isEncrypted: true, isBundled: true },
  { compression: 'gz', isEncrypted: false, isBundled: false },
  { compression: 'none', isEncrypted: true, isBundled: false },
  { compression: 'none', isEncrypted: false, isBundled: true },
])('block incremental: $compression, encrypted $isEncrypted, bundled $isBundled', (kind) => {
  test('puts the file together from the blocks of both backups', async () => {
    const root = await buildBlocks(kind);
    const keys = kind.isEncrypted ? [passOffer()] : [];
    for (const [label, contents] of [
      [full, before],
      [incr, after],
    ] as const) {
      const to = path.join(temporaryFolder(), 'pg');
      const report = await testOne(root, { keys, backup: label, to });
      expect(report.failure).toBeNull();
      expect(report.backup).toMatchObject({ isBlockIncremental: true });
      expect(readFileSync(path.join(to, 'base/1/16384')).equals(contents)).toBe(true);
    }
  });

  test('reports a changed byte of every super block and of the map, in the backup where it lies', async () => {
    for (const label of [full, incr]) {
      const root = await buildBlocks(kind);
      const object = objectOf(kind, label);
      const stored = readFileSync(path.join(root, object));
      for (let at = 0; at < stored.length; at += Math.max(1, Math.floor(stored.length / 12))) {
        const changed = Buffer.from(stored);
        changed[at] = (changed[at] ?? 0) ^ 0x01;
        writeFileSync(path.join(root, object), changed);
        const report = await testOne(root, { keys: kind.isEncrypted ? [passOffer()] : [], backup: label });
        expect(report.failure, `byte ${at} of ${label}`).toMatchObject({ path: object });
        expect(['damaged', 'truncated', 'hostile', 'unsupported']).toContain(report.failure?.code);
      }
      writeFileSync(path.join(root, object), stored.subarray(0, stored.length - 3));
      expect(
        (await testOne(root, { keys: kind.isEncrypted ? [passOffer()] : [], backup: label })).failure,
      ).toMatchObject({ code: 'truncated', path: object });
    }
  });
});

function objectOf({ isBundled }: Kind, label: string): string {
  return `backup/demo/${label}/${isBundled ? 'bundle/1' : `${name}.pgbi`}`;
}

/** A full and an incremental backup with one file in blocks, written by the grammar of the block map. */
async function buildBlocks(kind: Kind): Promise<string> {
  let olderSuperBlock = 0;
  return buildRepository({
    ...kind,
    withIncremental: true,
    manifest: async (sections, label, root) => {
      const given = sections.cipher?.['cipher-pass'];
      const pass = given === undefined ? undefined : Secret.fromText(String(given));
      const store = async (plain: Uint8Array) =>
        pass ? all(encryptPgbackrest(once(plain), pass, { isRaw: true })) : plain;
      const pack = (plain: Uint8Array) => store(kind.compression === 'gz' ? deflateSync(plain) : plain);
      let superBlock: Uint8Array;
      let map: Uint8Array;
      const contents = label === full ? before : after;
      if (label === full) {
        superBlock = await pack(before);
        olderSuperBlock = superBlock.length;
        // One group for reference 0, one super block of four whole blocks and 100 bytes.
        map = Buffer.concat([
          varint(0),
          varint((0 << 3) | 1 | (kind.isBundled ? 2 : 0)),
          ...(kind.isBundled ? [varint(1)] : []),
          varint((superBlock.length << 3) | 1 | 2),
          varint((4 << 1) | 1),
          varint(100),
          ...checksums(before, 0, 5),
        ]);
      } else {
        const changed = Buffer.concat([blockOf(after, 1), blockOf(after, 3), blockOf(after, 4), blockOf(after, 5)]);
        superBlock = await pack(changed);
        const bundle = kind.isBundled ? [varint(1)] : [];
        const flags = kind.isBundled ? 2 : 0;
        map = Buffer.concat([
          varint(0),
          // Block 0: the first of the older super block.
          varint((0 << 3) | flags),
          ...bundle,
          varint((olderSuperBlock << 3) | 1 | 2 | 4),
          varint((4 << 1) | 1),
          varint(100),
          varint(0 << 1),
          ...checksums(after, 0, 1),
          // Block 1: the first of ours.
          varint((1 << 3) | flags),
          ...bundle,
          varint((zigzag(superBlock.length - olderSuperBlock) << 3) | 1 | 2 | 4),
          varint((3 << 1) | 1),
          varint(200),
          varint(0 << 1),
          ...checksums(after, 1, 1),
          // Block 2: the older one again, after a gap of one block.
          varint((0 << 3) | 2 | 4),
          varint((0 << 1) | 1),
          varint(1),
          ...checksums(after, 2, 1),
          // Blocks 3 to 5: ours, continued to its end.
          varint((1 << 3) | 1 | 2 | 4),
          varint(2 << 1),
          ...checksums(after, 3, 3),
        ]);
      }
      const storedMap = await store(map);
      const object = path.join(root, objectOf(kind, label));
      mkdirSync(path.dirname(object), { recursive: true });
      const stored = Buffer.concat([superBlock, storedMap]);
      writeFileSync(object, stored);
      const files = sections['target:file'] as Record<string, unknown>;
      files[name] = {
        bi: 1,
        bim: storedMap.length,
        ...(kind.isBundled ? { bni: 1 } : {}),
        checksum: sha1(contents),
        rck: createHash('sha1').update(stored).digest('hex'),
        'repo-size': stored.length,
        size: contents.length,
        timestamp: 1_767_268_800,
      };
    },
  });
}

function blockOf(contents: Buffer, index: number): Buffer {
  return contents.subarray(index * blockBytes, (index + 1) * blockBytes);
}

function checksums(contents: Buffer, first: number, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, index) =>
    xxh3
      .init()
      .update(blockOf(contents, first + index))
      .digest('binary')
      .subarray(0, 6),
  );
}

function zigzag(value: number): number {
  return value < 0 ? -value * 2 - 1 : value * 2;
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let left = value;
  do {
    bytes.push((left & 0x7f) | (left > 127 ? 0x80 : 0));
    left = Math.floor(left / 128);
  } while (left > 0);
  return Uint8Array.from(bytes);
}
