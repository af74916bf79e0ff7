/**
 * One stream through the engine to nowhere, for streams.ts: `ourStream.ts WAY FILE KEYFILE`. Prints the seconds it took and
 * the most memory it had, without the start of Node, which no stream of a backup's size notices.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { drain } from '../../engine/src/bytes.ts';
import { openCms } from '../../engine/src/crypto/cms.ts';
import { openOpenpgp } from '../../engine/src/crypto/openpgp.ts';
import { encryptWithPassword } from '../../engine/src/crypto/openpgpEncrypt.ts';
import { decryptOpenssl, encryptOpenssl, type OpensslScheme } from '../../engine/src/crypto/openssl.ts';
import { decryptSodium, encryptSodium } from '../../engine/src/crypto/sodium.ts';
import { readFile } from '../../engine/src/files/source.ts';
import { useLanes } from '../../engine/src/lanes/lanes.ts';
import { laneThreads } from '../../engine/src/lanes/laneThreads.ts';

const [, , way = '', file = '', keyFile = ''] = process.argv;
const key = readFileSync(keyFile);
const password = key.subarray(0, key.indexOf(0x0a));
const scheme: OpensslScheme = { cipher: 'aes-256-cbc', digest: 'sha256', iterations: 10_000 };
/** As the commands that write what comes out: they are done with a piece when they ask for the next but one. */
const options = { isLent: true };
const stored = () => readFile(file, options);

const WAYS: Record<string, () => Promise<AsyncIterable<Uint8Array>> | AsyncIterable<Uint8Array>> = {
  'decrypt sodium': () => decryptSodium(stored(), key, options),
  'encrypt sodium': () => encryptSodium(stored(), key, options),
  'decrypt openpgp': async () => (await openOpenpgp(stored(), [{ kind: 'password', bytes: password }])).plain,
  'encrypt openpgp': () => encryptWithPassword(stored(), password, options),
  'decrypt openssl': () => decryptOpenssl(stored(), password, scheme),
  'encrypt openssl': () => encryptOpenssl(stored(), password, scheme),
  'decrypt cms': async () => (await openCms(readFile(file), [{ kind: 'pem', bytes: key }])).plain,
};

async function measure(): Promise<void> {
  // As the engine's worker does.
  useLanes(laneThreads(fileURLToPath(new URL('../../dist/cipherLane.js', import.meta.url))));
  const start = performance.now();
  const processor = process.cpuUsage();
  const stream = WAYS[way];
  if (stream === undefined) throw new Error(`no such way: ${way}`);
  const bytes = await drain(await stream());
  const seconds = (performance.now() - start) / 1_000;
  const { user, system } = process.cpuUsage(processor);
  const processorSeconds = (user + system) / 1e6;
  console.log(JSON.stringify({ seconds, processorSeconds, bytes, memory: process.resourceUsage().maxRSS * 1_024 }));
}

void measure();
