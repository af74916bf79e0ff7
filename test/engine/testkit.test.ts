/** Every vector of the testkit gets exactly the verdict that its header says, as anybody else would run it. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXIT_CODE } from '../../engine/src/failure.ts';
import type { KeyOffer } from '../../engine/src/job.ts';
import type { Report, Tick } from '../../engine/src/report.ts';
import { runJob } from '../../engine/src/run.ts';
import { quietContext } from '../../engine/src/run-context.ts';
import { parseVector, type Vector, type VectorTick } from '../support/vector.ts';

const kit = new URL('../vectors/testkit/', import.meta.url);
const names = readdirSync(kit).sort();

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'restorable-testkit-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the testkit has good and bad vectors of every kind', () => {
  const kinds = new Map<string, Set<boolean>>();
  for (const name of names) {
    const { kind, exit } = read(name);
    kinds.set(kind, (kinds.get(kind) ?? new Set()).add(exit === 0));
  }
  expect(kinds.size).toBeGreaterThanOrEqual(17);
  for (const [kind, outcomes] of kinds) expect([kind, outcomes.size]).toEqual([kind, 2]);
});

describe.each(names)('%s', (name) => {
  const vector = read(name);

  test(`${vector.kind}, ${vector.note}: ${vector.code}`, async () => {
    const report = await testRestore(place(name, vector), vector);
    const { verdict, failure } = report;
    expect({
      decrypted: word(verdict.decrypted),
      authentic: word(verdict.authentic),
      complete: word(verdict.complete),
      restorable: word(verdict.restorable),
      code: failure?.code ?? 'none',
      exit: failure ? EXIT_CODE[failure.code] : 0,
    }).toEqual({
      decrypted: vector.decrypted,
      authentic: vector.authentic,
      complete: vector.complete,
      restorable: vector.restorable,
      code: vector.code,
      exit: vector.exit,
    });
    for (const reason of Object.values(report.because)) expect(reason).not.toBe('');
  });
});

function read(name: string): Vector {
  return parseVector(readFileSync(new URL(name, kit)));
}

/** Stores a vector as its header says. */
function place(name: string, { file, isFolder, payload }: Vector): string {
  const own = path.join(folder, name);
  mkdirSync(own);
  const stored = path.join(own, file);
  if (!isFolder) {
    writeFileSync(stored, payload);
    return stored;
  }
  mkdirSync(stored);
  execFileSync('tar', ['-xzf', '-', '-C', stored], { input: payload });
  return stored;
}

async function testRestore(archive: string, { key, passphrase }: Vector): Promise<Report> {
  const keys = key === undefined ? [] : [offer(key, passphrase)];
  const outcome = await runJob({ kind: 'test-restore', archive, keys }, quietContext());
  if (!outcome.ok) throw new Error(`${outcome.failure.code}: ${outcome.failure.message}`);
  return outcome.value[0] as Report;
}

function offer(key: string, passphrase: string | undefined): KeyOffer {
  const [kind = '', text = ''] = [key.slice(0, key.indexOf(' ')), key.slice(key.indexOf(' ') + 1)];
  const bytes = new Uint8Array(Buffer.from(text, kind === 'openpgp' ? 'base64' : 'utf8'));
  switch (kind) {
    case 'password':
      return { kind: 'password', source: 'the vector', bytes };
    case 'openpgp':
      return {
        kind: 'openpgp',
        source: 'the vector',
        bytes,
        ...(passphrase !== undefined && { passphrase: new Uint8Array(Buffer.from(passphrase)) }),
      };
    default:
      return { kind: 'sodium', source: 'the vector', bytes, keyTransform: kind === 'sodium-hex' ? 'hex' : 'base64' };
  }
}

function word(tick: Tick): VectorTick {
  return tick === null ? 'unknown' : tick ? 'yes' : 'no';
}
