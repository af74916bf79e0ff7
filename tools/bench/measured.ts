/** What the benches have in common: times of whole programs, their memory, and the middle of several runs. */

import { type SpawnOptions, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Ended {
  seconds: number;
  /** The most that the process had at once, in bytes; 0 where the system does not tell. */
  memory: number;
}

/** @throws Error when it does not end with 0 */
export function timed(program: string, args: readonly string[], options: SpawnOptions = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(program, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
    let memory = 0;
    let told = '';
    const look = setInterval(() => {
      memory = Math.max(memory, mostMemoryOf(child.pid));
    }, 20);
    child.stderr!.on('data', (it) => {
      told += it;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      clearInterval(look);
      const seconds = (performance.now() - started) / 1_000;
      if (code === 0) resolve({ seconds, memory });
      else reject(new Error(`${program} ${args.join(' ')} ended with ${code}: ${told}`));
    });
  });
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function mostMemoryOf(pid: number | undefined): number {
  try {
    const [, kilobytes = '0'] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kilobytes) * 1024;
  } catch {
    return 0;
  }
}
