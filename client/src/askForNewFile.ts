import { l10n, Uri, window, workspace } from 'vscode';

/** Asks for the name of a file that does not exist yet, beside the given document or in the workspace. */
export async function askForNewFile(fileName: string, title: string, beside?: Uri): Promise<Uri | undefined> {
  const canWrite = beside !== undefined && workspace.fs.isWritableFileSystem(beside.scheme) === true;
  const folder = canWrite ? Uri.joinPath(beside, '..') : workspace.workspaceFolders?.[0]?.uri;
  return await window.showSaveDialog({
    title,
    saveLabel: l10n.t('Save'),
    ...(folder && { defaultUri: Uri.joinPath(folder, fileName) }),
  });
}
