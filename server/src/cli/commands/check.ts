import { resolve } from 'node:path';
import type { LoadProblem } from '../../candidates.ts';
import { tellPast, UnknownRevision } from '../../checkout.ts';
import type { Finding } from '../../core/finding.ts';
import { inFile } from '../../core/part.ts';
import { looksLikeConf } from '../../core/pgbackrest/conf.ts';
import { explain } from '../../core/queries/explanation.ts';
import type { Targets } from '../../core/rule.ts';
import { allRules } from '../../core/rules/all.ts';
import { Workspace } from '../../core/workspace.ts';
import { type LoadedFile, load, settingsAbove } from '../../loader.ts';
import { toUri } from '../../uris.ts';
import { oneOf, UsageError } from '../arguments.ts';
import { command } from '../command.ts';
import { explanationJson, explanationText } from '../explanationText.ts';
import { diffText, findingsOf, fixedText, fixTexts, writeFixed } from '../fixing.ts';
import { reporters } from '../reporters/all.ts';
import { severities } from '../reporters/reporter.ts';
import { Sources } from '../sources.ts';
import { readStdin } from '../stdin.ts';
import { harmless, type Terminal } from '../terminal.ts';

const formats = ['text', 'json', 'sarif', 'github', 'unix'] as const;

export const check = command({
  name: 'check',
  summary: 'find mistakes in backup configuration',
  usage: ['check [PATH...] [OPTIONS]', 'check - --stdin-filename NAME [OPTIONS]'],
  description: [
    'Reads pgbackrest.conf files and Kubernetes manifests (of StackGres, Percona, Crunchy, Portworx, CloudNativePG and Zalando, Secrets, ConfigMaps), also where a configuration hides in the base64 of a Secret, and looks at them together: give it all files that belong together, or their folder. Without a PATH it takes the current folder. It needs no network, no cluster and no key.',
    'Lines are shown with everything secret taken out.',
  ],
  options: {
    format: { kind: 'text', choices: formats, help: 'how to print the findings (default: text)' },
    'fail-on': {
      kind: 'text',
      choices: severities,
      help: 'exit with 1 when something at least this serious is found (default: warning)',
    },
    target: {
      kind: 'text',
      isList: true,
      value: 'PRODUCT=VERSION',
      help: 'judge for these versions, e.g. pgbackrest=2.45,stackgres=1.15 (default: the newest)',
    },
    explain: {
      kind: 'flag',
      help: 'instead of findings, print the effective configuration: what counts, where it comes from, what is dropped and why (text or json)',
    },
    since: {
      kind: 'text',
      value: 'REVISION',
      help: 'in a checkout, compare with the state that REVISION and HEAD have in common, e.g. origin/main (default: HEAD)',
    },
    fix: { kind: 'flag', help: 'make the fixes that change nothing but the mistake, and write the files' },
    'dry-run': { kind: 'flag', help: 'with --fix: show what would change, secrets taken out, and write nothing' },
    'stdin-filename': {
      kind: 'text',
      value: 'NAME',
      help: 'the name that the text from stdin has; it decides how the text is read',
    },
  },
  examples: [
    { line: 'restorable check', what: 'everything below the current folder' },
    { line: 'restorable check deploy/ /etc/pgbackrest/pgbackrest.conf', what: 'a folder and a file, seen together' },
    { line: 'restorable check --explain deploy/', what: 'which settings count, and from where' },
    { line: 'kustomize build . | restorable check -', what: 'what a renderer makes' },
    { line: 'restorable check --since origin/main', what: 'also what a branch does to keys and repositories' },
    { line: 'restorable check --fix --dry-run', what: 'what the safe fixes would change' },
    { line: 'restorable check --format sarif deploy/ > restorable.sarif', what: 'for code scanning' },
  ],
  exitCodes: [
    { left: '0', help: 'nothing found at or above --fail-on' },
    { left: '1', help: 'something was found' },
    { left: '2', help: 'wrong usage, or a file could not be read' },
  ],
  async run({ options, positionals }, terminal) {
    const targets = readTargets(options.target);
    const paths = positionals.map((it) => it.value);
    const stdinName = options['stdin-filename'];
    if (stdinName !== undefined && !paths.includes('-')) {
      throw new UsageError(
        '--stdin-filename has no meaning without - among the paths',
        'restorable check - --stdin-filename NAME',
      );
    }
    if (options['dry-run'] && !options.fix) {
      throw new UsageError('--dry-run has no meaning without --fix', 'restorable check --fix --dry-run');
    }
    if (options.fix && paths.includes('-')) {
      throw new UsageError('what comes from stdin cannot be fixed in its place', 'Name the files to be fixed.');
    }
    const workspace = new Workspace(allRules);
    workspace.setTargets(targets);
    const files = paths.filter((it) => it !== '-');
    const loaded = await load(paths.length === 0 ? ['.'] : files);
    for (const it of await settingsFor(files)) workspace.setFile(it.uri, it.text);
    for (const it of loaded.files) workspace.setFile(it.uri, it.text);
    const names = new Map<string, string>();
    if (paths.includes('-')) {
      const { uri, name, text, language } = await readText(stdinName, terminal);
      names.set(uri, name);
      workspace.setFile(uri, text, language);
    }
    if (options.explain) {
      await explainAll(workspace, names, options.format ?? 'text', terminal);
      for (const it of loaded.problems) sayProblem(it, terminal);
      return loaded.problems.length > 0 ? 2 : 0;
    }
    await compare(workspace, paths.length === 0 ? ['.'] : files, options.since);
    const sources = new Sources(workspace, { folder: process.cwd(), names });
    const unwritten = options.fix ? await fix(workspace, options['dry-run'], options.format, sources, terminal) : 0;
    const findings = (await findingsOf(workspace)).sort(byPlace);
    await terminal.print(reporters[options.format ?? 'text'](findings, sources, terminal));
    for (const it of loaded.problems) sayProblem(it, terminal);
    if (sources.count === 0 && loaded.problems.length === 0) {
      terminal.say(
        `Among ${loaded.examined} files there was none that Restorable knows: pgbackrest.conf, or manifests of Secrets and of the supported operators.`,
      );
    }
    if (loaded.problems.length > 0 || unwritten > 0) return 2;
    const limit = severities.indexOf(options['fail-on'] ?? 'warning');
    return findings.some((it) => severities.indexOf(it.severity) <= limit) ? 1 : 0;
  },
});

/** The settings that lie above the paths; those below are found with everything else. */
async function settingsFor(paths: readonly string[]): Promise<LoadedFile[]> {
  const found = new Map<string, LoadedFile>();
  for (const path of paths.length === 0 ? ['.'] : paths) {
    const it = await settingsAbove(path);
    if (it) found.set(it.uri, it);
  }
  return [...found.values()];
}

/** @throws UsageError for a revision that is not here */
async function compare(workspace: Workspace, paths: readonly string[], since: string | undefined): Promise<void> {
  try {
    await tellPast(workspace, paths, { since });
  } catch (error) {
    if (error instanceof UnknownRevision) throw new UsageError(`--since: ${error.message}`);
    throw error;
  }
}

/** @returns how many files could not be written */
async function fix(
  workspace: Workspace,
  isDry: boolean,
  format: string | undefined,
  sources: Sources,
  terminal: Terminal,
): Promise<number> {
  const before = new Workspace([]);
  for (const uri of workspace.uris) before.setFile(uri, workspace.text(uri)!);
  const files = await fixTexts(workspace);
  // Output that a program reads stays what it is: then people read on stderr.
  const tell = (text: string) =>
    format === undefined || format === 'text' ? terminal.print(`${text}\n`) : terminal.say(text);
  if (isDry) {
    if (files.length > 0) await tell(diffText(files, before, workspace, sources, terminal));
    return 0;
  }
  const problems = await writeFixed(files);
  const written = files.filter((it) => !problems.some((problem) => problem.uri === it.uri));
  if (written.length > 0) await tell(fixedText(written, sources, terminal.paint));
  for (const it of problems) {
    const file = files.find((other) => other.uri === it.uri)!;
    workspace.setFile(it.uri, file.before);
    terminal.say(`${terminal.paintError('red', 'restorable:')} ${harmless(sources.name(it.uri))} ${it.message}`);
  }
  return problems.length;
}

/** @throws UsageError for a format that only findings have */
async function explainAll(
  workspace: Workspace,
  names: ReadonlyMap<string, string>,
  format: (typeof formats)[number],
  terminal: Terminal,
): Promise<void> {
  if (format !== 'text' && format !== 'json') {
    throw new UsageError(
      `--explain has no ${format} form, only text and json`,
      'restorable check --explain --format json',
    );
  }
  const sources = new Sources(workspace, { folder: process.cwd(), names });
  const explanations = explain(workspace);
  await terminal.print(
    format === 'json' ? explanationJson(explanations, sources) : explanationText(explanations, sources, terminal),
  );
  if (explanations.length === 0) terminal.say('Nothing here configures backups.');
}

const PRODUCTS = ['pgbackrest', 'stackgres'] as const satisfies readonly (keyof Targets)[];

/** @throws UsageError for an unknown product or what is no version */
function readTargets(given: readonly string[]): Targets {
  const targets: Targets = {};
  for (const it of given.flatMap((list) => list.split(',')).filter((it) => it !== '')) {
    const [name = '', version = ''] = it.split('=', 2);
    const product = oneOf(PRODUCTS, name, 'the product');
    if (!/^\d+(?:\.\d+){0,2}$/.test(version)) {
      throw new UsageError(
        `--target ${product} needs a version in numbers, as in ${product}=${product === 'pgbackrest' ? '2.45' : '1.15'}`,
      );
    }
    targets[product] = version;
  }
  return targets;
}

async function readText(stdinName: string | undefined, terminal: Terminal) {
  const bytes = await readStdin(terminal, 'the text to check');
  if (bytes.subarray(0, 8_000).includes(0)) {
    throw new UsageError('what comes from stdin is binary, not a manifest or a configuration');
  }
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  const name = stdinName ?? '<stdin>';
  // Without a name the text itself must say what it is.
  const language =
    stdinName !== undefined
      ? undefined
      : !/^apiVersion:|^kind:/m.test(text) && looksLikeConf(text, true)
        ? ('conf' as const)
        : ('yaml' as const);
  return { uri: toUri(resolve(stdinName ?? 'stdin.yaml')), name, text, language };
}

function byPlace(a: Finding, b: Finding): number {
  const one = inFile(a.at);
  const two = inFile(b.at);
  if (one.uri !== two.uri) return one.uri < two.uri ? -1 : 1;
  return one.start - two.start || one.end - two.end || (a.rule < b.rule ? -1 : 1);
}

const CURE: Record<LoadProblem['code'], string> = {
  missing: 'Check the path; relative paths start at the current folder.',
  unreadable: 'Run as a user who may read it, or leave it out.',
  'too-large': 'Manifests and configurations are small; name the right file.',
  binary: 'Save it as UTF-8 text if it should be one (Windows PowerShell writes UTF-16).',
  'too-many': 'Name the folder that holds the configuration.',
};

function sayProblem({ code, message }: LoadProblem, { say, paintError: paint }: Terminal): void {
  say(`${paint('red', 'restorable:')} ${harmless(message)}`);
  say(paint('dim', CURE[code]));
}
