import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import {
  commands,
  Disposable,
  type ExtensionContext,
  l10n,
  Uri,
  ViewColumn,
  type WebviewPanel,
  window,
  workspace,
} from 'vscode';
import type { Inspection } from '../../engine/src/job.ts';
import type { Report } from '../../engine/src/report.ts';
import { showFailure } from './failureMessage.ts';
import { inspectionPage, reportPage } from './reportPage.ts';

let last: Report[] | undefined;
let panel: WebviewPanel | undefined;
let icon: Uri | undefined;

/** The commands of the report's page and of the walkthrough. */
export function registerPages({ extension, extensionUri }: ExtensionContext): Disposable {
  icon = Uri.joinPath(extensionUri, 'media', 'icon.png');
  return Disposable.from(
    commands.registerCommand('restorable.showReport', () => {
      if (last) showReports(last);
      else void window.showInformationMessage(l10n.t('No test restore has run in this window yet.'));
    }),
    commands.registerCommand('restorable.openWalkthrough', () =>
      commands.executeCommand('workbench.action.openWalkthrough', `${extension.id}#start`, false),
    ),
    commands.registerCommand('restorable.saveReport', () => showFailure(saveReport)),
    { dispose: () => panel?.dispose() },
  );
}

/** Shows the reports of one run, in the tab that showed the run before. */
export function showReports(reports: Report[]): void {
  last = reports;
  void commands.executeCommand('setContext', 'restorable.hasReport', true);
  const name = basename(reports[0]?.archive ?? '');
  show(l10n.t('Test restore: {0}', name), (nonce) => reportPage(reports, nonce));
}

export function showInspection(inspection: Inspection): void {
  show(l10n.t('Archive: {0}', basename(inspection.path)), (nonce) => inspectionPage(inspection, nonce));
}

function show(title: string, html: (nonce: string) => string): void {
  if (!panel) {
    panel = window.createWebviewPanel('restorable.report', title, ViewColumn.Active, {
      enableScripts: false,
      enableFindWidget: true,
      enableCommandUris: ['restorable.saveReport', 'revealFileInOS'],
      localResourceRoots: [],
    });
    panel.iconPath = icon;
    panel.onDidDispose(() => {
      panel = undefined;
    });
  }
  panel.title = title;
  panel.webview.html = html(randomBytes(16).toString('base64'));
  panel.reveal(undefined, false);
}

/** The report as `restorable test-restore --json` prints it: for a ticket, or the folder of the audit. */
async function saveReport(): Promise<void> {
  if (!last) return;
  const uri = await window.showSaveDialog({
    title: l10n.t('Save Report'),
    defaultUri: Uri.file(`${last[0]?.archive ?? ''}.report.json`),
    filters: { JSON: ['json'] },
  });
  if (!uri) return;
  const json = `${JSON.stringify(last.length === 1 ? last[0] : last, null, 2)}\n`;
  await workspace.fs.writeFile(uri, new TextEncoder().encode(json));
  await window.showTextDocument(uri);
}
