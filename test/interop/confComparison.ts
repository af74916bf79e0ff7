/**
 * Runs pgBackRest on a configuration, and asks the core about the same one: does the command start, which options are in
 * force, and is it told when a cipher option is dropped without a word. The command line of its own options, which
 * pgBackRest logs when a command begins, shows what it made of the files; secrets are <redacted> there.
 */

import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Finding } from '../../server/src/core/finding.ts';
import { commandOptions, type Line, syntaxErrorOf } from '../../server/src/core/pgbackrest/commandOptions.ts';
import { isReadAt, optionDefinition, type Release, resolveOption } from '../../server/src/core/pgbackrest/options.ts';
import { readingsOf } from '../../server/src/core/queries/confReading.ts';
import { allRules } from '../../server/src/core/rules/all.ts';
import { Workspace } from '../../server/src/core/workspace.ts';
import type { ConfCase } from './confGenerator.ts';

export interface Program {
  path: string;
  release: Release;
}

/** What the program did. */
export interface Run {
  exit: number;
  /** The options in force as it prints them, sorted; undefined where it stopped before. */
  options: string | undefined;
  output: string;
}

export interface Comparison {
  generated: ConfCase;
  run: Run;
  /** Whether both refuse, or both take it. */
  agreesOnRefusal: boolean;
  /** Whether both have the same options in force; undefined where the program does not say. */
  agreesOnOptions: boolean | undefined;
  ours: { refusal: string | undefined; options: string };
  /** The program refuses, and `check` has an error to say. */
  isRefusalTold: boolean | undefined;
  /** Cipher options that the program dropped silently and `check` says nothing about. */
  untoldCiphers: string[];
  /** How many it dropped silently. */
  droppedCiphers: number;
}

/** Error numbers of a configuration that cannot be used; 139 is the crash of old releases over repo0. */
const CONFIGURATION_ERRORS = new Set([25, 27, 29, 31, 32, 37, 42, 139]);

export async function compare(generated: ConfCase, program: Program, folder: string): Promise<Comparison> {
  const run = await runProgram(generated, program, folder);
  const ours = askCore(generated, program.release, folder);
  const isRefused = CONFIGURATION_ERRORS.has(run.exit) && !/no database found/.test(run.output);
  const dropped = isRefused ? [] : silentlyDropped(generated, run, program.release, ours.renumbered);
  return {
    generated,
    run,
    agreesOnRefusal: isRefused === (ours.refusal !== undefined),
    agreesOnOptions:
      run.options === undefined ? undefined : withoutDropped(run.options, ours.switchedOff) === ours.options,
    ours,
    isRefusalTold: isRefused && canBeTold(generated) ? ours.findings.some((it) => it.severity === 'error') : undefined,
    droppedCiphers: dropped.length,
    untoldCiphers: dropped
      .filter((it) => !isTold(it, ours.findings))
      .map((it) => `${it.uri}:${it.line + 1} ${it.name}`),
  };
}

/** What the environment does, and where there is no file at all, cannot be seen in the files. */
function canBeTold({ main, environment }: ConfCase): boolean {
  return main !== undefined && Object.keys(environment).length === 0;
}

/** The program's options without those that say where and how it runs here. */
const OURS =
  /^--(?:config-path|exec-id|lock-path|log-level-console|log-level-file|log-level-stderr|no-log-timestamp|stanza)(?:=|$)/;

const WITH_LOCK = new Set([
  'archive-get',
  'archive-push',
  'backup',
  'expire',
  'restore',
  'stanza-create',
  'stanza-delete',
  'stanza-upgrade',
  'start',
  'stop',
]);

function given({ command, stanza }: ConfCase, release: Release): string[] {
  const own = ['config-path', 'log-level-console', 'log-level-file', 'log-level-stderr', 'log-timestamp'];
  return [...own, ...(WITH_LOCK.has(command) ? ['lock-path'] : []), ...(stanza === undefined ? [] : ['stanza'])].filter(
    (it) => {
      const definition = optionDefinition(it);
      return !definition || isReadAt(definition, command, release);
    },
  );
}

function write({ main, fragments }: ConfCase, folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'lock'), { recursive: true });
  // Stops every command that would touch a repository, once it has read its configuration.
  writeFileSync(join(folder, 'lock/all.stop'), '');
  if (main !== undefined) writeFileSync(join(folder, 'pgbackrest.conf'), main);
  const names = Object.keys(fragments);
  if (names.length > 0) mkdirSync(join(folder, 'conf.d'));
  for (const it of names) writeFileSync(join(folder, 'conf.d', it), fragments[it]!);
}

function runProgram(generated: ConfCase, program: Program, folder: string): Promise<Run> {
  write(generated, folder);
  const values: Record<string, string> = {
    'config-path': folder,
    'lock-path': join(folder, 'lock'),
    'log-level-console': 'debug',
    'log-level-file': 'off',
    'log-level-stderr': 'off',
    'log-timestamp': 'n',
    stanza: generated.stanza ?? '',
  };
  const options = given(generated, program.release).map((it) => `--${it}=${values[it]}`);
  const env = { PATH: process.env.PATH, ...generated.environment };
  return new Promise((done) => {
    execFile(
      program.path,
      [...options, generated.command],
      { env, timeout: 5_000, killSignal: 'SIGKILL' },
      (error, stdout, stderr) => {
        const output = `${stdout}${stderr}`;
        const begin = new RegExp(`: ${generated.command} command begin \\S+:(.*)`).exec(output)?.[1];
        const exit = !error ? 0 : typeof error.code === 'number' ? error.code : error.signal === 'SIGSEGV' ? 139 : -1;
        done({ exit, output, options: begin === undefined ? undefined : normal(begin) });
      },
    );
  });
}

/** Cut before every `--`: a value that has one itself is cut on both sides alike. */
function normal(options: string): string {
  return options
    .split(/ (?=--)/)
    .map((it) => it.trim())
    .filter((it) => it !== '' && !OURS.test(it))
    .sort()
    .join('\n');
}

function askCore(generated: ConfCase, release: Release, folder: string) {
  const workspace = new Workspace(allRules);
  workspace.setTargets({ pgbackrest: release });
  const uri = `file://${folder}`;
  if (generated.main !== undefined) workspace.setFile(`${uri}/pgbackrest.conf`, generated.main, 'conf');
  for (const [name, text] of Object.entries(generated.fragments)) {
    if (/.\.conf$/.test(name)) workspace.setFile(`${uri}/conf.d/${name}`, text, 'conf');
  }
  const first = workspace.uris.flatMap((it) => workspace.units(it)).flatMap((it) => it.confs)[0];
  const reading = first && readingsOf(first, workspace.query())[0];
  const options = commandOptions<Line>({
    command: generated.command,
    stanza: generated.stanza,
    lines: reading?.settings ?? [],
    environment: Object.entries(generated.environment).map(([name, value]) => lineOfVariable(name, value)),
    given: given(generated, release),
    target: release,
  });
  const syntax = (reading?.confs ?? []).flatMap((conf) =>
    conf.tree.problems.map((it) => syntaxErrorOf(it, conf.text.text)).filter((it) => it !== undefined),
  );
  const [refusal] = options.refusals;
  const printed = options.inForce.flatMap(({ name: written, definition, lines, source }) => {
    const renumbered = definition.group && options.renumbered[definition.group];
    const name = written.replace(`${definition.group}${renumbered}-`, `${definition.group}1-`);
    if (definition.secure) return [`--${name}=<redacted>`];
    if (definition.type === 'boolean') return [lines[0].value === 'y' ? `--${name}` : `--no-${name}`];
    let values = lines.flatMap((it) =>
      source === 'environment' && definition.multi ? it.value.split(':') : [it.value],
    );
    if (definition.type === 'hash') {
      values = [...new Map(values.map((it) => [it.split('=', 1)[0], it]))].map(([, it]) => it);
    }
    return values.map((it) => `--${name}=${it.includes(' ') ? `"${it}"` : it}`);
  });
  return {
    refusal: syntax.length > 0 ? `${syntax[0]}: syntax` : refusal && `${refusal.code}: ${refusal.message}`,
    options: normal(printed.map((it) => ` ${it}`).join('')),
    renumbered: options.renumbered.repo,
    switchedOff: options.dropped
      .filter((it) => it.reason.kind === 'unmet' && it.line.value === 'n')
      .map((it) => `--no-${it.line.resolved.canonical}`),
    findings: [...workspace.findings().values()].flat(),
  };
}

/** `--no-repo1-block` is printed even where the option was dropped for want of repo1-bundle; it is off either way. */
function withoutDropped(options: string, switchedOff: readonly string[]): string {
  return options
    .split('\n')
    .filter((it) => !switchedOff.includes(it))
    .join('\n');
}

function lineOfVariable(name: string, value: string): Line {
  const key = name.replace('PGBACKREST_', '').toLowerCase().replaceAll('_', '-');
  return { key, resolved: resolveOption(key), value, isOpaque: false, scope: {} };
}

interface CipherLine {
  name: string;
  uri: string;
  line: number;
}

/** Cipher options in sections that the command reads, which are neither in force, nor beaten, nor warned about. */
function silentlyDropped(
  { main, fragments, command, stanza, environment }: ConfCase,
  run: Run,
  release: Release,
  renumbered: number | undefined,
): CipherLine[] {
  if (run.options === undefined || !isReadAt(optionDefinition('repo-cipher-pass')!, command, release)) return [];
  const order = [...(stanza === undefined ? [] : [`${stanza}:${command}`, stanza]), `global:${command}`, 'global'];
  const lines: (CipherLine & { rank: number })[] = [];
  const files = [
    ['pgbackrest.conf', main ?? ''],
    ...Object.entries(fragments)
      .filter(([name]) => /.\.conf$/.test(name))
      .map(([name, text]) => [`conf.d/${name}`, text]),
  ];
  for (const [uri, text] of files as [string, string][]) {
    let section = '';
    for (const [line, raw] of text.split('\n').entries()) {
      const trimmed = raw.trim();
      if (/^\[.*\]$/.test(trimmed)) section = trimmed.slice(1, -1);
      const key = /^(repo(?:0*[1-9]\d{0,2})?-cipher-(?:type|pass))[ \t]*=/.exec(trimmed)?.[1];
      const rank = order.indexOf(section);
      if (key === undefined || rank < 0) continue;
      const name = key.replace(/^repo0*(\d*)/, (_all, index) => `repo${index || 1}`);
      lines.push({ name, uri, line, rank });
    }
  }
  const inForce = (name: string) => {
    const known = name.replace(`repo${renumbered}-`, 'repo1-');
    return run.options!.split('\n').some((it) => it.startsWith(`--${known}=`));
  };
  return lines.filter((it) => {
    const isBeaten = lines.some((other) => other.name === it.name && other.rank < it.rank);
    const variable = `PGBACKREST_${it.name.toUpperCase().replaceAll('-', '_')}`;
    const type = variable.replace(/PASS$/, 'TYPE');
    // What the environment says cannot be known by a check of files.
    return !inForce(it.name) && !isBeaten && environment[variable] === undefined && environment[type] === undefined;
  });
}

function isTold({ uri, line }: CipherLine, findings: readonly Finding[]): boolean {
  return findings
    .flatMap((it) => [it.at, ...it.related.map((related) => related.at)])
    .some((it) => it.part.uri.endsWith(`/${uri}`) && it.part.text.slice(0, it.start).split('\n').length === line + 1);
}
