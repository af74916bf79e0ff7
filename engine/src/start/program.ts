/** Runs a program of PostgreSQL to its end: without a shell, with an environment of its own, stopped when the job is. */

import { type ChildProcess, spawn } from 'node:child_process';
import { fail } from '../failure.ts';
import { cancelled, throwIfCancelled } from '../run-context.ts';
import type { ServerUser } from './serverUser.ts';

export interface ProgramOptions {
  user: ServerUser;
  signal: AbortSignal;
  cwd: string;
  /** Added to the few variables that every program gets; what we were started with is not passed on. */
  environment?: Record<string, string>;
  /** Sent to its stdin, which is otherwise empty. */
  input?: AsyncIterable<Uint8Array> | string;
  /** Called for every line of stdout, which is then not collected. */
  onLine?: (line: string) => void;
}

export interface Ended {
  code: number | null;
  stdout: string;
  /** The last part of it, when there is very much. */
  stderr: string;
}

const mostStdout = 64 * 1024 * 1024;
const mostStderr = 256 * 1024;

/**
 * @returns also for an exit code that is not 0
 * @throws RestoreError `cancelled`; `io` when it cannot be started; what `input` throws
 */
export async function runProgram(file: string, options: string[], how: ProgramOptions): Promise<Ended> {
  throwIfCancelled(how.signal);
  const child = spawn(file, options, {
    cwd: how.cwd,
    env: programEnvironment(how.environment),
    stdio: ['pipe', 'pipe', 'pipe'],
    // Ctrl-C is for us; whoever stops us stops it.
    detached: true,
    ...how.user.identity,
  });
  const stop = () => void child.kill('SIGKILL');
  how.signal.addEventListener('abort', stop, { once: true });
  const ended: Ended = { code: null, stdout: '', stderr: '' };
  const { stdin, stdout, stderr } = child;
  let rest = '';
  stdout.setEncoding('utf8').on('data', (text: string) => {
    if (!how.onLine) {
      if (ended.stdout.length < mostStdout) ended.stdout += text;
      return;
    }
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) how.onLine(line);
  });
  stderr.setEncoding('utf8').on('data', (text: string) => {
    ended.stderr = (ended.stderr + text).slice(-mostStderr);
  });
  // A program that has heard enough closes its stdin: its exit code says what it thinks.
  stdin.on('error', () => undefined);
  try {
    const [code] = await Promise.all([exitOf(child, file), send(how.input, child)]);
    throwIfCancelled(how.signal);
    if (rest !== '') how.onLine?.(rest);
    return { ...ended, code };
  } catch (error) {
    stop();
    if (how.signal.aborted) throw cancelled();
    throw error;
  } finally {
    how.signal.removeEventListener('abort', stop);
  }
}

/** No variable of ours but where programs and libraries are found: neither keys nor PG* settings of the person get through. */
export function programEnvironment(more: Record<string, string> = {}): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of ['PATH', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH', 'TMPDIR']) {
    const value = process.env[name];
    if (value !== undefined) kept[name] = value;
  }
  return { ...kept, LC_ALL: 'C', TZ: 'UTC', ...more };
}

function exitOf(child: ChildProcess, file: string): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      try {
        fail('io', 'start', `${file} cannot be started: the operating system reports ${error.code ?? error.name}`, {
          path: file,
          hint:
            error.code === 'EPERM'
              ? 'This process may not change to another user: run it as the user that is to run PostgreSQL.'
              : 'Check that it may be executed, and that its user may enter the folder it works in.',
        });
      } catch (failure) {
        reject(failure);
      }
    });
    child.once('close', (code) => resolve(code));
  });
}

async function send(input: ProgramOptions['input'], { stdin }: ChildProcess): Promise<void> {
  if (!stdin) return;
  if (input === undefined || typeof input === 'string') {
    stdin.end(input ?? '');
    return;
  }
  for await (const piece of input) {
    if (stdin.destroyed) break;
    if (!stdin.write(piece)) await new Promise<void>((resolve) => void onceEither(stdin, resolve));
  }
  stdin.end();
}

function onceEither(stdin: NodeJS.WritableStream, done: () => void): void {
  const finish = () => {
    stdin.removeListener('drain', finish).removeListener('close', finish).removeListener('error', finish);
    done();
  };
  stdin.on('drain', finish).on('close', finish).on('error', finish);
}
