import { DiagnosticSeverity, type Disposable, LanguageStatusSeverity, l10n, languages } from 'vscode';
import { DOCUMENT_SELECTOR } from './languageServer.ts';

/** Waits for the server to finish with a workspace, instead of counting after each of its files. */
const settleMs = 150;

/** The language status item: how many findings the workspace has; a click opens the Problems view. */
export function registerFindings(): Disposable {
  const item = languages.createLanguageStatusItem('restorable.findings', DOCUMENT_SELECTOR);
  item.name = 'Restorable';
  item.command = { title: l10n.t('Show Problems'), command: 'workbench.actions.view.problems' };
  item.accessibilityInformation = { label: '' };

  const update = (): void => {
    const counts = { error: 0, warning: 0 };
    for (const [, diagnostics] of languages.getDiagnostics()) {
      for (const { source, severity } of diagnostics) {
        if (source !== 'restorable') continue;
        if (severity === DiagnosticSeverity.Error) counts.error++;
        else if (severity === DiagnosticSeverity.Warning) counts.warning++;
      }
    }
    item.text = findingsText(counts);
    item.detail = l10n.t('Restorable');
    item.accessibilityInformation = { label: `Restorable: ${item.text}` };
    item.severity =
      counts.error > 0
        ? LanguageStatusSeverity.Error
        : counts.warning > 0
          ? LanguageStatusSeverity.Warning
          : LanguageStatusSeverity.Information;
  };
  update();

  let timer: NodeJS.Timeout | undefined;
  const listener = languages.onDidChangeDiagnostics(() => {
    clearTimeout(timer);
    timer = setTimeout(update, settleMs);
  });
  return {
    dispose: () => {
      clearTimeout(timer);
      listener.dispose();
      item.dispose();
    },
  };
}

function findingsText({ error, warning }: { error: number; warning: number }): string {
  if (error + warning === 0) return l10n.t('No findings');
  const parts: string[] = [];
  if (error > 0) parts.push(error === 1 ? l10n.t('1 error') : l10n.t('{0} errors', error));
  if (warning > 0) parts.push(warning === 1 ? l10n.t('1 warning') : l10n.t('{0} warnings', warning));
  return parts.join(', ');
}
