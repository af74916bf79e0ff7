import type { Finding } from './finding.ts';
import type { Edit, Part, Place } from './part.ts';
import type { Conf } from './pgbackrest/conf.ts';
import { MappedText } from './text/mappedText.ts';

/**
 * A comment that keeps findings from being told: `# restorable-ignore RULE, RULE: reason` on the line or above it, and
 * `# restorable-ignore-file RULE: reason` for a whole file. In a pgbackrest.conf only above the line: there a comment behind a
 * value is a part of the value.
 */
export interface Silence {
  scope: 'line' | 'file';
  /** The rules that are named, with the findings that each of them kept back. */
  rules: { id: string; at: Place; hidden: number }[];
  reason: string;
  /** The comment, from `#` to the end of its line. */
  at: Place;
  /** The lines that are meant; undefined where none follows. */
  covered: Place | undefined;
  /** Takes the comment away; only this rule's name where there are several. */
  remove(rule: string): Edit[];
}

/** What the comments of one file silenced; rules about the comments themselves look at it when all others have spoken. */
export class Silences {
  readonly kind = 'Silences' as const;

  constructor(
    readonly part: Part,
    readonly all: readonly Silence[],
  ) {}
}

const WORD = 'restorable-ignore';

const COMMENT = /#[ \t]*restorable-ignore(-file)?(?![\w-])[ \t]*([^\r\n]*)/g;

/** The comments of a part: those that stand in its text, and those inside the base64 of a conf. */
export function silencesOf(part: Part, confs: readonly Conf[]): Silence[] {
  const found = part.text.includes(WORD) ? silencesIn(MappedText.plain(part), part.language !== 'conf') : [];
  for (const conf of confs) {
    if (!conf.entry || !conf.text.text.includes(WORD)) continue;
    for (const it of silencesIn(conf.text, false)) {
      // A block scalar shows its lines as they are: they were seen already.
      if (!found.some((other) => other.at.start <= it.at.start && it.at.start < other.at.end)) found.push(it);
    }
  }
  return found;
}

/** true when the finding is one that the comment means; counts it. */
export function isSilenced(finding: Finding, silences: readonly Silence[]): boolean {
  for (const silence of silences) {
    if (silence.scope === 'line') {
      const { covered } = silence;
      if (!covered || covered.part !== finding.at.part) continue;
      if (finding.at.start < covered.start || finding.at.start > covered.end) continue;
    } else if (silence.at.part.uri !== finding.at.part.uri) continue;
    const rule = silence.rules.find((it) => it.id === finding.rule);
    if (!rule) continue;
    rule.hidden++;
    return true;
  }
  return false;
}

function silencesIn(mapped: MappedText, isAllowedBehind: boolean): Silence[] {
  const { text } = mapped;
  const found: Silence[] = [];
  for (const match of text.matchAll(COMMENT)) {
    const start = match.index;
    const lineStart = text.lastIndexOf('\n', start - 1) + 1;
    const before = text.slice(lineStart, start);
    const isAlone = before.trim() === '';
    if (!isAlone && (!isAllowedBehind || !/\s$/.test(before))) continue;
    const rest = match[2]!;
    const restStart = start + match[0].length - rest.length;
    const colon = rest.indexOf(':');
    const names = colon < 0 ? rest : rest.slice(0, colon);
    const rules = [...names.matchAll(/[^\s,]+/g)].map((it) => ({
      id: it[0],
      at: mapped.place(restStart + it.index, restStart + it.index + it[0].length),
      hidden: 0,
    }));
    const end = start + match[0].trimEnd().length;
    const line = isAlone ? nextLine(text, start) : { start: lineStart, end: lineEnd(text, start) };
    found.push({
      scope: match[1] ? 'file' : 'line',
      rules,
      reason: colon < 0 ? '' : rest.slice(colon + 1).trim(),
      at: mapped.place(start, end),
      covered: line && mapped.place(line.start, line.end),
      remove: (rule) =>
        mapped.edits([removal(text, { start, end, lineStart, isAlone }, rules, restStart, names, rule)]),
    });
  }
  return found;
}

function removal(
  text: string,
  { start, end, lineStart, isAlone }: { start: number; end: number; lineStart: number; isAlone: boolean },
  rules: readonly { id: string }[],
  namesStart: number,
  names: string,
  rule: string,
): { start: number; end: number; newText: string } {
  if (rules.length > 1) {
    const kept = rules.filter((it) => it.id !== rule).map((it) => it.id);
    return { start: namesStart, end: namesStart + names.trimEnd().length, newText: kept.join(', ') };
  }
  if (isAlone) return { start: lineStart, end: Math.min(text.length, lineEnd(text, end) + 1), newText: '' };
  const blanks = /[ \t]*$/.exec(text.slice(lineStart, start))![0].length;
  return { start: start - blanks, end, newText: '' };
}

/** The next line that is neither empty nor a comment. */
function nextLine(text: string, from: number): { start: number; end: number } | undefined {
  for (let start = lineEnd(text, from) + 1; start < text.length; start = lineEnd(text, start) + 1) {
    const end = lineEnd(text, start);
    const line = text.slice(start, end).trim();
    if (line !== '' && !line.startsWith('#') && line !== '---') return { start, end };
  }
  return undefined;
}

function lineEnd(text: string, from: number): number {
  const at = text.indexOf('\n', from);
  return at < 0 ? text.length : at;
}
