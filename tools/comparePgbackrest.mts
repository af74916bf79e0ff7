/**
 * `npm run compare-pgbackrest -- [--cases 10000] [--seed 1] [--program pgbackrest] [--list 20]`: what we say of generated
 * configurations against what the program does with them. Ends with 1 when too many differ, or a dropped cipher option is
 * not told.
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Comparison, compare } from '../test/interop/confComparison.ts';
import { generateCase } from '../test/interop/confGenerator.ts';

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    program: { type: 'string', default: 'pgbackrest' },
    list: { type: 'string', default: '20' },
    lanes: { type: 'string', default: '2' },
  },
});

const release = /\d+(?:\.\d+)+/.exec(spawnSync(values.program, ['version'], { encoding: 'utf8' }).stdout ?? '')?.[0];
if (!release) throw new Error(`${values.program} is no pgbackrest`);
const program = { path: values.program, release };
const first = Number(values.seed);
const count = Number(values.cases);

const folder = mkdtempSync(join(tmpdir(), 'restorable-compare-'));
const differing: Comparison[] = [];
const sum = { cases: 0, refused: 0, refusal: 0, options: 0, optionsShown: 0, told: 0, dropped: 0, untold: 0 };
let next = first;

async function lane(name: number): Promise<void> {
  while (next < first + count) {
    const result = await compare(generateCase(next++, release!), program, join(folder, `lane${name}`));
    sum.cases++;
    if (!result.agreesOnRefusal) sum.refusal++;
    if (result.agreesOnOptions !== undefined) sum.optionsShown++;
    if (result.agreesOnOptions === false) sum.options++;
    if (result.isRefusalTold !== undefined) sum.refused++;
    if (result.isRefusalTold) sum.told++;
    sum.dropped += result.droppedCiphers;
    sum.untold += result.untoldCiphers.length;
    const isGood = result.agreesOnRefusal && result.agreesOnOptions !== false && result.untoldCiphers.length === 0;
    if (!isGood || result.isRefusalTold === false) differing.push(result);
  }
}

await Promise.all(Array.from({ length: Number(values.lanes) }, (_, i) => lane(i)));
rmSync(folder, { recursive: true, force: true });

for (const it of differing.slice(0, Number(values.list))) console.log(describe(it));
const percent = (part: number, of: number) => `${((100 * part) / Math.max(of, 1)).toFixed(2)} %`;
console.log(`${sum.cases} configurations, pgbackrest ${release}, seeds ${first} to ${first + count - 1}`);
console.log(`accepted or refused alike: ${percent(sum.cases - sum.refusal, sum.cases)} (${sum.refusal} differ)`);
console.log(
  `the same options in force: ${percent(sum.optionsShown - sum.options, sum.optionsShown)} of ${sum.optionsShown} (${sum.options} differ)`,
);
console.log(`refused ones with an error in check: ${percent(sum.told, sum.refused)} of ${sum.refused}`);
console.log(
  `silently dropped cipher options that are told: ${percent(sum.dropped - sum.untold, sum.dropped)} of ${sum.dropped}`,
);
const isGoodEnough = sum.refusal + sum.options <= 0.005 * sum.cases && sum.untold === 0;
process.exitCode = isGoodEnough ? 0 : 1;

function describe({
  generated,
  run,
  agreesOnRefusal,
  agreesOnOptions,
  ours,
  untoldCiphers,
  isRefusalTold,
}: Comparison): string {
  const said = run.output.split('\n').find((it) => /ERROR/.test(it)) ?? '';
  const lines = [
    `--- seed ${generated.seed}: ${generated.command} --stanza=${generated.stanza}, exit ${run.exit} ${said.trim()}`,
  ];
  if (!agreesOnRefusal) lines.push(`  we say: ${ours.refusal ?? 'accepted'}`);
  if (isRefusalTold === false) lines.push('  check has no error to say');
  if (agreesOnOptions === false) {
    const theirs = new Set(run.options!.split('\n'));
    const mine = new Set(ours.options.split('\n'));
    lines.push(`  only theirs: ${[...theirs].filter((it) => !mine.has(it)).join(' ')}`);
    lines.push(`  only ours:   ${[...mine].filter((it) => !theirs.has(it)).join(' ')}`);
  }
  for (const it of untoldCiphers) lines.push(`  dropped and not told: ${it}`);
  if (process.env.SHOW)
    lines.push(generated.main ?? '', JSON.stringify({ ...generated.fragments, ...generated.environment }));
  return lines.join('\n');
}
