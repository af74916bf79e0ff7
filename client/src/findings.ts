import {
  type Diagnostic,
  DiagnosticSeverity,
  Disposable,
  LanguageStatusSeverity,
  l10n,
  languages,
  window,
} from 'vscode';
import { DOCUMENT_SELECTOR } from './languageServer.ts';

/** Waits for the server to finish with a workspace, instead of counting after each of its files. */
const settleMs = 150;

/** The language status item: how many findings the file and the workspace have; a click opens the Problems view. */
export function registerFindings(): Disposable {
  const item = languages.createLanguageStatusItem('restorable.findings', DOCUMENT_SELECTOR);
  item.name = l10n.t('Restorable: Findings');
  item.command = { title: l10n.t('Show Problems'), command: 'workbench.actions.view.problems' };

  const update = (): void => {
    const uri = window.activeTextEditor?.document.uri;
    const here = countOf(uri ? languages.getDiagnostics(uri) : []);
    const everywhere = countOf(languages.getDiagnostics().flatMap(([, it]) => it));
    item.text = textOf(here) ?? l10n.t('No findings');
    item.detail = l10n.t('all files: {0}', textOf(everywhere) ?? l10n.t('none'));
    item.accessibilityInformation = { label: `Restorable: ${item.text}, ${item.detail}` };
    item.severity =
      here.error > 0
        ? LanguageStatusSeverity.Error
        : here.warning > 0
          ? LanguageStatusSeverity.Warning
          : LanguageStatusSeverity.Information;
  };
  update();

  let timer: ReturnType<typeof setTimeout> | undefined;
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(update, settleMs);
  };
  return Disposable.from(item, languages.onDidChangeDiagnostics(soon), window.onDidChangeActiveTextEditor(update), {
    dispose: () => clearTimeout(timer),
  });
}

interface Count {
  error: number;
  warning: number;
  note: number;
}

function countOf(diagnostics: readonly Diagnostic[]): Count {
  const count: Count = { error: 0, warning: 0, note: 0 };
  for (const { source, severity } of diagnostics) {
    if (source !== 'restorable') continue;
    if (severity === DiagnosticSeverity.Error) count.error++;
    else if (severity === DiagnosticSeverity.Warning) count.warning++;
    // Hints are no problems: VS Code does not list them among them either.
    else if (severity === DiagnosticSeverity.Information) count.note++;
  }
  return count;
}

/** `2 errors, 1 note`; undefined for none. */
function textOf({ error, warning, note }: Count): string | undefined {
  const parts: string[] = [];
  if (error > 0) parts.push(error === 1 ? l10n.t('1 error') : l10n.t('{0} errors', error));
  if (warning > 0) parts.push(warning === 1 ? l10n.t('1 warning') : l10n.t('{0} warnings', warning));
  if (note > 0) parts.push(note === 1 ? l10n.t('1 note') : l10n.t('{0} notes', note));
  return parts.length > 0 ? parts.join(', ') : undefined;
}
