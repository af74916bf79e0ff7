import { FileSystemError, l10n, type Uri, workspace } from 'vscode';
import { NewFileError } from './newFileError.ts';

export { askForNewFile } from './askForNewFile.ts';
export { NewFileError };

/**
 * As on a machine, but that the editor's file systems know no owner of a file: who may read the folder may read the file.
 *
 * @throws NewFileError when the file exists or cannot be written
 */
export async function writeNewSecretFile(uri: Uri, text: string): Promise<void> {
  const isThere = await workspace.fs.stat(uri).then(
    () => true,
    () => false,
  );
  if (isThere) {
    throw new NewFileError(
      l10n.t('{0} exists already, and keys are never written over a file; choose another name', uri.path),
    );
  }
  try {
    await workspace.fs.writeFile(uri, new TextEncoder().encode(text));
  } catch (error) {
    const code = error instanceof FileSystemError ? error.code : '';
    throw new NewFileError(l10n.t('{0} cannot be written ({1})', uri.path, code));
  }
}

export function sayNewKeyIn(place: string): string {
  return l10n.t('A new key is in {0}. Who can read this folder can read it.', place);
}

/** @throws NewFileError always: a browser has no files of its own */
export function localPath(uri: Uri): string {
  throw new NewFileError(l10n.t('{0} is not a file of this machine', uri.toString(true)));
}
