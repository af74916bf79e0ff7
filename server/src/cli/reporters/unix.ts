import type { Severity } from '../../core/finding.ts';
import { harmless } from '../terminal.ts';
import type { Reporter } from './reporter.ts';

/** The words that VS Code's matchers know. */
const WORD = {
  error: 'error',
  warning: 'warning',
  information: 'info',
  hint: 'info',
} as const satisfies Record<Severity, string>;

/**
 * One line a finding, `file:line:column: severity: message [rule]`, as compilers print: for grep, the quickfix list of Vim
 * and Emacs' compilation mode, and VS Code's problem matcher `$restorable`.
 */
export const unix: Reporter = (findings, sources) =>
  findings
    .map((it) => {
      const { start } = sources.range(it.at);
      const place = `${sources.name(it.at.part.uri)}:${start.line + 1}:${start.character + 1}`;
      return `${harmless(`${place}: ${WORD[it.severity]}: ${it.message} [${it.rule}]`).replaceAll('\n', ' ')}\n`;
    })
    .join('');
