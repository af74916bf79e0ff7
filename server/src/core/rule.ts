import type { Finding, Fix, Severity } from './finding.ts';
import type { History } from './history.ts';
import type { Query } from './index.ts';
import type { KeyExaminer } from './keys/openpgp.ts';
import type { SubjectKind, SubjectOf } from './kinds.ts';
import type { Edit, Place } from './part.ts';

/**
 * A rule reads like a sentence: one file, one reason to change. `bad` and `good` are both its page and its first test;
 * `bad` marks each finding with a line of carets below it (see test/support/markup.ts).
 */
export interface Rule<K extends SubjectKind = SubjectKind> {
  id: string;
  /** One sentence: what must be so. */
  summary: string;
  /** What happens in the real product otherwise: rejected by whom, or silently what. */
  why: string;
  severity: Severity;
  /** `certain`: the text alone proves it. `likely`: something that is not here may excuse it. */
  confidence: 'certain' | 'likely';
  since: string;
  /** For the rule pages. */
  product: Product;
  /** Numbers of the catalogues of real mistakes, e.g. `M1`, `P1`, `G54`. */
  catalogue?: string[];
  kinds: readonly K[];
  bad: string;
  good: string;
  /** The versions that `bad` is for, where the rule only speaks about a known one. */
  badTargets?: Targets;
  /** The committed state of the files of `bad` (and of `good`), where the rule compares with it. */
  committed?: string;
  /** Set where the files of `bad` and `good` are to be taken for files of a commit. */
  isTracked?: boolean;
  /** The permission bits that the files of `bad` have. */
  badMode?: number;
  check(subject: SubjectOf[K], context: RuleContext): void;
}

/** What a rule is about; the pages of the rules are listed in this order. */
export const PRODUCTS = [
  'pgBackRest',
  'Percona and Crunchy',
  'StackGres',
  'Portworx and Stork',
  'CloudNativePG',
  'Zalando',
  'Kubernetes',
  'Scripts',
  'Restorable',
] as const;
export type Product = (typeof PRODUCTS)[number];

/** Erases the subject's type: the runner only hands a rule the kinds that it asked for. */
export type AnyRule = Omit<Rule, 'check'> & { check(subject: never, context: RuleContext): void };

export interface ReportOptions {
  fix?: Fix | undefined;
  fixes?: (Fix | undefined)[];
  severity?: Severity;
  related?: Finding['related'];
  tags?: Finding['tags'];
}

export interface RuleContext {
  report(at: Place, message: string, options?: ReportOptions): void;
  /** Questions to all files; what is asked decides when the rule runs again. */
  query: Query;
  /** Questions about key material that core cannot answer itself; what is asked decides when the rule runs again. */
  keys: KeyExaminer;
  target: Targets;
  /** What was committed, where the workspace is a checkout; empty elsewhere. */
  history: History;
  /** The ids of all rules. */
  ruleIds: readonly string[];
}

/** The versions that the configuration is for; undefined = unknown, judge as the newest would. */
export interface Targets {
  pgbackrest?: string;
  stackgres?: string;
}

export function rule<const K extends SubjectKind>(it: Rule<K>): AnyRule {
  return it as unknown as AnyRule;
}

/** Removes the common indentation of a template literal. */
export function fixture(strings: TemplateStringsArray, ...values: unknown[]): string {
  const text = String.raw({ raw: strings.raw }, ...values)
    .replace(/^\n/, '')
    .replace(/\n[ \t]*$/, '\n');
  const indents = text
    .split('\n')
    .filter((it) => it.trim() !== '')
    .map((it) => /^ */.exec(it)![0].length);
  const indent = indents.length > 0 ? Math.min(...indents) : 0;
  return text
    .split('\n')
    .map((it) => it.slice(indent))
    .join('\n');
}

export function fix(title: string, edits: Edit[] | undefined, options: { isSafe?: boolean } = {}): Fix | undefined {
  return edits && edits.length > 0 ? { title, edits, ...options } : undefined;
}
