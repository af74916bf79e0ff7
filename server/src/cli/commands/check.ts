import { resolve } from 'node:path';
import type { Finding } from '../../core/finding.ts';
import { inFile } from '../../core/part.ts';
import { looksLikeConf } from '../../core/pgbackrest/conf.ts';
import type { Targets } from '../../core/rule.ts';
import { allRules } from '../../core/rules/all.ts';
import { Workspace } from '../../core/workspace.ts';
import { examinePending } from '../../keyExaminer.ts';
import { type LoadProblem, load, toUri } from '../../loader.ts';
import { oneOf, UsageError } from '../arguments.ts';
import { command } from '../command.ts';
import { reporters } from '../reporters/all.ts';
import { severities } from '../reporters/reporter.ts';
import { Sources } from '../sources.ts';
import { readStdin } from '../stdin.ts';
import { harmless, type Terminal } from '../terminal.ts';

const formats = ['text', 'json', 'sarif', 'github'] as const;

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
    'stdin-filename': {
      kind: 'text',
      value: 'NAME',
      help: 'the name that the text from stdin has; it decides how the text is read',
    },
  },
  examples: [
    { line: 'restorable check', what: 'everything below the current folder' },
    { line: 'restorable check deploy/ /etc/pgbackrest/pgbackrest.conf', what: 'a folder and a file, seen together' },
    { line: 'kustomize build . | restorable check -', what: 'what a renderer makes' },
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
    const workspace = new Workspace(allRules);
    workspace.setTargets(targets);
    const files = paths.filter((it) => it !== '-');
    const loaded = await load(paths.length === 0 ? ['.'] : files);
    for (const it of loaded.files) workspace.setFile(it.uri, it.text);
    const names = new Map<string, string>();
    if (paths.includes('-')) {
      const { uri, name, text, language } = await readText(stdinName, terminal);
      names.set(uri, name);
      workspace.setFile(uri, text, language);
    }
    let byUri = workspace.findings();
    while (await examinePending(workspace)) byUri = workspace.findings();
    const findings = [...byUri.values()].flat().sort(byPlace);
    const sources = new Sources(workspace, { folder: process.cwd(), names });
    await terminal.print(reporters[options.format ?? 'text'](findings, sources, terminal));
    for (const it of loaded.problems) sayProblem(it, terminal);
    if (sources.count === 0 && loaded.problems.length === 0) {
      terminal.say(
        `Among ${loaded.examined} files there was none that Restorable knows: pgbackrest.conf, or manifests of Secrets and of the supported operators.`,
      );
    }
    if (loaded.problems.length > 0) return 2;
    const limit = severities.indexOf(options['fail-on'] ?? 'warning');
    return findings.some((it) => severities.indexOf(it.severity) <= limit) ? 1 : 0;
  },
});

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
