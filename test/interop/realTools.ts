import { execFileSync, spawnSync } from 'node:child_process';

/** Most output of a tool in these tests, in bytes. */
const mostOutput = 256 * 1024 * 1024;

/** Why the tests of a tool are skipped; undefined when it is there. In CI a missing tool is a failure, not a skip. */
export function missing(tool: string, ...args: string[]): string | undefined {
  const { status, error } = spawnSync(tool, args.length > 0 ? args : ['--version'], { stdio: 'ignore' });
  if (status === 0 && !error) return undefined;
  if (process.env.CI) throw new Error(`${tool} is needed in CI and is not there`);
  return `${tool} is not installed`;
}

/** Runs a tool to its end; stdin and stdout are bytes. Throws when it exits with anything but 0. */
export function tool(name: string, args: readonly string[], input?: Uint8Array): Buffer {
  return execFileSync(name, args, { input, maxBuffer: mostOutput, stdio: ['pipe', 'pipe', 'pipe'] });
}

/** Runs a tool that is expected to refuse; returns its exit code. */
export function exitCode(name: string, args: readonly string[], input?: Uint8Array): number | null {
  return spawnSync(name, args, { input, maxBuffer: mostOutput, stdio: ['pipe', 'pipe', 'pipe'] }).status;
}

/** Bytes that a compressor makes smaller and some that it does not: like a dump. */
export function sample(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = 0x2545f491;
  for (let index = 0; index < length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[index] = index % 4_096 < 3_000 ? 32 + (index % 61) : state & 0xff;
  }
  return bytes;
}

export const LENGTHS = [0, 1, 15, 16, 17, 8_191, 8_192, 8_193, 65_536, 300_001] as const;
