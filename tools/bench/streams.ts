/**
 * Encrypted streams beside the tools that people use for them: gpg, openssl, and a small C program on libsodium. One run,
 * turn by turn, so that what else the machine does slows all of them alike; the median of the rounds counts. All read a
 * file and write to nowhere: it is ciphers that are compared, not disks.
 */
import { spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median } from './measured.ts';

export interface StreamMeasure {
  /** `decrypt OpenPGP (AES-256, MDC)`. */
  what: string;
  tool: string;
  /** Bytes of plaintext for each second, ours and theirs. */
  ours: number;
  theirs: number;
  /** How much of theirs ours is: 1 is as fast. */
  ratio: number;
  /** Most memory of our process, in bytes. */
  memory: number;
}

interface Contest {
  what: string;
  tool: string;
  /** Arguments of ourStream.ts. */
  ours: [way: string, file: string, key: string];
  theirs: Command;
}

interface Command {
  program: string;
  args: string[];
  /** A file for its standard input. */
  input?: string;
}

/**
 * @param bytes how much plaintext there is; it does not compress
 * @param rounds how often each takes its turn
 * @returns only those whose tools are here
 */
export function measureStreams(bytes: number, rounds: number): StreamMeasure[] {
  const folder = mkdtempSync(join(tmpdir(), 'restorable-streams-'));
  const file = (name: string) => join(folder, name);
  try {
    writeNoise(file('plain'), bytes);
    writeFileSync(file('pass'), 'a pass phrase for the bench\n', { mode: 0o600 });
    const results: StreamMeasure[] = [];
    for (const prepare of [sodium, gpg, openssl, cms]) {
      for (const contest of prepare(file)) results.push(hold(contest, { bytes, rounds }));
      rmSync(file('encrypted'), { force: true });
    }
    return results;
  } finally {
    spawnSync('gpgconf', ['--homedir', file('gpg'), '--kill', 'gpg-agent'], { stdio: 'ignore' });
    rmSync(folder, { recursive: true, force: true });
  }
}

type InFolder = (name: string) => string;

function sodium(file: InFolder): Contest[] {
  const program = file('secretstream');
  const source = fileURLToPath(new URL('secretstream.c', import.meta.url));
  if (spawnSync('cc', ['-O2', '-o', program, source, '-lsodium'], { stdio: 'ignore' }).status !== 0) return [];
  writeFileSync(file('key'), randomFillSync(Buffer.alloc(32)), { mode: 0o600 });
  const theirs = (way: string, name: string): Command => ({ program, args: [way, file('key')], input: file(name) });
  make(theirs('encrypt', 'plain'), file('encrypted'));
  return [
    {
      what: 'decrypt libsodium',
      tool: 'libsodium in C',
      ours: ['decrypt sodium', file('encrypted'), file('key')],
      theirs: theirs('decrypt', 'encrypted'),
    },
    {
      what: 'encrypt libsodium',
      tool: 'libsodium in C',
      ours: ['encrypt sodium', file('plain'), file('key')],
      theirs: theirs('encrypt', 'plain'),
    },
  ];
}

function gpg(file: InFolder): Contest[] {
  if (spawnSync('gpg', ['--version'], { stdio: 'ignore' }).status !== 0) return [];
  spawnSync('mkdir', ['-m', '700', file('gpg')]);
  const always = ['--homedir', file('gpg'), '--batch', '--quiet', '--pinentry-mode', 'loopback'];
  const theirs = (...more: string[]): Command => ({
    program: 'gpg',
    args: [...always, '--passphrase-file', file('pass'), '-o', '-', ...more],
  });
  const encrypt = theirs('--cipher-algo', 'AES256', '-z', '0', '-c', file('plain'));
  make(encrypt, file('encrypted'));
  return [
    {
      what: 'decrypt OpenPGP (AES-256, MDC)',
      tool: 'gpg',
      ours: ['decrypt openpgp', file('encrypted'), file('pass')],
      theirs: theirs('-d', file('encrypted')),
    },
    {
      what: 'encrypt OpenPGP (AES-256, MDC)',
      tool: 'gpg',
      ours: ['encrypt openpgp', file('plain'), file('pass')],
      theirs: encrypt,
    },
  ];
}

function openssl(file: InFolder): Contest[] {
  if (spawnSync('openssl', ['version'], { stdio: 'ignore' }).status !== 0) return [];
  const scheme = ['-aes-256-cbc', '-pbkdf2', '-iter', '10000', '-pass', `file:${file('pass')}`];
  const theirs = (...more: string[]): Command => ({ program: 'openssl', args: ['enc', ...scheme, ...more] });
  make(theirs('-e', '-in', file('plain')), file('encrypted'));
  return [
    {
      what: 'decrypt openssl enc (AES-256-CBC)',
      tool: 'openssl',
      ours: ['decrypt openssl', file('encrypted'), file('pass')],
      theirs: theirs('-d', '-in', file('encrypted')),
    },
    {
      what: 'encrypt openssl enc (AES-256-CBC)',
      tool: 'openssl',
      ours: ['encrypt openssl', file('plain'), file('pass')],
      theirs: theirs('-e', '-in', file('plain')),
    },
  ];
}

function cms(file: InFolder): Contest[] {
  const certificate = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', file('cms.key'), '-out', file('cms.crt')];
  if (spawnSync('openssl', ['req', ...certificate, '-subj', '/CN=bench'], { stdio: 'ignore' }).status !== 0) return [];
  const encrypt = ['cms', '-encrypt', '-binary', '-aes-256-cbc', '-stream', '-outform', 'DER', '-in', file('plain')];
  make({ program: 'openssl', args: [...encrypt, file('cms.crt')] }, file('encrypted'));
  const decrypt = ['cms', '-decrypt', '-binary', '-inform', 'DER', '-in', file('encrypted'), '-inkey', file('cms.key')];
  return [
    {
      what: 'decrypt CMS (AES-256-CBC)',
      tool: 'openssl',
      ours: ['decrypt cms', file('encrypted'), file('cms.key')],
      theirs: { program: 'openssl', args: decrypt },
    },
  ];
}

function hold(
  { what, tool, ours, theirs }: Contest,
  { bytes, rounds }: { bytes: number; rounds: number },
): StreamMeasure {
  const times = { ours: [] as number[], theirs: [] as number[] };
  let memory = 0;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    make(theirs, '/dev/null');
    times.theirs.push((performance.now() - start) / 1_000);
    const own = ourStream(ours);
    times.ours.push(own.seconds);
    memory = Math.max(memory, own.memory);
  }
  const [ourSeconds, theirSeconds] = [median(times.ours), median(times.theirs)];
  const ratio = theirSeconds / ourSeconds;
  return { what, tool, ours: bytes / ourSeconds, theirs: bytes / theirSeconds, ratio, memory };
}

function ourStream(args: Contest['ours']): { seconds: number; memory: number } {
  const script = fileURLToPath(new URL('ourStream.ts', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', script, ...args], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${args[0]} failed: ${stderr}`);
  return JSON.parse(stdout);
}

/** Runs a tool with its output in a file. */
function make({ program, args, input }: Command, output: string): void {
  const stdin = input === undefined ? 'ignore' : openSync(input, 'r');
  const stdout = openSync(output, 'w');
  const { status } = spawnSync(program, args, { stdio: [stdin, stdout, 'ignore'] });
  if (typeof stdin === 'number') closeSync(stdin);
  closeSync(stdout);
  if (status !== 0) throw new Error(`${program} ended with ${status}`);
}

function writeNoise(path: string, bytes: number): void {
  const handle = openSync(path, 'w');
  const piece = Buffer.alloc(4 * 1024 * 1024);
  for (let left = bytes; left > 0; left -= piece.length)
    writeSync(handle, randomFillSync(piece), 0, Math.min(left, piece.length));
  closeSync(handle);
}
