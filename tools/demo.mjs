/**
 * `npm run demo`: the main job from one end to the other on examples/, with dist/cli.js as a user would call it. Checks a
 * workspace, makes keys, writes a Secret, test-restores real archives, and ends with a table. Exit code 0 only when
 * everything came out as it must, expected failures included.
 */

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);
const cli = join('dist', 'cli.js');
const program = join(root, cli);
const archives = 'examples/archives';
const keys = `${archives}/keys`;
const part = 'part_001.tar.lz4';
const startMs = performance.now();

const hasColours = !process.env.NO_COLOR && (process.stdout.isTTY || Boolean(process.env.FORCE_COLOR));
const paint = (code, text) => (hasColours ? `\u001b[${code}m${text}\u001b[0m` : text);
const say = (text = '') => process.stdout.write(`${text}\n`);
const width = Math.min(process.stdout.columns ?? 80, 100);

/** The mistakes that were put into the examples: every one of them has to be found. */
const EXPECTED_FINDINGS = [
  'examples/percona/secret.yaml: repo-pass-without-type',
  'examples/percona/backup.yaml: unknown-repository',
  'examples/pgbackrest/pgbackrest.conf: misspelt-cipher-option',
  'examples/pgbackrest/conf.d/s3.conf: inline-comment',
  'examples/pgbackrest/conf.d/s3.conf: duplicate-option',
  'examples/stackgres/cluster.yaml: unknown-object-storage',
  'examples/stackgres/secrets.yaml: openpgp-key-public',
  'examples/stackgres/storages.yaml: sodium-key-transform',
];

/** What did not come out as it must. */
const surprises = [];

const work = mkdtempSync(join(tmpdir(), 'restorable-demo-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));
process.on('SIGINT', () => process.exit(130));

say(paint('1', 'Restorable: backup configuration that you can prove restores'));
say(`Below, ${paint('1', 'restorable')} stands for ${paint('1', `node ${cli}`)}.`);

await checkTheWorkspace();
await makeKeys();
const results = await testRestoreEverything();
verdictTable(results);
whatNext();

const seconds = (performance.now() - startMs) / 1000;
say();
if (surprises.length === 0) {
  say(paint('32', `✔ Everything came out as it must, in ${seconds.toFixed(0)} s.`));
} else {
  say(paint('31', '✘ Not everything came out as it must:'));
  for (const it of surprises) say(`  ${it}`);
  process.exitCode = 1;
}

async function checkTheWorkspace() {
  title('1', 'A workspace that follows the guides');
  say('examples/ holds clusters, storages, Secrets and pgbackrest.conf files as people');
  say('write them. What is wrong in there, nobody would notice before the audit.');
  const { code } = await show(['check', 'examples']);
  expect('check examples', 'exit code', code, 1);

  const json = await quietly(['check', 'examples', '--format', 'json']);
  const { diagnostics } = JSON.parse(json.stdout);
  const found = new Set(diagnostics.map((it) => `${it.file}: ${it.code}`));
  for (const it of EXPECTED_FINDINGS) if (!found.has(it)) surprises.push(`not found: ${it}`);
  const inRight = diagnostics.filter((it) => /^examples\/crunchy\//.test(it.file) && it.severity === 'error');
  for (const it of inRight) surprises.push(`found where everything is right: ${it.file}: ${it.code}`);
}

async function makeKeys() {
  title('2', 'Keys, and a Secret to hold one');
  say('In a temporary folder. No key is ever shown on a terminal; the files are');
  say('readable by their owner only.');
  for (const args of [
    ['keygen', 'pgbackrest', '--out', 'repo1-cipher-pass'],
    ['keygen', 'openpgp', '--type', 'curve25519', '--name', 'Demo', '--out', 'demo.asc'],
    ['keygen', 'sodium', '--secret', 'backup-key', '--namespace', 'databases', '--out', 'secret.yaml'],
  ]) {
    const { code } = await show(args, work);
    expect(args.slice(0, 2).join(' '), 'exit code', code, 0);
  }
  say();
  say(
    paint(
      '2',
      readFileSync(at('secret.yaml'), 'utf8')
        .replace(/("|key=)[0-9A-Za-z+/=]{40,}/g, '$1«secret»')
        .trimEnd(),
    ),
  );
}

async function testRestoreEverything() {
  title('3', 'Do the archives restore?');
  say('Real archives, made by the real tools from one small PostgreSQL. Nothing is');
  say('written: they are decrypted, decompressed and checked to the last byte.');
  const damaged = damage(`${archives}/wal-g-sodium/${part}`, 'damaged.tar.lz4');
  const jobs = [
    {
      name: 'pgBackRest repository',
      args: [`${archives}/pgbackrest/repo`, '--config', `${archives}/pgbackrest/pgbackrest.conf`],
      code: 0,
      restorable: true,
    },
    {
      name: 'part of WAL-G, libsodium',
      args: [`${archives}/wal-g-sodium/${part}`, '--config', 'examples/stackgres'],
      code: 0,
      restorable: null,
    },
    {
      name: 'part of WAL-G, OpenPGP',
      args: [`${archives}/wal-g-openpgp/${part}`, '--config', 'examples/stackgres'],
      code: 0,
      restorable: null,
    },
    {
      name: 'pg_dump, gpg passphrase',
      args: [`${archives}/shop.dump.gpg`, '--passphrase-file', `${keys}/gpg-passphrase.txt`],
      code: 0,
      restorable: true,
    },
    {
      name: 'pg_dump, gpg public key',
      args: [`${archives}/shop.sql.gz.gpg`, '--key-file', `${keys}/backup-team.private.asc`],
      code: 0,
      restorable: true,
    },
    {
      name: 'pg_dump, openssl enc',
      args: [`${archives}/shop.sql.gz.enc`, '--passphrase-file', `${keys}/openssl-passphrase.txt`],
      code: 0,
      restorable: true,
    },
    {
      name: 'libsodium, one byte changed',
      args: [damaged, '--config', 'examples/stackgres'],
      code: 13,
      restorable: false,
    },
    {
      name: 'OpenPGP, with the key of step 2',
      args: [`${archives}/wal-g-openpgp/${part}`, '--key-file', at('demo.asc')],
      code: 12,
      restorable: false,
    },
  ];
  const results = [];
  for (const { name, args, code: expected, restorable } of jobs) {
    const { code } = await show(['test-restore', ...args]);
    expect(name, 'exit code', code, expected);
    const { stdout } = await quietly(['test-restore', ...args, '--json']);
    const report = JSON.parse(stdout);
    expect(name, 'restorable', report.verdict.restorable, restorable);
    results.push({ name, expected, code, report });
  }
  return results;
}

function verdictTable(results) {
  title('4', 'The verdicts');
  const column = Math.max(...results.map((it) => it.name.length)) + 2;
  const ticks = ['decrypted', 'authentic', 'complete', 'restorable'];
  say(paint('2', `${''.padEnd(column)}${ticks.map((it) => it.padEnd(it.length + 2)).join('')}`.trimEnd()));
  for (const { name, report } of results) {
    const cells = ticks.map((it) => {
      const tick = report.verdict[it];
      const sign = tick === null ? paint('33', '?') : tick ? paint('32', '✔') : paint('31', '✘');
      return `    ${sign}${' '.repeat(it.length - 3)}`;
    });
    say(`${name.padEnd(column)}${cells.join('')}`.trimEnd());
    if (report.failure) say(paint('2', `${'  '}${describeFailure(report.failure)}`));
  }
  say();
  say('✔ proven   ✘ disproven   ? cannot be proven: AES-CBC, which openssl enc and');
  say('pgBackRest use, authenticates nothing, and one part cannot speak for a backup.');
}

function whatNext() {
  title('5', 'What to type next');
  const rows = [
    ['npm run code', 'these examples in VS Code, with findings as you type'],
    [`node ${cli} check YOUR-FOLDER`, 'your own configuration'],
    [`node ${cli} inspect YOUR-ARCHIVE`, 'what an archive is and which key opens it'],
    [`node ${cli} test-restore YOUR-ARCHIVE --help`, 'how to prove that it restores'],
  ];
  for (const [line, what] of rows) {
    say(`  ${paint('1', line)}`);
    say(`      ${what}`);
  }
}

function describeFailure({ code, offset, path }) {
  const place = [path && `in ${path}`, offset !== null && `at byte ${offset.toLocaleString('en')}`].filter(Boolean);
  return `${code}${place.length > 0 ? ` ${place.join(' ')}` : ''}, as it must be`;
}

function title(number, text) {
  const head = `── ${number}. ${text} `;
  say();
  say(paint('1;36', head + '─'.repeat(Math.max(0, width - head.length))));
}

/** Runs a command before the eyes of the reader, with its line above it. */
async function show(args, folder = root) {
  say();
  say(commandLine(args));
  return run(args, { folder, stdout: 'inherit' });
}

function quietly(args) {
  return run(args, { folder: root, stdout: 'pipe' });
}

/** As one would type it: over several lines where it is too long for one. */
function commandLine(args) {
  const shown = args.map((it) => (it.startsWith(work) ? `$TMP${it.slice(work.length).replaceAll('\\', '/')}` : it));
  const lines = ['$ restorable'];
  for (const it of shown) {
    if (`${lines.at(-1)} ${it} \\`.length > width && lines.at(-1) !== '$ restorable') lines.push(`    ${it}`);
    else lines[lines.length - 1] += ` ${it}`;
  }
  return lines.map((it, index) => paint('1', index < lines.length - 1 ? `${it} \\` : it)).join('\n');
}

function run(args, { folder, stdout: output }) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { cwd: folder, stdio: ['ignore', output, 'inherit'] });
    let stdout = '';
    child.stdout?.setEncoding('utf8').on('data', (it) => {
      stdout += it;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout }));
  });
}

function at(name) {
  return join(work, name);
}

/** A copy with one byte changed, in the middle. */
function damage(path, name) {
  const copy = at(name);
  const bytes = readFileSync(path);
  const middle = bytes.length >> 1;
  bytes[middle] ^= 0x01;
  writeFileSync(copy, bytes);
  return copy;
}

function expect(subject, what, actual, expected) {
  if (actual !== expected) surprises.push(`${subject}: ${what} is ${actual}, not ${expected}`);
}
