/** Scripts as rules see them: the calls of the programs that make and encrypt backups, wherever they are written. */

import type { Edit, Part, Place } from '../part.ts';
import type { MappedText } from '../text/mappedText.ts';
import { type RawCommand, type RawPipeline, type RawWord, readShell } from './words.ts';

export interface Word {
  /** Without quotes; expansions stay as they are written. */
  text: string;
  isLiteral: boolean;
  at: Place;
  /** A stretch of the text, where the word is written as it reads; else the whole word. */
  placeOf(start: number, end: number): Place;
  /** Another word behind this one. */
  insertAfter(text: string): Edit[];
}

/** A call of one program, without what only starts it (`sudo -u postgres`, `env A=b`, `timeout 60`). */
export interface Call {
  /** Without folders: `pgbackrest`. */
  program: string;
  programWord: Word;
  args: Word[];
  /** `NAME=value` in front of it. */
  environment: { name: string; value: Word }[];
  redirects: { operator: string; target: Word }[];
}

/** Calls that feed each other, in order. */
export interface Pipeline {
  calls: Call[];
}

/** A variable that the script, or the container that runs it, sets. */
export interface Variable {
  name: string;
  value: string;
  isLiteral: boolean;
  at: Place;
}

export class Script {
  readonly kind = 'Script' as const;

  constructor(
    readonly part: Part,
    readonly pipelines: readonly Pipeline[],
    readonly variables: readonly Variable[],
    readonly traits: {
      /** A failing command anywhere in a pipeline makes it fail. */
      hasPipefail: boolean;
      /** `sh` and `dash` have no pipefail. */
      isPosix: boolean;
      /** Nobody sits in front of it: cron, a Job, a container. */
      isUnattended: boolean;
      /** Somebody else may set variables: `envFrom`, another file that is read in. */
      hasUnseenVariables: boolean;
      /** The whole text is at hand: a file or a block, not a list of arguments. */
      isText: boolean;
    },
  ) {}

  get calls(): Call[] {
    return this.pipelines.flatMap((it) => it.calls);
  }

  /** The calls of one program with the pipeline that each stands in. */
  callsOf(...programs: string[]): { call: Call; pipeline: Pipeline; index: number }[] {
    return this.pipelines.flatMap((pipeline) =>
      pipeline.calls.flatMap((call, index) => (programs.includes(call.program) ? [{ call, pipeline, index }] : [])),
    );
  }
}

/** The value of an option of a call: `--name value`, `--name=value`, `-n value`; undefined where it is not given. */
export function optionValue(
  call: Call,
  ...names: string[]
): { name: Word; value: Word | undefined; text: string } | undefined {
  for (const [i, word] of call.args.entries()) {
    for (const name of names) {
      if (word.text === name) return { name: word, value: call.args[i + 1], text: call.args[i + 1]?.text ?? '' };
      if (name.startsWith('--') && word.text.startsWith(`${name}=`)) {
        return { name: word, value: word, text: word.text.slice(name.length + 1) };
      }
    }
  }
  return undefined;
}

export function hasOption(call: Call, ...names: string[]): boolean {
  return optionValue(call, ...names) !== undefined;
}

/** Reads a text as a script. */
export function scriptOfText(
  text: MappedText,
  traits: Partial<Script['traits']> = {},
  given: readonly Variable[] = [],
): Script {
  const source = text.text;
  const read = commandsOf(text, readShell(source), 0);
  const shebang = /^#!\s*(\S+)(?:[ \t]+(\S+))?/.exec(source);
  const shell = shebang?.[1]?.endsWith('/env') ? shebang[2] : shebang?.[1];
  const setsPipefail = read.some((pipeline) =>
    pipeline.calls.some((it) => /^(?:set|shopt)$/.test(it.program) && it.args.some((arg) => arg.text === 'pipefail')),
  );
  const sourcesOthers = read.some((it) => it.calls.some((call) => call.program === '.' || call.program === 'source'));
  return new Script(text.part, read, [...given, ...variablesOf(text, source)], {
    isPosix: /(?:^|\/)(?:sh|dash|ash)$/.test(shell ?? ''),
    isUnattended: false,
    hasUnseenVariables: sourcesOthers,
    isText: true,
    ...traits,
    hasPipefail: setsPipefail || traits.hasPipefail === true || /pipefail/.test(shebang?.[0] ?? ''),
  });
}

/** A list of arguments as a container has it: no shell takes part. */
export function scriptOfArguments(
  part: Part,
  words: readonly Word[],
  traits: Partial<Script['traits']>,
  given: readonly Variable[],
): Script {
  const call = callOf(words, [], []);
  return new Script(part, call ? [{ calls: [call] }] : [], given, {
    hasPipefail: true,
    isPosix: false,
    isUnattended: true,
    hasUnseenVariables: false,
    isText: false,
    ...traits,
  });
}

export function wordOf(text: MappedText, raw: RawWord): Word {
  const written = text.text.slice(raw.start, raw.end);
  const offset = written.indexOf(raw.text);
  return {
    text: raw.text,
    isLiteral: raw.isLiteral,
    at: text.place(raw.start, raw.end),
    placeOf: (start, end) =>
      offset < 0 ? text.place(raw.start, raw.end) : text.place(raw.start + offset + start, raw.start + offset + end),
    insertAfter: (it) => text.edits([{ start: raw.end, end: raw.end, newText: ` ${it}` }]),
  };
}

function commandsOf(text: MappedText, raw: readonly RawPipeline[], depth: number): Pipeline[] {
  const found: Pipeline[] = [];
  for (const { commands } of raw) {
    const calls = commands.map((it) => callOfRaw(text, it)).filter((it) => it !== undefined);
    if (calls.length > 0) found.push({ calls });
    if (depth > 3) continue;
    // `bash -c '…'`, `su postgres -c "…"`: a text inside of the text.
    for (const it of commands)
      for (const inner of innerTexts(text, it)) found.push(...commandsOf(inner, readShell(inner.text), depth + 1));
  }
  return found;
}

const SHELLS = /^(?:ba|da|a|k|z)?sh$/;

function innerTexts(text: MappedText, command: RawCommand): MappedText[] {
  if (!command.words.some((it) => SHELLS.test(baseName(it.text)) || /^(?:su|runuser)$/.test(baseName(it.text))))
    return [];
  return command.words.flatMap((it, i) => {
    const next = command.words[i + 1];
    if (!next || !/^-[a-z]*c$/.test(it.text)) return [];
    const written = text.text.slice(next.start, next.end);
    // Only where quotes are all that stands around it.
    if (!/^(['"])[\s\S]*\1$/.test(written) || written.slice(1, -1) !== next.text) return [];
    const from = next.start + 1;
    const inner = next.text;
    return [
      text.layer({
        text: inner,
        from: Int32Array.from({ length: inner.length }, (_, k) => from + k),
        to: Int32Array.from({ length: inner.length }, (_, k) => from + k + 1),
        encode: (changed) => text.text.slice(0, from) + changed + text.text.slice(from + inner.length),
      }),
    ];
  });
}

function callOfRaw(text: MappedText, command: RawCommand): Call | undefined {
  return callOf(
    command.words.map((it) => wordOf(text, it)),
    command.assignments.map(({ name, value }) => ({ name, value: wordOf(text, value) })),
    command.redirects.map(({ operator, target }) => ({ operator, target: wordOf(text, target) })),
  );
}

/** Programs that only start another one; which options of theirs take a value nobody needs to know. */
const STARTERS = new Set([
  'sudo',
  'doas',
  'env',
  'exec',
  'command',
  'nohup',
  'nice',
  'ionice',
  'time',
  'timeout',
  'chpst',
  'setuidgid',
  'gosu',
  'su-exec',
  'runuser',
  'su',
  'xargs',
  'kubectl',
  'oc',
  'docker',
  'podman',
  'flock',
  'chronic',
  'envdir',
  'setpriv',
  'then',
]);

/** What is looked for behind a starter. */
const TOOLS = new Set([
  'gpg',
  'gpg2',
  'openssl',
  'pgbackrest',
  'wal-g',
  'pg_dump',
  'pg_dumpall',
  'pg_basebackup',
  'pg_restore',
  'psql',
  'mysqldump',
  'gzip',
  'zstd',
  'xz',
  'lz4',
  'bzip2',
  'pigz',
  'tar',
  'base64',
]);

function callOf(
  words: readonly Word[],
  environment: Call['environment'],
  redirects: Call['redirects'],
): Call | undefined {
  const [first] = words;
  if (!first) return undefined;
  let start = 0;
  if (STARTERS.has(baseName(first.text))) {
    const tool = words.findIndex((it, i) => i > 0 && it.isLiteral && TOOLS.has(baseName(it.text)));
    if (tool > 0) start = tool;
  }
  const programWord = words[start]!;
  const inner = words.slice(0, start).flatMap((it) => {
    const assignment = /^([A-Za-z_]\w*)=/.exec(it.text);
    return assignment ? [{ name: assignment[1]!, value: it }] : [];
  });
  return {
    program: baseName(programWord.text),
    programWord,
    args: words.slice(start + 1),
    environment: [...environment, ...inner],
    redirects,
  };
}

function baseName(text: string): string {
  return text.slice(text.lastIndexOf('/') + 1);
}

/** `NAME=value` and `export NAME=value`, in any command. */
function variablesOf(text: MappedText, source: string): Variable[] {
  const found: Variable[] = [];
  const add = (name: string, word: RawWord, value: string) =>
    found.push({ name, value, isLiteral: word.isLiteral, at: text.place(word.start, word.end) });
  for (const { commands } of readShell(source)) {
    for (const command of commands) {
      for (const { name, value } of command.assignments) add(name, value, value.text);
      if (!/^(?:export|declare|typeset|local|readonly|env)$/.test(command.words[0]?.text ?? '')) continue;
      for (const word of command.words.slice(1)) {
        const [whole, name] = /^([A-Za-z_]\w*)=/.exec(word.text) ?? [];
        if (whole !== undefined && name !== undefined) add(name, word, word.text.slice(whole.length));
      }
    }
  }
  return found;
}
