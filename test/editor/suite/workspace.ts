import * as vscode from 'vscode';

/** The URI of a file of the test's workspace. */
export function file(path: string): vscode.Uri {
  const folder = vscode.workspace.workspaceFolders?.[0];
  if (!folder) throw new Error('no workspace folder is open');
  return vscode.Uri.joinPath(folder.uri, path);
}

/** Opens a file of the workspace in an editor. */
export async function open(path: string): Promise<vscode.TextEditor> {
  return await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(file(path)));
}

/** Our findings for a file, in the order of their places. */
export function findings(path: string): vscode.Diagnostic[] {
  return vscode.languages
    .getDiagnostics(file(path))
    .filter((it) => it.source === 'restorable')
    .sort((a, b) => a.range.start.compareTo(b.range.start));
}

/** The id of the rule that made a finding. */
export function code({ code: it }: vscode.Diagnostic): string {
  return String(typeof it === 'object' && it !== null ? it.value : it);
}
