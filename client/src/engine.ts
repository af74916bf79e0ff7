import type { Uri } from 'vscode';
import { localPath } from './newFile.ts';

export { run } from '../../engine/src/pool.ts';

/** Where the engine runs, test restores are run too. */
export const canRestore = true;

/** How the engine is told of a file. @throws NewFileError for a file that is not on this machine */
export function engineName(uri: Uri): string {
  return localPath(uri);
}

/** Nothing to do: the worker lies beside this bundle. */
export function prepareEngine(_extensionUri: Uri): void {}
