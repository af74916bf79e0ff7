import { rulePage } from '../../rulePage.ts';
import { countBySeverity, type Reporter } from './reporter.ts';

/** docs/reports.md describes it: a public interface, only ever extended. */
export const json: Reporter = (findings, sources) => {
  const { error, warning, information, hint } = countBySeverity(findings);
  return `${JSON.stringify(
    {
      version: 1,
      diagnostics: findings.map((it) => ({
        file: sources.name(it.at.part.uri),
        range: sources.range(it.at),
        severity: it.severity,
        code: it.rule,
        message: it.message,
        href: rulePage(it.rule),
      })),
      summary: {
        files: sources.count,
        errors: error,
        warnings: warning,
        information,
        hints: hint,
      },
    },
    undefined,
    2,
  )}\n`;
};
