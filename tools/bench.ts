// Measures the budgets of the product and prints them; `--check` also holds those that do not depend on the machine:
// ratios within one run, sizes and memory. Absolute times are printed for people, never judged.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { allRules } from '../server/src/core/rules/all.ts';
import { Workspace } from '../server/src/core/workspace.ts';
import { measureServers, table } from './bench/languageServer.ts';
import { measureRepositories, missingForRepositories } from './bench/pgbackrest.ts';
import { measureStreams } from './bench/streams.ts';
import { measureWalg, missingForWalg } from './bench/walg.ts';

interface Measure {
  what: string;
  value: string;
  budget: string;
  /** undefined: for people to read. */
  isHeld?: boolean;
}

const isCheck = process.argv.includes('--check');
const measures: Measure[] = [];

void main();

async function main(): Promise<void> {
  measureKeystrokes();
  measureCheck();
  measurePackage();
  await measureLanguageServers();
  measureEncryptedStreams();
  await measureRepositoriesBesidePgbackrest();
  await measureBucketsBesideWalg();

  const width = Math.max(...measures.map((it) => it.what.length));
  for (const { what, value, budget, isHeld } of measures) {
    const mark = isHeld === undefined ? ' ' : isHeld ? '✔' : '✘';
    console.log(`${mark} ${what.padEnd(width)}  ${value.padStart(12)}   budget ${budget}`);
  }
  if (!isCheck) return;
  const judged = measures.filter((it) => it.isHeld !== undefined);
  const failed = judged.filter((it) => !it.isHeld).length;
  console.log(`${judged.length - failed} passed, ${failed} failed`);
  process.exitCode = failed > 0 ? 1 : 0;
}

/** Over the protocol, beside yaml-language-server. `--check` is lenient: a busy machine is hard on whoever starts first. */
async function measureLanguageServers(): Promise<void> {
  const all = await measureServers();
  console.log(`${table(all)}\n`);
  for (const ours of all.filter((it) => it.server === 'restorable')) {
    const theirs = all.find((it) => it.scenario === ours.scenario && it.server !== ours.server);
    if (!theirs) continue;
    const start = ours.firstFindingsMs / theirs.firstFindingsMs;
    measures.push({
      what: `start to first findings by yaml-language-server's, ${ours.scenario}`,
      value: start.toFixed(2),
      budget: '0.5',
      isHeld: start <= 1,
    });
    const keystroke = ours.keystrokeMs / theirs.keystrokeMs;
    measures.push({
      what: `keystroke to findings by yaml-language-server's, ${ours.scenario}`,
      value: keystroke.toFixed(2),
      budget: '1',
      isHeld: keystroke <= 1,
    });
    if (ours.residentMb !== undefined) {
      measures.push({
        what: `resident memory, ${ours.scenario}`,
        value: `${ours.residentMb.toFixed(0)} MB`,
        budget: '150 MB',
        isHeld: ours.residentMb <= 200,
      });
    }
  }
}

/** From a keystroke in the middle of a file to the findings of all files. */
function measureKeystrokes(): void {
  // Turn by turn; the first rounds are those of a program that is not warm yet.
  const rounds = [[keystroke(1), keystroke(500)]] as [number, number][];
  const memory = process.memoryUsage().heapUsed / 1e6;
  for (let round = 0; round < 4; round++) rounds.push([keystroke(1), keystroke(500)]);
  const one = Math.min(...rounds.map((it) => it[0]));
  const thousand = Math.min(...rounds.map((it) => it[1]));
  measures.push({ what: 'keystroke to findings, 1 document', value: `${one.toFixed(2)} ms`, budget: '10 ms' });
  measures.push({
    what: 'keystroke to findings, 1,000 documents',
    value: `${thousand.toFixed(2)} ms`,
    budget: '10 ms',
  });
  // Below a few milliseconds the clock and the collector are what is measured: it fails where both budgets are missed.
  const ratio = thousand / Math.max(one, 1);
  measures.push({
    what: 'the second by the first',
    value: ratio.toFixed(2),
    budget: '2',
    isHeld: ratio <= 2 || thousand <= 10,
  });
  measures.push({
    what: 'heap with both open',
    value: `${memory.toFixed(0)} MB`,
    budget: '150 MB',
    isHeld: memory <= 150,
  });
}

function keystroke(pairs: number): number {
  const text = Array.from({ length: pairs }, (_, i) => storageAndSecret(i)).join('---\n');
  const workspace = new Workspace(allRules);
  const uri = 'file:///bench/storages.yaml';
  workspace.setFile(uri, text);
  workspace.findings();
  const at = text.indexOf(`{name: s${Math.floor(pairs / 2)},`) + '{name: s'.length;
  const times = Array.from({ length: 101 }, (_, i) => {
    const changed = text.slice(0, at) + 'x'.repeat(1 + (i % 5)) + text.slice(at);
    const start = performance.now();
    workspace.setFile(uri, changed);
    workspace.findings();
    return performance.now() - start;
  });
  return times.toSorted((a, b) => a - b)[50]!;
}

/** `restorable check` of 1,000 files, as a pre-commit hook runs it: start of the program included. */
function measureCheck(): void {
  if (!existsSync('dist/cli.js')) return;
  const folder = mkdtempSync(join(tmpdir(), 'restorable-bench-'));
  try {
    for (let i = 0; i < 1_000; i++) {
      const part = join(folder, `ns${i % 20}`);
      mkdirSync(part, { recursive: true });
      writeFileSync(join(part, `storage${i}.yaml`), storageAndSecret(i));
    }
    const times = Array.from({ length: 3 }, () => {
      const start = performance.now();
      const { status } = spawnSync(process.execPath, ['dist/cli.js', 'check', '--format', 'json', folder], {
        maxBuffer: 1e9,
      });
      if (status !== 0) throw new Error(`restorable check ended with ${status}`);
      return performance.now() - start;
    });
    const median = times.toSorted((a, b) => a - b)[1]!;
    measures.push({ what: 'check of 1,000 manifests', value: `${(median / 1_000).toFixed(2)} s`, budget: '2 s' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function measurePackage(): void {
  const file = `restorable-${process.env.npm_package_version ?? '0.1.0'}.vsix`;
  if (!existsSync(file)) return;
  const size = statSync(file).size / 1e6;
  measures.push({ what: 'the packaged extension', value: `${size.toFixed(2)} MB`, budget: '5 MB', isHeld: size <= 5 });
}

function storageAndSecret(i: number): string {
  return `apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: s${i}, namespace: db}
spec:
  type: s3Compatible
  s3Compatible:
    bucket: backups
    endpoint: http://minio:9000
    region: k8s
    enablePathStyleAddressing: true
    awsCredentials:
      secretKeySelectors:
        accessKeyId: {name: k${i}, key: id}
        secretAccessKey: {name: k${i}, key: secret}
  encryption:
    method: sodium
    sodium: {key: {name: e${i}, key: key}, keyTransform: hex}
---
apiVersion: v1
kind: Secret
metadata: {name: e${i}, namespace: db}
stringData: {key: "${(i + 1).toString(16).padStart(4, 'f').repeat(16)}"}
`;
}

/** 1 GB through each cipher, beside its own tool; a check makes do with less, and `STREAM_MB` says how much. */
function measureEncryptedStreams(): void {
  const bytes = Number(process.env.STREAM_MB ?? (isCheck ? 400 : 1_000)) * 1e6;
  if (!(bytes > 0)) return;
  let memory = 0;
  for (const it of measureStreams(bytes, 3)) {
    memory = Math.max(memory, it.memory);
    const speeds = `${(it.ours / 1e6).toFixed(0)} by ${(it.theirs / 1e6).toFixed(0)} MB/s`;
    measures.push({
      what: `${it.what}, by ${it.tool}: ${speeds}`,
      value: it.ratio.toFixed(2),
      budget: '0.8',
      isHeld: heldRatio(it.ratio),
    });
  }
  if (memory > 0)
    measures.push({
      what: 'most memory of a stream',
      value: `${(memory / 1e6).toFixed(0)} MB`,
      budget: '300 MB',
      isHeld: memory <= 300e6,
    });
}

/**
 * Test-restores of a pgBackRest repository, beside pgbackrest. `REPOSITORY_MB` says how large the cluster is (0 leaves it
 * out); a check makes do with less, and holds what a busy machine does not blur: the mean over all kinds, and memory.
 */
async function measureRepositoriesBesidePgbackrest(): Promise<void> {
  const bytes = Number(process.env.REPOSITORY_MB ?? (isCheck ? 300 : 1_200)) * 1e6;
  if (!(bytes > 0)) return;
  const missing = missingForRepositories();
  if (missing) {
    console.log(`left out: a test-restore beside pgbackrest needs ${missing}`);
    return;
  }
  const { repositories, memory } = await measureRepositories({
    bytes,
    rounds: 3,
    largeFileBytes: isCheck ? 2e9 : 20e9,
    smallFiles: isCheck ? 100_000 : 300_000,
    onStep: (step) => process.stderr.write(`test-restore beside pgbackrest: ${step}\n`),
  });
  const times = ({ ours, theirs }: { ours: number; theirs: number }) => `${ours.toFixed(2)} by ${theirs.toFixed(2)} s`;
  const ratio = ({ ours, theirs }: { ours: number; theirs: number }) => ours / theirs;
  for (const { kind, verify, restore } of repositories) {
    // pgbackrest verify hashes what is stored, where a checksum of that is recorded; ours decrypts and decompresses too.
    measures.push({ what: `verify ${kind}: ${times(verify)}`, value: ratio(verify).toFixed(2), budget: '1' });
    measures.push({ what: `restore ${kind}: ${times(restore)}`, value: ratio(restore).toFixed(2), budget: '1' });
  }
  const mean = Math.exp(
    repositories.reduce((sum, it) => sum + Math.log(ratio(it.restore)), 0) / Math.max(repositories.length, 1),
  );
  measures.push({
    what: 'restore by pgbackrest restore, mean of all kinds',
    value: mean.toFixed(2),
    budget: isCheck ? '1.25' : '1',
    isHeld: mean <= (isCheck ? 1.25 : 1),
  });
  const most = [
    ...repositories.map((it) => ({ what: `test-restore of ${it.kind}`, memory: it.memory })),
    ...memory.map((it) => ({ what: `test-restore of ${it.what}, ${it.seconds.toFixed(1)} s`, memory: it.memory })),
  ];
  for (const it of most) {
    measures.push({
      what: `memory of a ${it.what}`,
      value: `${(it.memory / 1e6).toFixed(0)} MB`,
      budget: '300 MB',
      isHeld: it.memory <= 300e6,
    });
  }
}

/**
 * Restores of a WAL-G bucket, beside backup-fetch. `BUCKET_MB` says how large the cluster is (0 leaves it out). A check makes
 * do with less, and holds what a busy machine does not blur: the mean of all kinds, generously, and memory.
 */
async function measureBucketsBesideWalg(): Promise<void> {
  const bytes = Number(process.env.BUCKET_MB ?? (isCheck ? 250 : 1_000)) * 1e6;
  if (!(bytes > 0)) return;
  const missing = missingForWalg();
  if (missing) {
    console.log(`left out: a test-restore beside wal-g: ${missing}`);
    return;
  }
  const all = await measureWalg(bytes, 3);
  for (const { kind, ours, verify, theirs, memory } of all) {
    const beside = (seconds: number) => `${seconds.toFixed(2)} by ${theirs.toFixed(2)} s`;
    measures.push({
      what: `restore WAL-G, ${kind}: ${beside(ours)}`,
      value: (ours / theirs).toFixed(2),
      budget: '1',
    });
    measures.push({
      what: `test-restore WAL-G that writes nothing, ${kind}: ${beside(verify)}`,
      value: (verify / theirs).toFixed(2),
      budget: '1',
    });
    measures.push({
      what: `memory of a test-restore of WAL-G, ${kind}`,
      value: `${(memory / 1e6).toFixed(0)} MB`,
      budget: '300 MB',
      isHeld: memory <= 300e6,
    });
  }
  const ratios = all.map(({ ours, theirs }) => ours / theirs).filter((it) => Number.isFinite(it));
  if (ratios.length === 0) return;
  const mean = Math.exp(ratios.reduce((sum, it) => sum + Math.log(it), 0) / ratios.length);
  measures.push({
    what: 'restore WAL-G by wal-g backup-fetch, mean of all kinds',
    value: mean.toFixed(2),
    budget: '1',
    isHeld: heldRatio(1 / mean),
  });
}

/**
 * Whoever else uses the cores hits a program with threads harder than one without: on a busy machine nothing is judged, and
 * what misses the budget is told, and left to people. A slow path taken by mistake is at a tenth.
 */
function heldRatio(ratio: number): boolean | undefined {
  if (ratio >= 0.8) return true;
  const isBusy = (loadavg()[0] ?? 0) > availableParallelism() + 1;
  return isBusy || ratio >= 0.35 ? undefined : false;
}
