import type { Finding, Severity } from '../../core/finding.ts';
import type { Place } from '../../core/part.ts';
import { allRules } from '../../core/rules/all.ts';
import { rulePage } from '../../rulePage.ts';
import type { Sources } from '../sources.ts';
import { version } from '../version.ts';
import type { Reporter } from './reporter.ts';

const LEVEL = {
  error: 'error',
  warning: 'warning',
  information: 'note',
  hint: 'note',
} as const satisfies Record<Severity, string>;

/** SARIF 2.1.0 (OASIS). Without snippets and fixes: both could carry a secret. */
export const sarif: Reporter = (findings, sources) => {
  const rules = describeRules(findings);
  return `${JSON.stringify(
    {
      $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
      version: '2.1.0',
      runs: [
        {
          tool: { driver: { name: 'restorable', semanticVersion: version, rules } },
          columnKind: 'utf16CodeUnits',
          results: findings.map((it) => ({
            ruleId: it.rule,
            ruleIndex: rules.findIndex((rule) => rule.id === it.rule),
            level: LEVEL[it.severity],
            message: { text: it.message },
            locations: [location(it.at, sources)],
            ...(it.related.length > 0 && {
              relatedLocations: it.related.map((other) => ({
                ...location(other.at, sources),
                message: { text: other.message },
              })),
            }),
          })),
        },
      ],
    },
    undefined,
    2,
  )}\n`;
};

/** Every rule that can be found, and what was found besides: problems of schema and syntax. */
function describeRules(findings: readonly Finding[]) {
  const known = allRules.map((it) => ({
    id: it.id,
    shortDescription: { text: it.summary },
    fullDescription: { text: it.why },
    helpUri: rulePage(it.id),
    defaultConfiguration: { level: LEVEL[it.severity] },
    properties: { product: it.product, confidence: it.confidence, since: it.since },
  }));
  const ids = new Set(known.map((it) => it.id));
  const others = new Map<string, Finding>();
  for (const it of findings) if (!ids.has(it.rule)) others.set(it.rule, it);
  return [
    ...known,
    ...[...others.values()].map((it) => ({
      id: it.rule,
      shortDescription: { text: it.rule },
      helpUri: rulePage(it.rule),
      defaultConfiguration: { level: LEVEL[it.severity] },
    })),
  ];
}

/** Lines and columns from 1. A path outside the current folder has no base that another machine knows. */
function location(place: Place, sources: Sources) {
  const { start, end } = sources.range(place);
  const { uri } = place.part;
  const name = sources.name(uri);
  const isRelative = !name.startsWith('/') && !/^[A-Za-z]:/.test(name) && name !== uri;
  return {
    physicalLocation: {
      artifactLocation: isRelative
        ? { uri: name.split('/').map(encodeURIComponent).join('/'), uriBaseId: '%SRCROOT%' }
        : { uri },
      region: {
        startLine: start.line + 1,
        startColumn: start.character + 1,
        endLine: end.line + 1,
        endColumn: end.character + 1,
      },
    },
  };
}
