/**
 * What client and server say to each other beyond plain LSP. Types only: the client may import this file.
 *
 * Every command works through `workspace/executeCommand` with plain JSON, so that other editors can use it too. Key
 * material never travels in these messages: the client generates keys with the engine and puts them where the server's
 * template says `KEY_PLACEHOLDER`; test restores run in the server, which already holds the workspace.
 */

import type { EntryAddress, EntryLanguage } from './core/queries/entryView.ts';

export type { EntryAddress } from './core/queries/entryView.ts';
export type { RotationTarget } from './core/queries/rotation.ts';

export const KEY_PLACEHOLDER = '«key»';

export const COMMANDS = {
  /** [] -> ConfiguredArchive[] : what the workspace's configuration knows about where archives and keys are. */
  archives: 'restorable.server.archives',
  /** [{uri, position}] -> RotationTarget : which kind of key a new one there would be. */
  rotationTarget: 'restorable.server.rotationTarget',
  /** [{uri, position, key}] -> {title, files} : keeps what is there, and begins a new repository or storage with the key. */
  rotateKey: 'restorable.server.rotateKey',
  /** [] -> OverviewAnswer : the workspace at a glance: repositories and storages with their encryption, Secrets; no values. */
  overview: 'restorable.server.overview',
  /** [TestRestoreRequest] -> Report[] (engine/src/report.ts); progress and cancel by workDoneToken. */
  testRestore: 'restorable.server.testRestore',
  /** [{uri}] -> TargetsAnswer : for which versions the findings of a file are meant. */
  targets: 'restorable.server.targets',
  /** [InspectRequest] -> Inspection (engine/src/job.ts). */
  inspect: 'restorable.server.inspect',
  /** [DecryptRequest] -> DecryptAnswer : decrypts a file with a key that the workspace's configuration holds. */
  decrypt: 'restorable.server.decrypt',
  /** [KeyTemplateRequest] -> KeyTemplate : the manifest or option text that a new key belongs into. */
  keyTemplate: 'restorable.server.keyTemplate',
  /** [{uri, position?}] -> applies a workspace edit: stringData <-> data of the Secret there. */
  encodeSecret: 'restorable.server.encodeSecret',
  decodeSecret: 'restorable.server.decodeSecret',
  /** [{uri, position}] or [EntryAddress] -> EntryContents : what an entry of a Secret or ConfigMap holds, to be edited. */
  readEntry: 'restorable.server.readEntry',
  /** [{address: EntryAddress, text, was?}] -> applies a workspace edit that puts the text into the entry, in the form it had. */
  writeEntry: 'restorable.server.writeEntry',
} as const;

/** A source of key bytes that the server knows; the bytes stay in the server. */
export interface ConfiguredKey {
  /** `Secret db/backup, entry key` or `pgbackrest.conf, repo1-cipher-pass`. */
  source: string;
  uri: string;
  kind: 'pgbackrest-pass' | 'sodium' | 'openpgp';
}

/** A repository or storage found in the workspace's configuration, with the keys that are configured for it. */
export interface ConfiguredArchive {
  /** `repo1 of stanza db (pgbackrest.conf)` or `SGObjectStorage db/backup`. */
  label: string;
  uri: string;
  format: 'pgbackrest' | 'wal-g';
  /** Where the archive lies, when that is a folder of this machine that exists. */
  path?: string;
  isEncrypted: boolean;
  keys: ConfiguredKey[];
}

interface At {
  uri: string;
  range: { start: { line: number; character: number }; end: { line: number; character: number } };
}

export interface OverviewAnswer {
  configurations: (At & {
    /** `PerconaPGCluster db/prod`. */
    title: string;
    repositories: (At & {
      /** `repo1: s3, encrypted (aes-256-cbc, pass from Secret db/backup)`. */
      text: string;
      state: 'encrypted' | 'plain' | 'pass-ignored' | 'pass-missing' | 'unknown';
    })[];
  })[];
  secrets: (At & { title: string; detail: string; entries: (At & { name: string; text: string })[] })[];
  archives: ConfiguredArchive[];
}

export interface TargetsAnswer {
  products: {
    product: 'pgbackrest' | 'stackgres';
    /** undefined: taken to be the newest. */
    version?: string;
    /** false: it comes from a `.restorablerc`. */
    isSetting: boolean;
    /** Worth offering, the newest first. */
    known: string[];
  }[];
}

export interface TestRestoreRequest {
  /** A path on the server's machine: a repository folder or a file. */
  archive: string;
  /** URIs of pgbackrest.conf files or manifests that hold the keys; every key of the workspace is offered when absent. */
  configuration?: string[];
  /** A file that holds a key, with how to read it. */
  keyFile?: {
    path: string;
    kind: 'pgbackrest-pass' | 'sodium' | 'openpgp' | 'password';
    keyTransform?: 'hex' | 'base64' | 'none';
    passphrasePath?: string;
  };
  stanza?: string;
  backup?: string;
  /** Nothing is written when absent. */
  to?: string;
  /** Start PostgreSQL on a throw-away copy, where its version is installed; a logical dump is loaded into it. */
  start?: boolean;
  /** `latest`: follow the WAL to its newest segment. */
  wal?: 'latest';
}

export interface InspectRequest {
  /** A path on the server's machine. */
  archive: string;
  /** Also say which key opens it: those of these files, or every key of the workspace where the list is empty. */
  configuration?: string[];
}

export interface DecryptRequest {
  /** Paths on the server's machine. What is at `output` is replaced once everything is through. */
  input: string;
  output: string;
  /** As in `TestRestoreRequest`: the files whose keys are tried, or every key of the workspace. */
  configuration?: string[];
}

export interface DecryptAnswer {
  bytesWritten: number;
  isAuthentic: boolean | null;
  notes: string[];
  /** The key that opened it: `Secret db/backup, entry key`. */
  source: string;
}

export interface KeyTemplateRequest {
  key: 'pgbackrest' | 'sodium' | 'openpgp';
  /** The document the command was called from; its product and names shape the template. */
  uri?: string;
  position?: { line: number; character: number };
  name?: string;
  namespace?: string;
}

export interface KeyTemplate {
  /** A whole manifest, or the text to insert, with KEY_PLACEHOLDER where the key goes (already indented for block scalars). */
  text: string;
  /** Proposed file name for a new manifest, e.g. `pgbackrest-secret.yaml`. */
  fileName: string;
  /** Indentation to put in front of each line of a multi-line key. */
  indent: string;
  encoding?: 'hex' | 'base64';
}

/**
 * `$/progress` of `testRestore` under the request's workDoneToken: a WorkDoneProgressReport that also carries exact numbers
 * (engine/src/job.ts `Progress`), so that the client can show bytes and the time left. `message` is for other editors.
 */
export interface TestRestoreProgress {
  kind: 'report';
  message?: string;
  percentage?: number;
  step: string;
  bytes: number;
  total?: number;
}

export interface EntryContents {
  address: EntryAddress;
  text: string;
  /** A language id of VS Code. */
  language: EntryLanguage;
}

/**
 * An entry may be opened under `restorable-entry:/NAME?ADDRESS`, ADDRESS being the entry's address as JSON, percent-encoded:
 * the server answers for such a document as for the entry itself, and says there what it says about the entry.
 */
export const ENTRY_SCHEME = 'restorable-entry';

/**
 * `initialize` may carry this. Without it the server offers nothing that needs the client's help, so that an editor that
 * only speaks LSP never sees an action that does nothing.
 */
export interface InitializationOptions {
  /** The `CLIENT_COMMANDS` that the client runs. */
  clientCommands?: string[];
  /** The settings below `restorable.`, for clients that neither push nor serve configuration. */
  settings?: unknown;
  /** The client answers `CLIENT_REQUESTS`. */
  readsFiles?: boolean;
  /** `pull`: the client asks for findings (textDocument/diagnostic) instead of being told. */
  diagnostics?: 'push' | 'pull';
}

/**
 * What the server asks a client that says `readsFiles`: for files that it cannot read itself, because it runs in a browser or
 * because they lie in a virtual workspace. A client never gives what lies outside of its workspace's folders.
 */
export const CLIENT_REQUESTS = {
  /** {uri} -> ClientFolder : what lies in a folder. */
  listFolder: 'restorable/client/listFolder',
  /** {uri} -> ClientFile : the text of a file. */
  readFile: 'restorable/client/readFile',
} as const;

export type ClientFolder = { entries: { name: string; uri: string; kind: 'file' | 'folder' | 'other' }[] } | Problem;
export type ClientFile = { text: string } | Problem;

interface Problem {
  /** Why not, as the end of a sentence. */
  problem: string;
}

/** Commands that only an editor's front can run; lenses and quick fixes may name them, with these arguments. */
export const CLIENT_COMMANDS = {
  /** [GenerateKeyAtRequest] : generates a key and puts it in the place of `range`. */
  generateKeyAt: 'restorable.generateKeyAt',
  /** [Partial<TestRestoreRequest>] : asks for what is missing, then runs `testRestore` and shows the report. */
  testRestore: 'restorable.testRestore',
  /** [{uri, position}] : opens the entry there as what it is (`readEntry`, `writeEntry`). */
  editDecoded: 'restorable.editDecoded',
  /** [uri, position, locations] : shows where something is named. */
  showReferences: 'restorable.showReferences',
} as const;

export interface GenerateKeyAtRequest {
  key: 'pgbackrest' | 'sodium' | 'openpgp';
  uri: string;
  /** Replaced by the key; empty to insert. */
  range: { start: { line: number; character: number }; end: { line: number; character: number } };
  /** sodium only. */
  encoding?: 'hex' | 'base64';
  /** Text of the place around the key, before it is wrapped: a conf in front of and behind its empty pass. */
  before?: string;
  after?: string;
  /** What the place holds: `before` + key + `after` itself, or once more in base64 (an entry of a Secret's `data`). */
  wrap?: 'none' | 'base64';
  /** Put in front of every line of a multi-line key but the first. */
  indent?: string;
  /** The document's version that the range belongs to; nothing is written when it has changed since. */
  version?: number;
}
