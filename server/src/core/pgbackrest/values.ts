/**
 * Reads the value of one option the way pgBackRest does (facts: src/config/parse.c and its conversions), and says what is
 * wrong with it, whether or not the option's dependency is met: pgBackRest would not even look at it then, and finds out
 * on the day somebody switches the dependency on. Knows one value at a time; what several options mean together is for rules.
 */

import { nearestName } from '../nearest.ts';
import { isOpaque } from '../opaque.ts';
import {
  compareReleases,
  definitionAt,
  latestRelease,
  type OptionDefinition,
  optionDefinition,
  type Range,
  type Release,
} from './options.ts';
import { formatSize, formatTime, parseSize, parseTime, parseTimeBefore253 } from './units.ts';

export { isOpaque } from '../opaque.ts';

export type ValueProblemCode =
  | 'empty'
  | 'not-boolean'
  | 'not-integer'
  | 'not-size'
  | 'not-time'
  | 'not-allowed'
  | 'not-in-target'
  | 'out-of-range'
  | 'relative-path'
  | 'double-slash'
  | 'trailing-slash'
  | 'no-equals'
  | 'not-base64'
  | 'quoted'
  | 'inline-comment'
  | 'unit-ignored';

export interface ValueProblem {
  code: ValueProblemCode;
  /** What is wrong: no final dot, and nothing of the value where the option is a secret. */
  message: string;
  /** UTF-16 offsets into the value's text. */
  start: number;
  end: number;
  /** What stands between `start` and `end` when it is right; absent where we would have to guess. */
  replacement?: string;
  /**
   * `refused`: pgBackRest stops, with 32 (31 for a hash without =), in every command that reads the option.
   * `silent`: it takes something else than the author meant. `harmless`: it takes what the author meant.
   */
  effect: 'refused' | 'silent' | 'harmless';
}

/** A number counts what the type says: bytes of a size, milliseconds of a time. */
export type OptionValue = string | number | { key: string; value: string };

export interface ReadValue {
  /** Absent when pgBackRest would refuse the text, and when the text is a placeholder. */
  value?: OptionValue;
  /** The text holds something that a renderer, a vault or a person still has to fill in: nothing was judged. */
  isOpaque: boolean;
  problems: ValueProblem[];
}

export interface ReadContext {
  /** Full key for messages; without it the option's name. */
  key?: string;
  /** The effective value of another option of the same index by its name without index; undefined where it is not set. */
  siblings?: (name: string) => string | undefined;
  /** The release that will read the file; the newest we know if absent. */
  target?: Release;
}

/**
 * @param text the value as the reader of the file hands it on: without white space at both ends, one line of a list or hash.
 * Never throws.
 */
export function readValue(definition: OptionDefinition, text: string, context: ReadContext = {}): ReadValue {
  if (text === '') {
    const message = `${context.key ?? definition.name} has no value`;
    return { isOpaque: false, problems: [{ code: 'empty', message, start: 0, end: 0, effect: 'refused' }] };
  }
  if (isOpaque(text)) return { isOpaque: true, problems: [] };
  const target = context.target ?? latestRelease;
  const reading = new Reading(definitionAt(definition, target) ?? definition, definition, text, { ...context, target });
  const value = reading.read();
  const isRefused = reading.problems.some((problem) => problem.effect === 'refused');
  return { value: isRefused ? undefined : value, isOpaque: false, problems: reading.problems };
}

class Reading {
  readonly problems: ValueProblem[] = [];
  readonly name: string;

  constructor(
    /** The option as the target sees it. */
    readonly option: OptionDefinition,
    /** The option as the newest release sees it. */
    readonly newest: OptionDefinition,
    readonly text: string,
    readonly context: ReadContext & { target: Release },
  ) {
    this.name = context.key ?? option.name;
  }

  read(): OptionValue | undefined {
    switch (this.option.type) {
      case 'boolean':
        return this.boolean();
      case 'integer':
        return this.inRange(this.integer());
      case 'size':
        return this.inRange(this.size());
      case 'time':
        return this.inRange(this.time());
      case 'string-id':
        return this.oneOf();
      case 'path':
        return this.path();
      case 'hash':
        return this.pair();
      case 'string':
      case 'list':
        return this.string();
    }
  }

  boolean(): string | undefined {
    const allowed = ['y', 'n'];
    if (allowed.includes(this.text)) return this.text;
    if (this.newest.allow?.includes(this.text)) return this.tooNew(this.text, this.newest);
    const core = this.decoration() ?? this.text;
    return this.refuse('not-boolean', `${this.name} takes y or n${this.instead()}`, booleanWords[core.toLowerCase()]);
  }

  integer(): number | undefined {
    if (/^[+-]?\d+$/.test(this.text) && Number.isSafeInteger(Number(this.text))) return Number(this.text);
    const core = this.decoration();
    const replacement = core !== undefined && /^[+-]?\d+$/.test(core) ? core : undefined;
    return this.refuse('not-integer', `${this.name} takes a whole number without unit${this.instead()}`, replacement);
  }

  size(): number | undefined {
    const bytes = parseSize(this.text);
    if (bytes !== undefined) {
      if (!this.option.allow || this.option.allow.some((it) => parseSize(it) === bytes)) return bytes;
      return this.refuse('not-allowed', `${this.name} takes only ${listed(this.option.allow)}${this.instead()}`);
    }
    const core = (this.decoration() ?? this.text).replace(/(?<=\d)\s+(?=[a-z])/gi, '');
    return this.refuse(
      'not-size',
      `${this.name} takes a whole number with a unit such as KiB, MiB or GiB${this.instead()}`,
      wholeSize(core),
    );
  }

  time(): number | undefined {
    if (compareReleases(this.context.target, '2.53') < 0) return this.timeBefore253();
    const ms = parseTime(this.text);
    if (ms !== undefined) return ms;
    const core = (this.decoration() ?? this.text).replace(/(?<=\d)\s+(?=[a-z])/gi, '');
    return this.refuse(
      'not-time',
      `${this.name} takes a whole number with a unit such as ms, s, m or h${this.instead()}`,
      wholeTime(core),
    );
  }

  timeBefore253(): number | undefined {
    const read = parseTimeBefore253(this.text);
    if (!read) {
      const core = this.decoration() ?? '';
      const replacement = /^\d+(?:\.\d+)?$/.test(core) ? core : undefined;
      return this.refuse('not-time', `${this.name} takes a number of seconds${this.instead()}`, replacement);
    }
    if (read.ignored !== undefined) {
      const meant = parseTime(this.text);
      this.problems.push({
        code: 'unit-ignored',
        message: `pgBackRest before 2.53 ignores the unit: ${this.name} means ${read.ms / 1000} s here`,
        start: 0,
        end: this.text.length,
        replacement: meant === undefined ? undefined : String(meant / 1000),
        effect: meant === read.ms ? 'harmless' : 'silent',
      });
    }
    return read.ms;
  }

  oneOf(): string | undefined {
    const { option, newest, text } = this;
    const allowed = option.allow ?? [];
    if (allowed.includes(text)) return text;
    if (newest.allow?.includes(text)) return this.tooNew(text, newest);
    const core = this.decoration() ?? text;
    const known = otherSpellings[core.toLowerCase().replace(/[_\s]+/g, '-')];
    const folded = core.toLowerCase().replace(/[_\s]+/g, '-');
    const replacement = [known, folded, option.boolLike ? booleanWords[folded] : undefined].find(
      (it) => it !== undefined && allowed.includes(it),
    );
    return this.refuse(
      'not-allowed',
      `${this.name} takes ${listed(allowed)}${this.instead()}`,
      replacement ?? (core.length > 2 ? nearestName(allowed, core) : undefined),
    );
  }

  path(): string | undefined {
    const { name, text } = this;
    if (text.startsWith('/')) {
      const comment = inlineComment(text);
      if (comment) this.silentComment(comment);
      if (text.includes('//'))
        return this.refuse('double-slash', `${name} contains //`, comment ? undefined : text.replace(/\/{2,}/g, '/'));
      if (text.length > 1 && text.endsWith('/') && !comment) {
        this.problems.push({
          code: 'trailing-slash',
          message: `the slash at the end of ${name} has no meaning`,
          start: text.length - 1,
          end: text.length,
          replacement: '',
          effect: 'harmless',
        });
      }
      return text.length > 1 ? text.replace(/\/$/, '') : text;
    }
    const core = this.decoration();
    const replacement = core?.startsWith('/') && !core.includes('//') ? core : undefined;
    return this.refuse('relative-path', `${name} must be an absolute path that begins with /`, replacement);
  }

  pair(): { key: string; value: string } | undefined {
    const equals = this.text.indexOf('=');
    if (equals < 0) return this.refuse('no-equals', `${this.name} takes KEY=VALUE, and this has no =`);
    const comment = inlineComment(this.text);
    if (comment) this.silentComment(comment);
    return { key: this.text.slice(0, equals), value: this.text.slice(equals + 1) };
  }

  string(): string | undefined {
    const { name, option, text } = this;
    const quote = quoted(text);
    if (quote !== undefined && option.type === 'string') {
      this.problems.push({
        code: 'quoted',
        message: `the quotes are part of ${name}`,
        start: 0,
        end: text.length,
        // Without its quotes a passphrase is another one: an existing repository would not open any more.
        replacement: option.secure ? undefined : quote,
        effect: 'silent',
      });
    }
    const comment = inlineComment(text);
    if (comment) this.silentComment(comment);
    if (
      option.name === 'repo-azure-key' &&
      !comment &&
      quote === undefined &&
      (this.sibling('repo-azure-key-type') ?? 'shared') === 'shared'
    ) {
      if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) {
        return this.refuse('not-base64', `${name} must be base64 when ${this.keyOf('repo-azure-key-type')} is shared`);
      }
    }
    return text;
  }

  inRange(number: number | undefined): number | undefined {
    if (number === undefined) return undefined;
    const range = this.range();
    if (!range) return number;
    const [low, high] = range.limits.map((limit) => this.count(limit)) as [number, number];
    if (number >= low && number <= high) return number;
    const when = range.when ? ` when ${range.when}` : '';
    const nearest = number < low ? range.limits[0] : range.limits[1];
    this.refuse(
      'out-of-range',
      `${this.name} must be between ${range.limits[0]} and ${range.limits[1]}${when}${this.instead()}`,
    );
    // Only one side can be meant by a number just beside the range; a far-off one may be any mistake.
    if (this.option.type === 'integer' && Math.abs(number - this.count(nearest)!) <= 1)
      this.problems.at(-1)!.replacement = nearest;
    return undefined;
  }

  /** The range that holds for the sibling's value; where that is not known, the widest. */
  range(): { limits: Range; when?: string } | undefined {
    const { rangeByDepend, depend, range } = this.option;
    if (!rangeByDepend || !depend) return range && { limits: range };
    const value = this.sibling(depend.option);
    const own = value === undefined ? undefined : rangeByDepend[value];
    if (own) return { limits: own, when: `${this.keyOf(depend.option)} is ${value}` };
    const all = Object.values(rangeByDepend);
    const lows = all.map(([low]) => low).sort((a, b) => this.count(a)! - this.count(b)!);
    const highs = all.map(([, high]) => high).sort((a, b) => this.count(b)! - this.count(a)!);
    return { limits: [lows[0]!, highs[0]!] };
  }

  sibling(name: string): string | undefined {
    return this.context.siblings?.(name) ?? optionDefinition(name)?.default;
  }

  /** The full key of a sibling: with the index that the key at hand has. */
  keyOf(name: string): string {
    const { group } = this.option;
    const index = group && /^[a-z]+(\d+)-/.exec(this.name)?.[1];
    return index ? name.replace(group, `${group}${index}`) : name;
  }

  count(limit: string): number | undefined {
    if (this.option.type === 'size') return parseSize(limit);
    if (this.option.type === 'time') return parseTime(limit);
    return Number(limit);
  }

  /** What is left when quotes around the value or a comment behind it are taken away; undefined if there are none. */
  decoration(): string | undefined {
    const comment = inlineComment(this.text);
    const text = comment ? this.text.slice(0, comment.start) : this.text;
    return quoted(text) ?? (comment ? text : undefined);
  }

  silentComment(comment: { start: number; end: number }): void {
    this.problems.push({
      code: 'inline-comment',
      message: `a comment needs a line of its own: all of this is part of ${this.name}`,
      ...comment,
      replacement: this.option.secure ? undefined : '',
      effect: 'silent',
    });
  }

  tooNew(value: string, newest: OptionDefinition): undefined {
    const brought = newest.changes?.find((change) => 'allow' in change && !change.allow?.includes(value))?.before;
    return this.refuse('not-in-target', `${this.name} takes ${value} only since pgBackRest ${brought}`);
  }

  refuse(code: ValueProblemCode, message: string, replacement?: string): undefined {
    const comment = inlineComment(this.text);
    const bare = this.text.slice(0, comment?.start).trim();
    // With a comment behind a good value, or quotes around it, say that rather than what type it lacks.
    if (replacement !== undefined && comment && replacement === bare) {
      this.problems.push({
        code: 'inline-comment',
        message: `a comment needs a line of its own: here it is part of ${this.name}`,
        ...comment,
        replacement: '',
        effect: 'refused',
      });
      return undefined;
    }
    const isQuoted = replacement !== undefined && quoted(bare) === replacement && !comment;
    this.problems.push({
      code: isQuoted ? 'quoted' : code,
      message: isQuoted ? `${this.name} is written without quotes` : message,
      start: 0,
      end: this.text.length,
      replacement,
      effect: 'refused',
    });
    return undefined;
  }

  /** `, not 10`: only for options that hold no secret, and only what fits into a line. */
  instead(): string {
    return this.option.secure || this.text.length > 40 ? '' : `, not ${this.text}`;
  }
}

const booleanWords: Record<string, string> = {
  y: 'y',
  yes: 'y',
  true: 'y',
  on: 'y',
  1: 'y',
  t: 'y',
  enable: 'y',
  enabled: 'y',
  n: 'n',
  no: 'n',
  false: 'n',
  off: 'n',
  0: 'n',
  f: 'n',
  disable: 'n',
  disabled: 'n',
};

/** What other programs call what pgBackRest has another word for; taken only where the option allows the word. */
const otherSpellings: Record<string, string> = {
  gzip: 'gz',
  zlib: 'gz',
  zstd: 'zst',
  zstandard: 'zst',
  bzip2: 'bz2',
  bzip: 'bz2',
  off: 'none',
  no: 'none',
  n: 'none',
  false: 'none',
  uncompressed: 'none',
  aes256: 'aes-256-cbc',
  'aes-256': 'aes-256-cbc',
  aes256cbc: 'aes-256-cbc',
  'aes-256cbc': 'aes-256-cbc',
  'aes256-cbc': 'aes-256-cbc',
  'aes-cbc-256': 'aes-256-cbc',
  'aes-cbc': 'aes-256-cbc',
  aes: 'aes-256-cbc',
  'aes-256-gcm': 'aes-256-cbc',
  aws: 's3',
  minio: 's3',
  s3compatible: 's3',
  'aws-s3': 's3',
  google: 'gcs',
  gs: 'gcs',
  gcp: 'gcs',
  azblob: 'azure',
  azureblob: 'azure',
  blob: 'azure',
  smb: 'cifs',
  local: 'posix',
  file: 'posix',
  filesystem: 'posix',
  fs: 'posix',
  nfs: 'posix',
  ssh: 'sftp',
  virtual: 'host',
  'virtual-host': 'host',
  virtualhost: 'host',
  'virtual-hosted': 'host',
  warning: 'warn',
  err: 'error',
  verbose: 'detail',
  days: 'time',
  day: 'time',
  number: 'count',
  incremental: 'incr',
  differential: 'diff',
  iam: 'auto',
  irsa: 'web-id',
};

/** ` # text` or ` ; text` behind a value. A # without blank before it is a part of many good passphrases. */
function inlineComment(text: string): { start: number; end: number } | undefined {
  const match = /\s+(?:#|;\s|\/\/\s).*$/.exec(text);
  return match && match.index > 0 ? { start: match.index, end: text.length } : undefined;
}

function quoted(text: string): string | undefined {
  const match = /^(["'])(.+)\1$/.exec(text.trim());
  return match?.[2];
}

function listed(values: readonly string[]): string {
  return values.length < 2 ? values.join() : `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
}

/** `1.5MiB` is 1536KiB. */
function wholeSize(text: string): string | undefined {
  if (parseSize(text) !== undefined) return text;
  const match = /^(\d+)[.,](\d+)([kmgtp](?:i?b)?)$/i.exec(text);
  if (!match) return undefined;
  const bytes = Number(`${match[1]}.${match[2]}`) * parseSize(`1${match[3]}`)!;
  return Number.isInteger(bytes) ? formatSize(bytes) : undefined;
}

/** `0.5` is 500ms, `90 sec` is 90s. */
function wholeTime(text: string): string | undefined {
  if (parseTime(text) !== undefined) return text;
  const match =
    /^(\d+(?:[.,]\d+)?)(ms|msec|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)?$/i.exec(
      text,
    );
  if (!match) return undefined;
  const word = (match[2] ?? 's').toLowerCase();
  const unit = /^m(?:s|illi)/.test(word) ? 'ms' : word[0]!;
  const ms = Number(match[1]!.replace(',', '.')) * parseTime(`1${unit}`)!;
  return Number.isInteger(ms) ? formatTime(ms) : undefined;
}
