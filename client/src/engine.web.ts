import { commands, FileSystemError, l10n, Uri, workspace } from 'vscode';
import type { Failure } from '../../engine/src/failure.ts';
import type { Job, Outcome } from '../../engine/src/job.ts';
import type { RunOptions } from '../../engine/src/pool.ts';
import { runInWebWorker } from '../../engine/src/web/pool.ts';

/** What a browser holds in memory twice without trouble: the file, and what is inside. */
const largestFileBytes = 50_000_000;

export const canRestore = false;

let worker: string | undefined;

/** A file of the editor's file systems: a browser has no other. */
export function engineName(uri: Uri): string {
  return uri.toString();
}

/** Says where the worker's bundle is, and to the manifest that commands on whole archives do not run here. */
export function prepareEngine(extensionUri: Uri): void {
  worker = Uri.joinPath(extensionUri, 'dist', 'web', 'engine.js').toString(true);
  void commands.executeCommand('setContext', 'restorable.isInBrowser', true);
}

/**
 * As the engine's pool: never rejects. Files are read and written here, whole: what a job makes is written when the job has
 * succeeded, so that nothing unproven ever has a name.
 */
export async function run<J extends Job>(job: J, options: RunOptions = {}): Promise<Outcome<J['kind']>> {
  if (worker === undefined) return failed('io', l10n.t('the extension is not active yet'));
  const from = 'input' in job ? job.input : 'archive' in job ? job.archive : undefined;
  const to = 'output' in job ? job.output : undefined;
  let input: Uint8Array | undefined;
  if (from !== undefined) {
    const read = await readWhole(Uri.parse(from, true));
    if ('code' in read) return { ok: false, failure: read };
    input = read.bytes;
  }
  const { outcome, output } = await runInWebWorker(inMemory(job, from, to), {
    ...options,
    worker,
    ...(input && { input }),
  });
  if (!outcome.ok || to === undefined) return outcome;
  try {
    if (!output) return failed('io', l10n.t('the engine gave nothing to write'));
    await workspace.fs.writeFile(Uri.parse(to, true), output);
    return outcome;
  } catch (error) {
    return failed('io', l10n.t('{0} cannot be written ({1})', Uri.parse(to).path, reasonOf(error)));
  } finally {
    output?.fill(0);
  }
}

/** The engine knows files by paths. Where two files of one job lie in different file systems, they may have the same. */
function inMemory<J extends Job>(job: J, from: string | undefined, to: string | undefined): J {
  const input = from === undefined ? undefined : Uri.parse(from, true).path;
  const output = to === undefined ? undefined : Uri.parse(to, true).path;
  return {
    ...job,
    ...(input !== undefined && ('input' in job ? { input } : { archive: input })),
    ...(output !== undefined && { output: output === input && from !== to ? `${output}.out` : output }),
  };
}

async function readWhole(uri: Uri): Promise<{ bytes: Uint8Array } | Failure> {
  try {
    const { size } = await workspace.fs.stat(uri);
    if (size > largestFileBytes) {
      return {
        code: 'unsupported',
        stage: 'open',
        path: uri.path,
        message: l10n.t('in a browser, files of up to {0} MB are opened', largestFileBytes / 1_000_000),
        hint: l10n.t('open the folder in VS Code on a desktop, or use the command restorable'),
      };
    }
    // A copy of its own: it is handed over to the worker.
    return { bytes: Uint8Array.from(await workspace.fs.readFile(uri)) };
  } catch (error) {
    return { code: 'io', stage: 'open', path: uri.path, message: l10n.t('it cannot be read ({0})', reasonOf(error)) };
  }
}

function reasonOf(error: unknown): string {
  return error instanceof FileSystemError ? error.code : l10n.t('unknown error');
}

function failed(code: Failure['code'], message: string): { ok: false; failure: Failure } {
  return { ok: false, failure: { code, stage: 'open', message } };
}
