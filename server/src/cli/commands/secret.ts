import { readFile, realpath, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ioFailure } from '../../../../engine/src/files/source.ts';
import { inFile } from '../../core/part.ts';
import { decodeSecret, encodeSecret, type Recoding } from '../../core/queries/secretEncoding.ts';
import { type SecretEntry, SecretResource } from '../../core/resources/secret.ts';
import { Workspace } from '../../core/workspace.ts';
import { toUri } from '../../uris.ts';
import { oneOf, UsageError } from '../arguments.ts';
import { command } from '../command.ts';
import { writeNewFiles } from '../newFile.ts';
import { readStdin } from '../stdin.ts';
import { harmless, type Terminal } from '../terminal.ts';

const directions = ['encode', 'decode'] as const;

export const secret = command({
  name: 'secret',
  summary: 'turn a Kubernetes Secret from stringData to data or back',
  usage: ['secret encode FILE [-o OUT | --in-place]', 'secret decode FILE [-o OUT | --in-place | --entry KEY]'],
  description: [
    'encode turns stringData into data, decode turns data into stringData. Comments, order and everything else stay as they are; entries that cannot be turned (binary, sealed, filled in by a renderer) stay too, and are named. FILE may hold several documents, and may be - for stdin.',
    'decode --entry writes the bytes of one entry, exactly as a Pod gets them.',
  ],
  options: {
    output: { kind: 'text', short: 'o', value: 'OUT', help: 'a new file, readable by you only (default: stdout)' },
    'in-place': { kind: 'flag', help: 'change FILE itself' },
    entry: { kind: 'text', value: 'KEY', help: 'decode: only the bytes of this entry' },
    name: { kind: 'text', value: 'NAME', help: 'the Secret of this name, where FILE holds several' },
  },
  examples: [
    { line: 'restorable secret encode secret.yaml --in-place', what: 'before it goes to a tool that wants data' },
    { line: 'kubectl get secret backup -o yaml | restorable secret decode -', what: 'to read what is in the cluster' },
    { line: 'restorable secret decode secret.yaml --entry s3.conf -o s3.conf', what: 'one entry into a file' },
  ],
  async run({ options, positionals }, terminal) {
    const [first, file, ...more] = positionals.map((it) => it.value);
    if (first === undefined) throw new UsageError(`secret needs to know what to do: ${directions.join(' or ')}`);
    const direction = oneOf(directions, first, 'the action');
    if (file === undefined || more.length > 0)
      throw new UsageError(`secret ${direction} needs one FILE, or - for stdin`);
    const { output, entry } = options;
    if (entry !== undefined && direction === 'encode') throw new UsageError('--entry is for secret decode only');
    if (options['in-place'] && (output !== undefined || entry !== undefined || file === '-')) {
      throw new UsageError('--in-place changes FILE: it goes with no other target, and not with stdin');
    }
    const text = await readText(file, terminal);
    const workspace = new Workspace([]);
    const uri = toUri(resolve(file === '-' ? 'stdin.yaml' : file));
    workspace.setFile(uri, text, 'yaml');
    const secrets = secretsIn(workspace, uri, options.name);
    if (entry !== undefined) {
      await write(entryBytes(secrets, entry), output, terminal);
      return 0;
    }
    const recodings = secrets.map((it) => (direction === 'encode' ? encodeSecret(it) : decodeSecret(it)));
    const changed = applied(text, recodings);
    if (options['in-place']) await replaceFile(file, changed);
    else await write(changed, output, terminal);
    sayWhatHappened(recodings, direction, terminal);
    return 0;
  },
});

/** @throws UsageError when there is none, or none of that name */
function secretsIn(workspace: Workspace, uri: string, name: string | undefined): SecretResource[] {
  const all = workspace
    .units(uri)
    .flatMap((it) => it.resources.filter((one) => one instanceof SecretResource))
    .filter((it) => it.manifestKind === 'Secret' && it.apiVersion === 'v1');
  if (all.length === 0)
    throw new UsageError('there is no Secret in it', 'Name a manifest with apiVersion: v1 and kind: Secret.');
  const chosen = name === undefined ? all : all.filter((it) => it.name === name);
  if (chosen.length === 0) {
    throw new UsageError(
      `there is no Secret ${name} in it`,
      `It holds ${harmless(all.map((it) => it.name).join(', '))}.`,
    );
  }
  return chosen;
}

function entryBytes(secrets: readonly SecretResource[], name: string): Uint8Array {
  const found = secrets.flatMap((it) => it.entry(name) ?? []);
  if (found.length === 0) {
    const names = [...new Set(secrets.flatMap((it) => it.entries.map((entry) => entry.name)))];
    throw new UsageError(`there is no entry ${name}`, `The Secret holds ${harmless(names.join(', ')) || 'none'}.`);
  }
  if (found.length > 1)
    throw new UsageError(`several Secrets have an entry ${name}`, 'Say which one with --name NAME.');
  return bytesOf(found[0]!);
}

function bytesOf(entry: SecretEntry): Uint8Array {
  if (entry.bytes) return entry.bytes;
  throw new UsageError(
    entry.isOpaque
      ? `the value of ${entry.name} is filled in elsewhere: what stands here is only its place`
      : `the value of ${entry.name} is not base64`,
    entry.isOpaque ? 'Decode it where it is made, or in the cluster.' : 'restorable check says where it breaks.',
  );
}

function applied(text: string, recodings: readonly Recoding[]): string {
  const edits = recodings.flatMap((it) => it.edits.map((edit) => ({ ...inFile(edit.at), newText: edit.newText })));
  let changed = text;
  for (const { start, end, newText } of edits.sort((a, b) => b.start - a.start)) {
    changed = changed.slice(0, start) + newText + changed.slice(end);
  }
  return changed;
}

async function readText(file: string, terminal: Terminal): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = file === '-' ? await readStdin(terminal, 'the Secret') : await readFile(file);
  } catch (error) {
    throw ioFailure(error, file, 'open');
  }
  if (bytes.includes(0)) throw new UsageError(`${file === '-' ? 'stdin' : file} is binary, not a manifest`);
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}

async function write(content: string | Uint8Array, output: string | undefined, terminal: Terminal): Promise<void> {
  if (output === undefined || output === '-') return terminal.print(content);
  await writeNewFiles([{ path: output, bytes: content }]);
  terminal.say(`Written: ${output}, readable by you only.`);
}

/** Beside it and then in its place, with its permissions: a full disk must not cost the only copy of a key. */
async function replaceFile(file: string, text: string): Promise<void> {
  try {
    const target = await realpath(file);
    const { mode } = await stat(target);
    const beside = join(dirname(target), `.restorable-${process.pid}.yaml`);
    await writeFile(beside, text, { mode: mode & 0o777, flag: 'wx' });
    await rename(beside, target);
  } catch (error) {
    throw ioFailure(error, file, 'write');
  }
}

function sayWhatHappened(recodings: readonly Recoding[], direction: 'encode' | 'decode', { say }: Terminal): void {
  const changed = recodings.flatMap((it) => it.changed);
  const kept = recodings.flatMap((it) => it.kept);
  const done = direction === 'encode' ? 'Encoded' : 'Decoded';
  if (changed.length > 0) say(harmless(`${done}: ${changed.join(', ')}.`));
  else if (kept.length === 0) say(`Nothing to ${direction}.`);
  for (const { name, because } of kept) say(harmless(`Left as it is: ${name}, since ${because}.`));
}
