import type { Fix } from '../finding.ts';
import type { Place } from '../part.ts';
import { clearTextCures, encodedSource } from '../queries/clearText.ts';
import { valuePlace } from '../queries/selectedEntry.ts';
import type { SecretEntry } from '../resources/secret.ts';
import { fix, fixture, rule } from '../rule.ts';
import { type Base64Problem, decodeBase64, encodeBase64, utf8 } from '../text/base64.ts';
import type { MappedText } from '../text/mappedText.ts';
import { replaceValue } from '../yaml/entryEdits.ts';

export default rule({
  id: 'secret-data-not-base64',
  summary: 'Every value below data is base64.',
  why: 'The API server refuses the Secret: "illegal base64 data at input byte …". It reads the standard alphabet with padding; line feeds may stand between, blanks may not.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Kubernetes',
  catalogue: ['P42', 'K1', 'K2', 'K3', 'K4', 'K28', 'pains P86'],
  kinds: ['Secret', 'ConfigMap'],
  bad: fixture`
    apiVersion: v1
    kind: Secret
    metadata: {name: app}
    data:
      password: hunter2-hunter2
                ^^^^^^^^^^^^^^^ error secret-data-not-base64: password is clear text, and data holds base64
  `,
  good: fixture`
    apiVersion: v1
    kind: Secret
    metadata: {name: app}
    data:
      password: aHVudGVyMi1odW50ZXIy
  `,
  check(owner, { report }) {
    for (const entry of owner.entries) {
      const { problem, source, node } = entry;
      // Numbers and maps are no text at all: secret-value-type.
      if (!problem || !source || node?.type !== 'string') continue;
      const { message, place, fixes } = diagnose(entry, problem, source);
      report(place ?? valuePlace(entry), message, { fixes });
    }
  },
});

interface Diagnosis {
  message: string;
  place?: Place;
  fixes: (Fix | undefined)[];
}

function diagnose(entry: SecretEntry, problem: Base64Problem, source: MappedText): Diagnosis {
  const raw = source.text;
  const set = (title: string, base64: string) =>
    fix(title, entry.node && replaceValue(entry.node, base64), { isSafe: true });

  const joined = raw.replace(/[ \t]/g, '');
  if (problem.code === 'blank' && reads(joined) && isMeant(joined, raw)) {
    const header = foldedHeader(entry);
    if (header) {
      return {
        message: 'folding (>) puts blanks into the base64: | keeps the lines apart',
        place: header,
        fixes: [
          fix('Change > to |', [{ at: header.part.place(header.start, header.start + 1), newText: '|' }], {
            isSafe: true,
          }),
        ],
      };
    }
    const lines = source.part.text.slice(source.whole.start, source.whole.end).split('\n').length;
    return {
      message: lines > 1 ? 'YAML joins these lines with blanks, and base64 has none' : 'there is a blank in the base64',
      place: lines > 1 ? entry.keyPlace : source.place(problem.start, problem.end),
      fixes: [set(lines > 1 ? 'Join the lines' : 'Remove the blanks', joined.replace(/[\r\n]/g, ''))],
    };
  }

  const unquoted = raw.trim().replace(/^(["'])(.*)\1$/s, '$2');
  if (unquoted !== raw.trim() && reads(unquoted) && isMeant(unquoted, unquoted)) {
    return { message: 'the quotes inside the value are no base64', fixes: [set('Remove the inner quotes', unquoted)] };
  }

  const standard = padded(joined.replaceAll('-', '+').replaceAll('_', '/'));
  if (/[-_]/.test(raw) && reads(standard) && isMeant(standard, raw)) {
    return {
      message: 'this is the URL alphabet of base64 (- and _): the API server reads + and /',
      fixes: [set('Write it in the standard alphabet', standard)],
    };
  }

  if (problem.code === 'glued') {
    const pieces = (joined.match(/[^=]+=*/g) ?? []).map(padded);
    const bytes = pieces.map((it) => decodeBase64(it));
    if (bytes.every((it) => !it.problem)) {
      return {
        message: `these are ${pieces.length} pieces of base64 behind each other: a = may stand only at the end`,
        place: source.place(problem.start, problem.end),
        fixes: [
          fix(
            'Make one base64 of them',
            entry.node && replaceValue(entry.node, encodeBase64(Uint8Array.from(bytes.flatMap((it) => [...it.bytes])))),
          ),
        ],
      };
    }
  }

  const repadded = padded(joined);
  if (problem.code === 'padding' && reads(repadded) && isMeant(repadded, raw)) {
    const isMissing = joined.length < repadded.length;
    return {
      message: isMissing
        ? 'the padding (=) at the end of the base64 is missing'
        : 'the base64 has too much padding (=) at its end',
      fixes: [set('Correct the padding', repadded)],
    };
  }

  if (isBase64WithSlip(raw)) {
    return problem.code === 'padding'
      ? { message: `a character of the base64 is lost or too many: ${joined.length} cannot be right`, fixes: [] }
      : {
          message: `character ${problem.start + 1} of ${raw.length} is not of the base64 alphabet`,
          place: source.place(problem.start, problem.end),
          fixes: [],
        };
  }
  return {
    message: `${entry.name} is clear text, and ${entry.container} holds base64`,
    fixes: clearTextCures(entry, encodedSource(entry)),
  };
}

function reads(base64: string): boolean {
  return base64 !== '' && decodeBase64(base64).problem === undefined;
}

/** Mended by force, every word decodes to something: what comes out must be text, or what went in much longer than words. */
function isMeant(mended: string, raw: string): boolean {
  const text = utf8(decodeBase64(mended).bytes);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters tell text from bytes
  if (text !== undefined && !/[\u0000-\u0008\u000e-\u001f\u007f]/.test(text)) return true;
  return /[A-Za-z0-9+/_-]{40,}/.test(raw);
}

function padded(base64: string): string {
  let letters = base64.replace(/[\r\n]/g, '');
  while (letters.endsWith('=')) letters = letters.slice(0, -1);
  return letters + '='.repeat((4 - (letters.length % 4)) % 4);
}

/** Long, without blanks, and hardly a foreign character: nobody's password. */
function isBase64WithSlip(raw: string): boolean {
  const text = raw.trim();
  const foreign = text.match(/[^A-Za-z0-9+/=\r\n]/g)?.length ?? 0;
  return text.length >= 40 && foreign <= 2 && !/[ \t]/.test(text) && /[A-Z]/.test(text) && /[a-z]/.test(text);
}

/** The `>` or `>-` of a folded block. */
function foldedHeader(entry: SecretEntry): Place | undefined {
  const part = entry.secret.part;
  const start = entry.node?.place.start;
  const header = start === undefined ? undefined : /^>[1-9+-]*/.exec(part.text.slice(start, start + 4))?.[0];
  return header && start !== undefined ? part.place(start, start + header.length) : undefined;
}
