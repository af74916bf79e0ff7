/**
 * `npm run fuzz -- [--seconds 60] [--seed N] [FOLDER...]`: accidents to files, over and over, until somebody throws or is slow.
 * Takes the examples, and every folder that is named. Says the seed of what it finds.
 */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isCandidate } from '../server/src/candidates.ts';
import { explain } from '../server/src/core/queries/explanation.ts';
import { hover } from '../server/src/core/queries/hover.ts';
import { lenses } from '../server/src/core/queries/lenses.ts';
import { allRules } from '../server/src/core/rules/all.ts';
import { Workspace } from '../server/src/core/workspace.ts';
import { toUri } from '../server/src/uris.ts';
import { mutate } from '../test/corpus/mutation.ts';
import { numbersFrom } from '../test/interop/confGenerator.ts';

const { values, positionals } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string', default: String(Date.now() % 1e9) } },
  allowPositionals: true,
});

const below = (folder: string): string[] =>
  readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? below(path) : isCandidate(path) ? [path] : [];
  });
const paths = ['examples', ...positionals].flatMap(below);
const texts = paths.map((path) => ({ uri: toUri(path), text: readFileSync(path, 'utf8') }));

/** Milliseconds for each started megabyte, and bytes of heap. */
const slowMs = 1_000;
const mostHeap = 256 * 2 ** 20;

let failed = 0;
let seed = Number(values.seed);
let cases = 0;
const end = Date.now() + Number(values.seconds) * 1_000;
while (Date.now() < end) {
  const random = numbersFrom(++seed);
  const { uri, text } = texts[Math.floor(random() * texts.length)]!;
  // Now and then a large one.
  const base = random() < 0.02 ? `${text}\n---\n`.repeat(Math.ceil(900_000 / (text.length + 5))) : text;
  const mutated = mutate(base, random);
  const fail = (what: string) => {
    failed++;
    console.log(`seed ${seed}, ${uri}: ${what}`);
  };
  Workspace.onRuleError = (rule, error) => fail(`${rule}: ${(error as Error).stack}`);
  const start = process.cpuUsage();
  try {
    const workspace = new Workspace(allRules);
    workspace.setFile(uri, mutated);
    workspace.findings();
    explain(workspace);
    lenses(workspace, uri);
    hover(workspace, uri, Math.floor(random() * mutated.length));
  } catch (error) {
    fail((error as Error).stack ?? String(error));
  }
  const ms = process.cpuUsage(start).user / 1_000;
  if (ms > slowMs * Math.max(1, mutated.length / 1e6))
    fail(`${Math.round(ms)} ms of processor for ${mutated.length} characters`);
  if (process.memoryUsage().heapUsed > mostHeap) {
    (globalThis as { gc?: () => void }).gc?.();
    const { heapUsed } = process.memoryUsage();
    if (heapUsed > mostHeap && 'gc' in globalThis) fail(`${Math.round(heapUsed / 2 ** 20)} MB of heap`);
  }
  cases++;
}
console.log(`${cases} accidents to ${texts.length} files, ${failed} findings`);
process.exitCode = failed > 0 ? 1 : 0;
