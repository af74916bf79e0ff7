import type { Place } from '../part.ts';
import type { Conf } from './conf.ts';

/**
 * The `>` of a YAML scalar that has made one line of several lines of a conf; undefined where the lines are whole, because
 * the scalar is literal, or because blank lines stand between all of them.
 */
export function foldedBy(conf: Conf): Place | undefined {
  const start = conf.text.whole.start;
  // In base64 the folding does no harm: the breaks are inside.
  if (!conf.entry || conf.entry.container === 'data' || conf.entry.container === 'binaryData') return undefined;
  if (conf.part.text[start] !== '>' || !JOINED.test(conf.text.text)) return undefined;
  return conf.part.place(start, start + 1);
}

/** Something that begins a line stands behind something else on its line. */
const JOINED =
  /^.*\S.*[ ](?:\[[\w.:-]+\]|(?:repo\d+|pg\d+|log|archive|compress|process|start)-[a-z-]+[ ]?=|#)|^\[[\w.:-]+\][ ]\S/m;
