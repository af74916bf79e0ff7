import type { Finding, Severity } from '../../core/finding.ts';
import type { Sources } from '../sources.ts';
import type { Paint } from '../terminal.ts';

/** How to print; only the text for people asks for it. */
export interface Style {
  width: number;
  paint: Paint;
}

/** The whole output, with its last line break. Findings come sorted by file and place. */
export type Reporter = (findings: readonly Finding[], sources: Sources, style: Style) => string;

export const severities = ['error', 'warning', 'information', 'hint'] as const satisfies readonly Severity[];

export function countBySeverity(findings: readonly Finding[]): Record<Severity, number> {
  const counts = { error: 0, warning: 0, information: 0, hint: 0 };
  for (const it of findings) counts[it.severity]++;
  return counts;
}
