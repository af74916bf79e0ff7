import { open, rm } from 'node:fs/promises';
import { l10n, Uri, window, workspace } from 'vscode';

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

/** What the user is told as it is. Its message holds no secret. */
export class NewFileError extends Error {}

/** @throws NewFileError for a file that is not on the machine where the extension runs */
export function localPath(uri: Uri): string {
  if (uri.scheme !== 'file') {
    throw new NewFileError(l10n.t('{0} is not a file of this machine', uri.toString(true)));
  }
  return uri.fsPath;
}

/** Asks for the name of a file that does not exist yet, beside the given document or in the workspace. */
export async function askForNewFile(fileName: string, title: string, beside?: Uri): Promise<Uri | undefined> {
  const folder = beside?.scheme === 'file' ? Uri.joinPath(beside, '..') : workspace.workspaceFolders?.[0]?.uri;
  return await window.showSaveDialog({
    title,
    saveLabel: l10n.t('Save'),
    ...(folder && { defaultUri: Uri.joinPath(folder, fileName) }),
  });
}
