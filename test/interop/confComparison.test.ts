/** A fixed sample of generated configurations; the whole comparison is `npm run compare-pgbackrest`. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compareReleases, latestRelease } from '../../server/src/core/pgbackrest/options.ts';
import { compare } from './confComparison.ts';
import { generateCase } from './confGenerator.ts';

const release = /\d+(?:\.\d+)+/.exec(spawnSync('pgbackrest', ['version'], { encoding: 'utf8' }).stdout ?? '')?.[0];
const isKnown = release !== undefined && compareReleases(release, latestRelease) <= 0;

describe.skipIf(!isKnown)(`generated configurations, pgbackrest ${release}`, () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'restorable-compare-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('the same ones are refused, the same options are in force, no dropped cipher option stays untold', async () => {
    const differing: number[] = [];
    const untold: string[] = [];
    let shown = 0;
    let dropped = 0;
    const count = 400;
    for (let seed = 20_001; seed <= 20_000 + count; seed++) {
      const result = await compare(generateCase(seed, release!), { path: 'pgbackrest', release: release! }, folder);
      if (!result.agreesOnRefusal || result.agreesOnOptions === false) differing.push(seed);
      if (result.agreesOnOptions !== undefined) shown++;
      dropped += result.droppedCiphers;
      untold.push(...result.untoldCiphers.map((it) => `seed ${seed}: ${it}`));
    }
    expect(untold).toEqual([]);
    expect(differing.length, `seeds ${differing.join()}`).toBeLessThanOrEqual(count * 0.005);
    // The sample is worth something only while it has both kinds in it.
    expect(shown).toBeGreaterThan(count / 4);
    expect(dropped).toBeGreaterThan(20);
  });
});
