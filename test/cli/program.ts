import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { vi } from 'vitest';
import { bundles } from '../support/bundles.ts';

// Every test starts processes; how long that takes is the machine's business.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  stdin?: string | Uint8Array;
  cwd?: string;
  env?: Record<string, string>;
}

/** The program as it is shipped. */
export async function program(): Promise<string> {
  return join(await bundles('all'), 'cli.js');
}

/** Runs the program to its end. Colours and the like are off: no test depends on who runs it. */
export async function restorable(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const child = spawn(process.execPath, [await program(), ...args], {
    cwd: options.cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const ended: Ended = { code: null, signal: null, stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (it: string) => {
    ended.stdout += it;
  });
  child.stderr.setEncoding('utf8').on('data', (it: string) => {
    ended.stderr += it;
  });
  // Nobody has to read what a test sends.
  child.stdin.on('error', () => undefined).end(options.stdin ?? '');
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code, signal) => resolve({ ...ended, code, signal }));
  });
}

/** Removed when the test file ends. */
export function temporaryFolder(prefix = 'restorable cli ä-'): string {
  if (folders.length === 0) process.on('exit', removeFolders);
  const folder = mkdtempSync(join(tmpdir(), prefix));
  folders.push(folder);
  return folder;
}

const folders: string[] = [];

function removeFolders(): void {
  for (const it of folders) rmSync(it, { recursive: true, force: true });
}

export function folderWith(files: Record<string, string | Uint8Array>): string {
  const folder = temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}
