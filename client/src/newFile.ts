import { open, rm } from 'node:fs/promises';
import { l10n, type Uri } from 'vscode';
import { NewFileError } from './newFileError.ts';

export { askForNewFile } from './askForNewFile.ts';
export { NewFileError };

/**
 * Writes a new file that only its owner can read (mode 0600). Never replaces one, and leaves nothing behind when writing
 * fails half-way.
 *
 * @throws NewFileError when the file exists or cannot be written
 */
export async function writeNewSecretFile(uri: Uri, text: string): Promise<void> {
  const path = localPath(uri);
  const file = await open(path, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    throw new NewFileError(
      error.code === 'EEXIST'
        ? l10n.t('{0} exists already, and keys are never written over a file; choose another name', path)
        : l10n.t('{0} cannot be written ({1})', path, error.code ?? error.message),
    );
  });
  try {
    await file.writeFile(text);
    await file.sync();
  } catch (error) {
    await rm(path, { force: true });
    throw new NewFileError(l10n.t('{0} cannot be written ({1})', path, (error as NodeJS.ErrnoException).code ?? ''));
  } finally {
    await file.close();
  }
}

export function sayNewKeyIn(place: string): string {
  return l10n.t('A new key is in {0}, which only you can read.', place);
}

/** @throws NewFileError for a file that is not on the machine where the extension runs */
export function localPath(uri: Uri): string {
  if (uri.scheme !== 'file') {
    throw new NewFileError(l10n.t('{0} is not a file of this machine', uri.toString(true)));
  }
  return uri.fsPath;
}
