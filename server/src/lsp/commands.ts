/** `workspace/executeCommand`: what the server can do beyond answering (protocol.ts `COMMANDS`). */

import {
  type CancellationToken,
  type Connection,
  ErrorCodes,
  type ExecuteCommandParams,
  LSPErrorCodes,
  MessageType,
  type Position,
  type ProgressToken,
  ResponseError,
} from 'vscode-languageserver';
import { oldestRelease, release } from '../core/generated/pgbackrestOptions.ts';
import { Part, type Place } from '../core/part.ts';
import { addressOf, entryAt, entryOf, viewEdits, viewText } from '../core/queries/entryView.ts';
import { configuredArchives, wipeKeys } from '../core/queries/keySources.ts';
import { keyTemplate } from '../core/queries/keyTemplate.ts';
import { overview } from '../core/queries/overview.ts';
import { rotate, rotationTarget } from '../core/queries/rotation.ts';
import { decodeSecret, encodeSecret, type Recoding } from '../core/queries/secretEncoding.ts';
import { SecretResource } from '../core/resources/secret.ts';
import { allRules } from '../core/rules/all.ts';
import { TARGETS } from '../core/settings.ts';
import type { Workspace } from '../core/workspace.ts';
import {
  COMMANDS,
  type ConfiguredArchive,
  ENTRY_SCHEME,
  type EntryAddress,
  type EntryContents,
  type KeyTemplate,
  type KeyTemplateRequest,
  type OverviewAnswer,
  type TargetsAnswer,
} from '../protocol.ts';
import { canonicalUri } from '../uris.ts';
import { record, text } from './arguments.ts';
import type { Converter } from './convert.ts';
import type { Documents } from './documents.ts';
import type { ArchiveCommands } from './machine.ts';

export interface CommandContext {
  connection: Connection;
  workspace: Workspace;
  documents: Documents;
  convert: Converter;
  canApplyEdits: boolean;
  /** undefined where no archive can be opened: in a browser. */
  archives: ArchiveCommands | undefined;
}

/** @throws ResponseError with a sentence for the user; RequestCancelled when the client does not want the answer any more */
export async function executeCommand(
  context: CommandContext,
  params: ExecuteCommandParams,
  token: CancellationToken,
  stops: Map<ProgressToken, AbortController>,
): Promise<unknown> {
  const argument = record(params.arguments?.[0]);
  switch (params.command) {
    case COMMANDS.archives:
      return archives(context);
    case COMMANDS.overview:
      return overviewOf(context);
    case COMMANDS.targets:
      return targetsOf(context, argument);
    case COMMANDS.testRestore:
      return machineOf(context).testRestore(context, argument, { progressToken: params.workDoneToken, token, stops });
    case COMMANDS.inspect:
      return machineOf(context).inspect(context, argument, token);
    case COMMANDS.decrypt:
      return machineOf(context).decrypt(context, argument, { progressToken: params.workDoneToken, token, stops });
    case COMMANDS.keyTemplate:
      return template(context, argument);
    case COMMANDS.encodeSecret:
      return recode(context, argument, encodeSecret);
    case COMMANDS.decodeSecret:
      return recode(context, argument, decodeSecret);
    case COMMANDS.rotationTarget: {
      const { uri, offset } = placeOf(context, argument);
      return answered(rotationTarget(context.workspace, uri, offset));
    }
    case COMMANDS.rotateKey:
      return rotateKey(context, argument);
    case COMMANDS.readEntry:
      return readEntry(context, argument);
    case COMMANDS.writeEntry:
      return writeEntry(context, argument);
    default:
      throw new ResponseError(ErrorCodes.InvalidParams, `there is no command ${params.command}`);
  }
}

function machineOf({ archives }: CommandContext): ArchiveCommands {
  if (archives) return archives;
  throw new ResponseError(
    LSPErrorCodes.RequestFailed,
    'archives cannot be tested in a browser; open the folder in VS Code on a desktop, or use the command restorable',
  );
}

function archives({ workspace, documents, archives: machine }: CommandContext): ConfiguredArchive[] {
  return configuredArchives(workspace).map(({ label, uri, format, path, isEncrypted, keys }) => {
    wipeKeys(keys);
    const archive: ConfiguredArchive = {
      label,
      uri: documents.clientUri(uri),
      format,
      isEncrypted,
      keys: keys.map((it) => ({ source: it.source, uri: documents.clientUri(it.at.part.uri), kind: it.kind })),
    };
    if (path !== undefined && machine?.exists(path)) archive.path = path;
    return archive;
  });
}

function overviewOf(context: CommandContext): OverviewAnswer {
  const { configurations, secrets } = overview(context.workspace);
  const placed = <T extends { at: Place }>({ at, ...rest }: T) => {
    const location = context.convert.location(at);
    return location ? [{ ...rest, ...location }] : [];
  };
  return {
    configurations: configurations.flatMap((it) => placed({ ...it, repositories: it.repositories.flatMap(placed) })),
    secrets: secrets.flatMap((it) => placed({ ...it, entries: it.entries.flatMap(placed) })),
    archives: archives(context),
  };
}

/** StackGres: those between which the fields of backups changed. */
const STACKGRES_VERSIONS = ['1.18', '1.17', '1.16', '1.15', '1.14', '1.13'];

function targetsOf({ workspace }: CommandContext, argument: Record<string, unknown> | undefined): TargetsAnswer {
  const targets = workspace.targetsFor(canonicalUri(text(argument, 'uri')));
  return {
    products: TARGETS.map((product) => ({
      product,
      ...(targets[product] !== undefined && { version: targets[product] }),
      isSetting: workspace.targets[product] !== undefined,
      known: product === 'pgbackrest' ? releases() : STACKGRES_VERSIONS,
    })),
  };
}

/** Every release of pgBackRest that the table of options tells apart. */
function releases(): string[] {
  const minor = (it: string): number => Number(it.split('.')[1]);
  const newest = minor(release);
  return Array.from({ length: newest - minor(oldestRelease) + 1 }, (_, index) => `2.${newest - index}`);
}

function template(context: CommandContext, argument: Record<string, unknown> | undefined): KeyTemplate {
  const request = argument as Partial<KeyTemplateRequest> | undefined;
  const { key } = request ?? {};
  if (key !== 'pgbackrest' && key !== 'sodium' && key !== 'openpgp') {
    throw new ResponseError(ErrorCodes.InvalidParams, 'key must be pgbackrest, sodium or openpgp');
  }
  const uri = typeof request?.uri === 'string' ? canonicalUri(request.uri) : undefined;
  const lines = uri === undefined ? undefined : context.documents.lines(uri);
  const offset = request?.position && lines ? lines.offset(request.position) : undefined;
  const name = typeof request?.name === 'string' && request.name !== '' ? request.name : undefined;
  const namespace = typeof request?.namespace === 'string' && request.namespace !== '' ? request.namespace : undefined;
  const made = keyTemplate(context.workspace, { key, uri, offset, name, namespace });
  if ('problem' in made) throw new ResponseError(LSPErrorCodes.RequestFailed, made.problem);
  return made;
}

async function recode(
  context: CommandContext,
  argument: Record<string, unknown> | undefined,
  how: (secret: SecretResource) => Recoding,
): Promise<{ changed: string[]; kept: { name: string; because: string }[] }> {
  const { workspace, documents, convert, connection } = context;
  const uri = canonicalUri(text(argument, 'uri'));
  const position = record(argument?.position) as Position | undefined;
  const lines = documents.lines(uri);
  if (!lines) throw new ResponseError(LSPErrorCodes.RequestFailed, 'this file is not open and not in the workspace');
  const secrets = secretsAt(workspace, uri, position && lines.offset(position));
  if (secrets.length === 0) throw new ResponseError(LSPErrorCodes.RequestFailed, 'there is no Secret here');
  const recodings = secrets.map(how);
  const edits = recodings.flatMap((it) => it.edits);
  const changed = recodings.flatMap((it) => it.changed);
  const kept = recodings.flatMap((it) => it.kept);
  const why = kept.map((it) => `${it.name}: ${it.because}`).join('; ');
  if (edits.length === 0) {
    const message = why === '' ? 'there is nothing to change in this Secret' : `nothing was changed: ${why}`;
    throw new ResponseError(LSPErrorCodes.RequestFailed, message);
  }
  if (!context.canApplyEdits) {
    throw new ResponseError(LSPErrorCodes.RequestFailed, 'this editor does not let a language server change files');
  }
  const { applied } = await connection.workspace.applyEdit(convert.workspaceEdit(edits));
  if (!applied) {
    throw new ResponseError(LSPErrorCodes.RequestFailed, 'the editor did not take the change; nothing was written');
  }
  if (why !== '') {
    void connection.sendNotification('window/showMessage', {
      type: MessageType.Warning,
      message: `Left as it was: ${why}`,
    });
  }
  return { changed, kept };
}

function readEntry(
  { workspace, documents }: CommandContext,
  argument: Record<string, unknown> | undefined,
): EntryContents {
  const uri = canonicalUri(text(argument, 'uri'));
  const position = record(argument?.position) as Position | undefined;
  const lines = documents.lines(uri);
  if (!lines) throw new ResponseError(LSPErrorCodes.RequestFailed, 'this file is not open and not in the workspace');
  const entry = position ? entryAt(workspace, uri, lines.offset(position)) : entryOf(workspace, readAddress(argument));
  if (!entry) {
    const message = position
      ? 'there is no entry of a Secret or ConfigMap here'
      : 'the entry is not in the file any more';
    throw new ResponseError(LSPErrorCodes.RequestFailed, message);
  }
  const seen = viewText(entry);
  if ('problem' in seen) throw new ResponseError(LSPErrorCodes.RequestFailed, seen.problem);
  const address = addressOf(workspace, entry);
  return { ...seen, address: { ...address, uri: documents.clientUri(address.uri) } };
}

/** Nothing is written unless all of it can be: the edit is one. */
async function rotateKey(
  context: CommandContext,
  argument: Record<string, unknown> | undefined,
): Promise<{ title: string; files: string[] }> {
  const { workspace, documents, convert, connection, canApplyEdits } = context;
  const { uri, offset } = placeOf(context, argument);
  const rotation = answered(rotate(workspace, { uri, offset, key: text(argument, 'key'), rules: allRules }));
  const edits = rotation.files.flatMap(({ uri: file, text: wanted }) => {
    const lines = documents.lines(file);
    if (!lines) return [];
    const { start, end, newText } = smallestEdit(lines.text, wanted);
    return [{ at: new Part(file, lines.text, 0, 'yaml').place(start, end), newText }];
  });
  if (!canApplyEdits) {
    throw new ResponseError(LSPErrorCodes.RequestFailed, 'this editor does not let a language server change files');
  }
  const { applied } = await connection.workspace.applyEdit(convert.workspaceEdit(edits));
  if (!applied)
    throw new ResponseError(LSPErrorCodes.RequestFailed, 'the editor did not take the change; nothing was written');
  return { title: rotation.title, files: edits.map((it) => documents.clientUri(it.at.part.uri)) };
}

/** What differs, without what is the same at both ends. */
function smallestEdit(before: string, after: string): { start: number; end: number; newText: string } {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start++;
  let same = 0;
  while (same < shorter - start && before[before.length - 1 - same] === after[after.length - 1 - same]) same++;
  return { start, end: before.length - same, newText: after.slice(start, after.length - same) };
}

function placeOf(
  { documents }: CommandContext,
  argument: Record<string, unknown> | undefined,
): { uri: string; offset: number } {
  const uri = canonicalUri(text(argument, 'uri'));
  const position = record(argument?.position) as Position | undefined;
  const lines = documents.lines(uri);
  if (!lines) throw new ResponseError(LSPErrorCodes.RequestFailed, 'this file is not open and not in the workspace');
  if (!position) throw new ResponseError(ErrorCodes.InvalidParams, 'position is missing');
  return { uri, offset: lines.offset(position) };
}

function answered<T extends object>(result: T | { problem: string }): T {
  if ('problem' in result) throw new ResponseError(LSPErrorCodes.RequestFailed, result.problem);
  return result;
}

/** `was` is what the writer saw: what somebody else has put there since is not lost. */
async function writeEntry(
  { workspace, connection, convert, canApplyEdits }: CommandContext,
  argument: Record<string, unknown> | undefined,
): Promise<{ isChanged: boolean }> {
  const newText = argument?.text;
  if (typeof newText !== 'string') throw new ResponseError(ErrorCodes.InvalidParams, 'text is missing');
  const entry = entryOf(workspace, readAddress(record(argument?.address)));
  if (!entry) throw new ResponseError(LSPErrorCodes.RequestFailed, 'the entry is not in the file any more');
  const seen = viewText(entry);
  if (typeof argument?.was === 'string' && 'text' in seen && seen.text !== argument.was && seen.text !== newText) {
    throw new ResponseError(LSPErrorCodes.RequestFailed, 'the entry was changed in its file in the meantime');
  }
  const edits = viewEdits(entry, newText);
  if ('problem' in edits) throw new ResponseError(LSPErrorCodes.RequestFailed, edits.problem);
  if (edits.length === 0) return { isChanged: false };
  if (!canApplyEdits) {
    throw new ResponseError(LSPErrorCodes.RequestFailed, 'this editor does not let a language server change files');
  }
  const { applied } = await connection.workspace.applyEdit(convert.workspaceEdit(edits));
  if (!applied)
    throw new ResponseError(LSPErrorCodes.RequestFailed, 'the editor did not take the change; nothing was written');
  return { isChanged: true };
}

function readAddress(argument: Record<string, unknown> | undefined): EntryAddress {
  const address: EntryAddress = {
    uri: canonicalUri(text(argument, 'uri')),
    kind: text(argument, 'kind'),
    name: typeof argument?.name === 'string' ? argument.name : '',
    entry: text(argument, 'entry'),
    index: typeof argument?.index === 'number' ? argument.index : 0,
  };
  if (typeof argument?.namespace === 'string') address.namespace = argument.namespace;
  return address;
}

/** The address in a view's URI; undefined for any other. */
export function addressOfView(uri: string): EntryAddress | undefined {
  if (!uri.startsWith(`${ENTRY_SCHEME}:`)) return undefined;
  try {
    // Editors differ in what they encode: `%257B` is as good as `%7B`.
    let query = decodeURIComponent(uri.slice(uri.indexOf('?') + 1).replace(/#.*$/, ''));
    if (query.startsWith('%')) query = decodeURIComponent(query);
    return readAddress(record(JSON.parse(query)));
  } catch {
    return undefined;
  }
}

/** The Secret around the place, else of its document, else all of the file. */
export function secretsAt(workspace: Workspace, uri: string, offset: number | undefined): SecretResource[] {
  const isPlain = (it: unknown): it is SecretResource =>
    it instanceof SecretResource && it.manifestKind === 'Secret' && it.apiVersion === 'v1';
  if (offset === undefined) return workspace.units(uri).flatMap((it) => it.resources.filter(isPlain));
  const unit = workspace.unitAt(uri, offset);
  const here = unit?.resources.filter(isPlain) ?? [];
  const around = here.filter(({ node }) => node.place.start <= unit!.offset && unit!.offset <= node.place.end);
  return around.length > 0 ? around : here;
}
