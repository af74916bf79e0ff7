import type { Targets } from '../core/rule.ts';
import { RULE_SEVERITIES, type RuleSeverity } from '../core/settings.ts';

/** The settings below `restorable.`, as package.json describes them. */
export interface Settings {
  scope: 'workspace' | 'openFiles';
  targets: Targets;
  /** Globs of files whose findings are not told. */
  ignore: string[];
  severity: Map<string, RuleSeverity>;
}

export const defaultSettings: Settings = { scope: 'workspace', targets: {}, ignore: [], severity: new Map() };

/**
 * Reads what a client sends, in any of the forms that clients use: the section itself, wrapped in `restorable`, or with
 * dotted keys. What is of another type, or unknown, is passed over. Never throws.
 */
export function readSettings(sent: unknown): Settings {
  const section = isRecord(sent) && isRecord(sent.restorable) ? sent.restorable : sent;
  const targets: Record<string, string> = {};
  const target = at(section, 'target');
  if (isRecord(target)) {
    for (const [product, version] of Object.entries(target)) {
      const text = typeof version === 'number' ? String(version) : version;
      if (typeof text === 'string' && /^\d+(?:\.\d+){0,3}$/.test(text)) targets[product] = text;
    }
  }
  const severity = new Map<string, RuleSeverity>();
  const wanted = at(section, 'severity');
  if (isRecord(wanted)) {
    for (const [rule, text] of Object.entries(wanted)) {
      const known = RULE_SEVERITIES.find((it) => it === text);
      if (known) severity.set(rule, known);
    }
  }
  const ignore = at(section, 'ignore');
  return {
    scope: at(section, 'diagnostics.scope') === 'openFiles' ? 'openFiles' : 'workspace',
    targets: targets as Targets,
    ignore: Array.isArray(ignore) ? ignore.filter((it) => typeof it === 'string') : [],
    severity,
  };
}

function at(section: unknown, path: string): unknown {
  if (!isRecord(section)) return undefined;
  if (path in section) return section[path];
  const dotted = `restorable.${path}`;
  if (dotted in section) return section[dotted];
  return path.split('.').reduce<unknown>((it, step) => (isRecord(it) ? it[step] : undefined), section);
}

function isRecord(it: unknown): it is Record<string, unknown> {
  return typeof it === 'object' && it !== null && !Array.isArray(it);
}
