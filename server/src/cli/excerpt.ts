/**
 * The line that a finding is about, as it may be shown to anybody: in a terminal, in the log of a CI system. Values of
 * Secrets and of secret options are replaced; what stands in base64 is shown decoded.
 */

import type { Place } from '../core/part.ts';
import type { Conf } from '../core/pgbackrest/conf.ts';
import { holdsSecret, resolveOption } from '../core/pgbackrest/options.ts';
import type { Setting } from '../core/pgbackrest/setting.ts';
import type { Resource } from '../core/resource.ts';
import { PostgresClusterResource } from '../core/resources/postgresCluster.ts';
import { ConfigMapResource, type SecretEntry, SecretResource } from '../core/resources/secret.ts';
import type { MappedText } from '../core/text/mappedText.ts';
import type { Workspace } from '../core/workspace.ts';

export interface Excerpt {
  /** One line without its line break, secrets replaced. */
  text: string;
  /** What the carets go under, in UTF-16 units of `text`; equal for an empty place. */
  start: number;
  end: number;
  /** true when the place goes on in the next line. */
  isCut: boolean;
  /** The entry whose base64 holds the line; undefined for a line of the file itself. */
  decodedFrom: string | undefined;
}

const MASK = '«secret»';

interface Stretch {
  start: number;
  end: number;
}

export function excerptOf(workspace: Workspace, place: Place): Excerpt {
  const { part } = place;
  const unit = workspace.unitAt(part.uri, part.start + place.start);
  const resources = unit?.resources ?? [];
  const confs = unit?.confs ?? [];
  const hidden = confs.find((it) => it.entry && isBase64(it.entry) && liesStrictlyIn(place, it.text));
  if (hidden?.entry) {
    const inner = insideOf(hidden.text, place);
    if (inner) return cut(hidden.text.text, inner, secretsOfConf(hidden), hidden.entry.name);
  }
  const readable = confs.filter((it) => !it.entry || !isBase64(it.entry));
  const entriesShown = new Set(readable.flatMap((it) => it.entry ?? []));
  const secrets = [
    ...readable.flatMap((conf) => secretsOfConf(conf).map((it) => conf.text.place(it.start, it.end))),
    ...resources.flatMap((it) => secretsOfResource(it, entriesShown)),
  ];
  return cut(part.text, place, secrets, undefined);
}

function isBase64(entry: SecretEntry): boolean {
  return (entry.container === 'data' && entry.secret instanceof SecretResource) || entry.container === 'binaryData';
}

function liesStrictlyIn({ start, end }: Place, { whole, isExact }: MappedText): boolean {
  return isExact && start >= whole.start && end <= whole.end && end - start < whole.end - whole.start;
}

/** The stretch of the mapped text that has exactly this place in the host: neighbours share characters of base64. */
function insideOf(text: MappedText, place: Place): Stretch | undefined {
  const near = text.indexAt(place.start);
  const last = text.indexAt(Math.max(place.start, place.end - 1));
  if (near === undefined || last === undefined) return undefined;
  const start = text.place(near, near + 1).start < place.start ? near + 1 : near;
  return { start, end: place.end > place.start ? Math.max(start, last + 1) : start };
}

/**
 * In units of the conf's own text, line by line whatever the parser made of them: half-typed text holds secrets too. A
 * line that is no option may be one whose `=` was forgotten, or the rest of a pass that was broken over two lines.
 */
function secretsOfConf({ text: { text } }: Conf): Stretch[] {
  const secrets: Stretch[] = [];
  for (const line of text.matchAll(/[^\r\n]+/g)) {
    const start = line.index + secretColumn(line[0]);
    const end = line.index + line[0].length;
    if (start < end) secrets.push({ start, end });
  }
  return secrets;
}

/** Where the part of a conf's line begins that must not be shown; its length when all of it may be. */
function secretColumn(line: string): number {
  const section = /^[\uFEFF\s]*\[[^\]]*\]?\s*/.exec(line);
  if (section) return section[0].length;
  const option = /^[\uFEFF\s#;]*([A-Za-z0-9_-]+)\s*=\s*/.exec(line);
  if (option) return mayHoldSecret(option[1]!, line.slice(option[0].length)) ? option[0].length : line.length;
  if (/^\s*[#;]/.test(line)) return line.length;
  const word = /^\s*([a-z][a-z0-9-]*)\s*/.exec(line);
  return word && resolveOption(word[1]!).definition ? word[0].length : 0;
}

function mayHoldSecret(key: string, value: string): boolean {
  const resolved = resolveOption(key);
  // No cipher has so long a name: the pass was put beside the wrong option.
  return holdsSecret(resolved) || (resolved.name === 'repo-cipher-type' && value.length > 16);
}

/** @param entriesShown hold a conf in clear text, in which only the secret options are hidden */
function secretsOfResource(resource: Resource, entriesShown: ReadonlySet<SecretEntry>): Stretch[] {
  if (resource instanceof SecretResource || resource instanceof ConfigMapResource) {
    return resource.entries.flatMap((it) => {
      if (entriesShown.has(it) || it.isOpaque || it.container === 'template') return [];
      if (resource instanceof ConfigMapResource && !NAMES_A_SECRET.test(it.name)) return [];
      if (it.container === 'generator') return valueOfLiteral(resource, it.keyPlace);
      const whole = it.source?.whole ?? it.node?.place;
      return whole ? [whole] : [];
    });
  }
  if (resource instanceof PostgresClusterResource) {
    return resource.scopes.flatMap((scope) => scope.global.flatMap(secretsOfSetting));
  }
  return [];
}

function secretsOfSetting({ resolved, valuePlace }: Setting): Stretch[] {
  return holdsSecret(resolved) ? [valuePlace] : [];
}

function valueOfLiteral(resource: Resource, { start, end }: Place): Stretch[] {
  const equals = resource.part.text.slice(start, end).indexOf('=');
  return equals < 0 ? [] : [{ start: start + equals + 1, end }];
}

const NAMES_A_SECRET = /pass|secret|token|key|credential/i;

/** What no reader of ours knows the place of: options on a command line, environment variables, a commented-out pass. */
const SECRET_LOOKING =
  /((?:^|[\s"'#-])[a-z0-9-]*(?:cipher-pass|passphrase|password|key-secret|s3-key|s3-token|azure-key|sas-token)\s*[=:]\s*|[A-Z][A-Z0-9_]*(?:PASS|PASSWORD|PASSPHRASE|SECRET|TOKEN|KEY)\b["']?\s*[:=]\s*["']?)([^\s"'{][^\s"']*)/g;

/** Passwords among the arguments of gpg and openssl, and the value of a container's variable on the line of its name. */
const SECRET_ARGUMENT =
  /((?:--passphrase(?:\s+|=)|-pass(?:in|out)?\s+["']?pass:|\bopenssl\b.*\s-k\s+)["']?|\bname:\s*["']?[A-Z0-9_]*(?:PASS|KEY|SECRET|TOKEN)[A-Z0-9_]*["']?\s*,\s*["']?value["']?:\s*["']?)([^\s"'{}$][^\s"'}]*)/g;

/** A quoted value may begin with a blank, and hold more of them. */
const SECRET_IN_QUOTES =
  /([A-Z][A-Z0-9_]*(?:PASS|PASSWORD|PASSPHRASE|SECRET|TOKEN|KEY)\b["']?\s*[:=]\s*)("(?!\$)[^"]+"|'[^']+')/g;

function cut(text: string, place: Stretch, secrets: readonly Stretch[], decodedFrom: string | undefined): Excerpt {
  const lineStart = Math.max(text.lastIndexOf('\n', place.start - 1), text.lastIndexOf('\r', place.start - 1)) + 1;
  const line = /[^\r\n]*/.exec(text.slice(lineStart))![0];
  const lineEnd = lineStart + line.length;
  const stretches = [...secrets, ...looksSecret(line, lineStart), ...valueAfterName(text, lineStart, line)]
    .map(({ start, end }) => ({ start: Math.max(start, lineStart), end: Math.min(end, lineEnd) }))
    .filter(({ start, end }) => end > start)
    .sort((a, b) => a.start - b.start);
  const segments = segmentsOf(stretches, lineStart, lineEnd);
  const shown = segments.map((it) => (it.isSecret ? MASK : text.slice(it.start, it.end))).join('');
  const start = shownOffset(segments, Math.min(place.start, lineEnd), 'start');
  const end = Math.max(start, shownOffset(segments, Math.min(place.end, lineEnd), 'end'));
  return { text: shown, start, end, isCut: place.end > lineEnd, decodedFrom };
}

interface Segment extends Stretch {
  isSecret: boolean;
}

/** The line from begin to end, cut where secrets begin and end; stretches are sorted and may overlap. */
function segmentsOf(secrets: readonly Stretch[], lineStart: number, lineEnd: number): Segment[] {
  const segments: Segment[] = [];
  let at = lineStart;
  for (const { start, end } of secrets) {
    if (end <= at) continue;
    if (start > at) segments.push({ start: at, end: start, isSecret: false });
    segments.push({ start: Math.max(start, at), end, isSecret: true });
    at = end;
  }
  return [...segments, { start: at, end: lineEnd, isSecret: false }];
}

/** Inside a mask there is no place: a start goes to the mask's begin, an end to its end. */
function shownOffset(segments: readonly Segment[], offset: number, side: 'start' | 'end'): number {
  let shown = 0;
  for (const { start, end, isSecret } of segments) {
    const length = isSecret ? MASK.length : end - start;
    const isInside = side === 'start' ? offset >= start && offset < end : offset > start && offset <= end;
    if (isInside) return shown + (isSecret ? (side === 'start' ? 0 : length) : offset - start);
    if (offset <= start) return shown;
    shown += length;
  }
  return shown;
}

function looksSecret(line: string, lineStart: number): Stretch[] {
  return [...line.matchAll(SECRET_LOOKING), ...line.matchAll(SECRET_ARGUMENT), ...line.matchAll(SECRET_IN_QUOTES)].map(
    (it) => {
      const start = lineStart + it.index + it[1]!.length;
      return { start, end: start + it[2]!.length };
    },
  );
}

/** `- name: PGBACKREST_REPO1_CIPHER_PASS` and below it `value: …`. */
function valueAfterName(text: string, lineStart: number, line: string): Stretch[] {
  const value = /^(\s*(?:- )?value:\s*)\S/.exec(line);
  if (!value) return [];
  const before = text.slice(text.lastIndexOf('\n', lineStart - 2) + 1, lineStart);
  if (!/\bname:.*(?:PASS|SECRET|TOKEN|KEY)/.test(before)) return [];
  return [{ start: lineStart + value[1]!.length, end: lineStart + line.length }];
}
