import type { Finding, Severity } from '../../core/finding.ts';
import type { Excerpt } from '../excerpt.ts';
import type { Sources } from '../sources.ts';
import { type Colour, columnsOf, harmless, type Paint, paragraph } from '../terminal.ts';
import { countBySeverity, type Reporter, type Style, severities } from './reporter.ts';

const COLOUR = {
  error: 'red',
  warning: 'yellow',
  information: 'blue',
  hint: 'cyan',
} as const satisfies Record<Severity, Colour>;

/** For people: by file, with the line and carets under what is meant. Secrets in the line are replaced. */
export const text: Reporter = (findings, sources, style) => {
  const byFile = new Map<string, Finding[]>();
  for (const it of findings) byFile.set(it.at.part.uri, [...(byFile.get(it.at.part.uri) ?? []), it]);
  const blocks = [...byFile].map(([uri, list]) =>
    [
      `${style.paint('bold', harmless(sources.name(uri)))}\n`,
      ...list.map((it) => `${describe(it, sources, style)}\n`),
    ].join('\n'),
  );
  return `${[...blocks, summary(findings, byFile.size, sources, style.paint)].join('\n')}\n`;
};

function describe(finding: Finding, sources: Sources, { width, paint }: Style): string {
  const { start } = sources.range(finding.at);
  const place = `${start.line + 1}:${start.character + 1}`;
  const head = `  ${place.padEnd(7)} ${finding.severity} `;
  const colour = COLOUR[finding.severity];
  const message = paragraph(harmless(finding.message), { width, first: head }).replace(
    head,
    `  ${paint('dim', place.padEnd(7))} ${paint(colour, finding.severity)} `,
  );
  const gutter = ' '.repeat(10);
  const lines = [message, ...showLine(sources.excerpt(finding.at), { ...finding, colour, gutter, width, paint })];
  const note = (label: string, said: string) =>
    lines.push(
      paragraph(said, { width, first: `${gutter}${label}: ` }).replace(`${label}:`, paint('dim', `${label}:`)),
    );
  for (const it of finding.fixes) note('fix', harmless(it.title));
  for (const it of finding.related) {
    const at = sources.range(it.at).start;
    note('see', harmless(`${sources.name(it.at.part.uri)}:${at.line + 1}:${at.character + 1} ${it.message}`));
  }
  return lines.join('\n');
}

function showLine(
  excerpt: Excerpt,
  options: { rule: string; colour: Colour; gutter: string; width: number; paint: Paint },
): string[] {
  const { rule, colour, gutter, width, paint } = options;
  const bar = `${gutter}${paint('dim', '│')} `;
  const room = width - gutter.length - 2;
  const { text, start, end } = inWindow(excerpt, room);
  const before = columnsOf(text.slice(0, start));
  const carets = '^'.repeat(Math.max(1, columnsOf(text.slice(start, end)))) + (excerpt.isCut ? '…' : '');
  const label = before + carets.length + 1 + rule.length <= room ? ` ${rule}` : '';
  return [
    ...(excerpt.decodedFrom === undefined
      ? []
      : [`${bar}${paint('dim', `in the base64 of ${harmless(excerpt.decodedFrom)}:`)}`]),
    `${bar}${text.slice(0, start)}${paint('bold', text.slice(start, end))}${text.slice(end)}`,
    `${bar}${' '.repeat(before)}${paint(colour, carets)}${paint('dim', label)}`,
    ...(label === '' ? [`${bar}${paint('dim', rule)}`] : []),
  ];
}

/** A long line is cut around the marked place, common indentation is taken off, tabs become blanks. */
function inWindow(excerpt: Excerpt, room: number): { text: string; start: number; end: number } {
  const clean = harmless(excerpt.text.replaceAll('\t', ' '));
  const indent = Math.min(/^ */.exec(clean)![0].length, excerpt.start);
  let text = clean.slice(indent);
  let start = excerpt.start - indent;
  let end = Math.min(excerpt.end, clean.length) - indent;
  const least = 12;
  if (start > least && columnsOf(text.slice(0, end)) > room) {
    const drop = Math.min(start - least, text.length - room + 1);
    text = `…${text.slice(drop + 1)}`;
    start -= drop;
    end -= drop;
  }
  if (columnsOf(text) > room) {
    let length = text.length;
    while (columnsOf(text.slice(0, length)) > room - 1) length--;
    text = `${text.slice(0, length)}…`;
    end = Math.min(end, text.length);
  }
  return { text, start, end: Math.max(start, end) };
}

function summary(findings: readonly Finding[], filesWithFindings: number, sources: Sources, paint: Paint): string {
  const files = plural(sources.count, 'file');
  if (sources.count === 0) return `no file checked`;
  if (findings.length === 0) return `${paint('green', '✔')} ${files} checked, nothing found`;
  const counts = countBySeverity(findings);
  const parts = severities
    .filter((it) => counts[it] > 0)
    .map((it) => paint(COLOUR[it], it === 'information' ? `${counts[it]} information` : plural(counts[it], it)));
  const sign = counts.error > 0 ? paint('red', '✘') : counts.warning > 0 ? paint('yellow', '!') : paint('green', '✔');
  const list = parts.length > 1 ? `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}` : parts[0];
  return `${sign} ${list} in ${filesWithFindings} of ${files}`;
}

function plural(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}
