import type { Severity } from '../../core/finding.ts';
import { harmless } from '../terminal.ts';
import type { Reporter } from './reporter.ts';

const COMMAND = {
  error: 'error',
  warning: 'warning',
  information: 'notice',
  hint: 'notice',
} as const satisfies Record<Severity, string>;

/** Workflow commands of GitHub Actions, which shows them beside the lines of a pull request. */
export const github: Reporter = (findings, sources) =>
  findings
    .map((it) => {
      const { start, end } = sources.range(it.at);
      const properties = {
        file: sources.name(it.at.part.uri),
        line: start.line + 1,
        endLine: end.line + 1,
        // Columns of several lines mean nothing to GitHub.
        ...(start.line === end.line && { col: start.character + 1, endColumn: end.character + 1 }),
        title: it.rule,
      };
      const list = Object.entries(properties).map(([name, value]) => `${name}=${escapeProperty(String(value))}`);
      return `::${COMMAND[it.severity]} ${list.join(',')}::${escapeText(harmless(it.message))}\n`;
    })
    .join('');

/** actions/toolkit, packages/core/src/command.ts: these characters would end the message or start another command. */
function escapeText(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeText(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
