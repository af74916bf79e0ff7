import { l10n, Uri, window, workspace } from 'vscode';
import { ENTRY_SCHEME } from '../../server/src/protocol.ts';

/** Asks for the name of a file that does not exist yet, beside the given document or in the workspace. */
export async function askForNewFile(fileName: string, title: string, beside?: Uri): Promise<Uri | undefined> {
  // An entry that is edited decoded can be written too, but holds no files.
  const canWrite =
    beside !== undefined && beside.scheme !== ENTRY_SCHEME && workspace.fs.isWritableFileSystem(beside.scheme) === true;
  const folder = canWrite ? Uri.joinPath(beside, '..') : workspace.workspaceFolders?.[0]?.uri;
  return await window.showSaveDialog({
    title,
    saveLabel: l10n.t('Save'),
    ...(folder && { defaultUri: Uri.joinPath(folder, fileName) }),
  });
}
