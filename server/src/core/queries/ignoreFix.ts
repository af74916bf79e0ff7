import type { Finding, Fix } from '../finding.ts';
import type { Edit } from '../part.ts';
import type { Conf } from '../pgbackrest/conf.ts';
import { lineBefore, linesAround } from '../pgbackrest/confChange.ts';
import type { Workspace } from '../workspace.ts';
import type { YamlNode } from '../yaml/node.ts';

/**
 * A comment above the finding that silences it; the reason is for the person to write, and ignore-without-reason asks for it.
 * undefined where no comment can stand: in JSON, and in the middle of a quoted text.
 */
export function ignoreFix(workspace: Workspace, finding: Finding): Fix | undefined {
  const { at, rule } = finding;
  const { part } = at;
  if (
    /^(?:unused-ignore|ignore-without-reason|unknown-rule|yaml-syntax|settings-file)$/.test(rule) ||
    isJson(part.uri)
  ) {
    return undefined;
  }
  const comment = `# restorable-ignore ${rule}: `;
  const unit = workspace.units(part.uri).find((it) => it.part === part);
  if (!unit) return undefined;
  const hidden = unit.confs.find((it) => it.entry && holds(it, at));
  const edits = hidden ? insideConf(hidden, finding, comment) : aboveLine(finding, comment);
  if (!edits) return undefined;
  // In the middle of a text that is no conf the comment would be a part of it.
  if (!hidden && unit.document && isInText(unit.document.parsed.root, lineStartOf(part.text, at.start)))
    return undefined;
  return { title: `Ignore ${rule} here, with a reason`, edits };
}

function aboveLine({ at }: Finding, comment: string): Edit[] {
  const { text } = at.part;
  const start = lineStartOf(text, at.start);
  const indent = /^[ \t]*/.exec(text.slice(start))![0];
  // A document's first line may be the line that begins it.
  const line = text.startsWith('---', start) ? text.indexOf('\n', start) + 1 : start;
  return [{ at: at.part.place(line, line), newText: `${indent}${comment}\n` }];
}

function insideConf(conf: Conf, { at }: Finding, comment: string): Edit[] | undefined {
  const index = conf.text.indexAt(at.start);
  if (index === undefined) return undefined;
  return conf.text.edits([lineBefore(conf.text.text, linesAround(conf.text.text, index, index), comment.trimEnd())]);
}

/** Inside of what the conf's text is made of, not at the name of its entry. */
function holds({ text }: Conf, { start, end }: Finding['at']): boolean {
  return start >= text.whole.start && end <= text.whole.end && end - start < text.whole.end - text.whole.start;
}

function isInText(root: YamlNode, offset: number): boolean {
  const found = root.at(offset);
  if (!found || found.isKey || found.node.isMap || found.node.isList) return false;
  const { start, end } = found.node.place;
  return start < offset && offset < end;
}

function lineStartOf(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1;
}

function isJson(uri: string): boolean {
  return /\.json$/i.test(uri);
}
