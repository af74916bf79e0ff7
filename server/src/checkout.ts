/**
 * What a commit of git says about the files of a workspace, for rules that compare with it. git is asked for a tree and for
 * blobs only: commands that neither run hooks and filters, nor touch the index, nor fetch anything. Shared by the language
 * server and the command line.
 */

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { isCandidate, isOurs, largestFileBytes } from './candidates.ts';
import type { FileRecord } from './core/history.ts';
import type { Workspace } from './core/workspace.ts';
import { toPath, toUri } from './uris.ts';

/** A revision that cannot be compared with: the sentence says why. */
export class UnknownRevision extends Error {
  override readonly name = 'UnknownRevision';
}

export interface CheckoutOptions {
  /**
   * What to compare with: the last commit (HEAD), or what HEAD and this revision have in common, so that a branch is held
   * against the state that it was made from.
   */
  since?: string | undefined;
}

/** One revision of one checkout. Reads its tree once; open a new one when HEAD may have moved. */
export class Checkout {
  readonly #blobs = new Map<string, string | undefined>();
  /** The names of texts that were asked for last: while somebody types, one file of a thousand is another. */
  readonly #names = new Map<string, { text: string; name: string }>();

  private constructor(
    /** The root of the work tree. */
    readonly root: string,
    readonly commit: string,
    /** By path relative to the root, with slashes: the name of the blob. */
    private readonly tree: ReadonlyMap<string, string>,
  ) {}

  /**
   * The checkout that a file or folder lies in; undefined where there is none, nothing is committed yet, or there is no git.
   *
   * @throws UnknownRevision where `since` names nothing that is here
   */
  static async open(path: string, options: CheckoutOptions = {}): Promise<Checkout | undefined> {
    const folder = await existingFolder(path);
    if (folder === undefined) return undefined;
    // The way up, not the real path: our URIs are made of the path that we were given, links and all.
    const up = (await git(folder, ['rev-parse', '--show-cdup']))?.toString('utf8').replace(/\r?\n$/, '');
    if (up === undefined) {
      if (options.since !== undefined) {
        throw new UnknownRevision(
          `${folder} is not in a checkout of git, so there is no ${options.since} to compare with`,
        );
      }
      return undefined;
    }
    const root = resolve(folder, up);
    const commit = await commitOf(folder, options.since);
    if (commit === undefined) return undefined;
    const listed = await git(root, ['ls-tree', '-r', '-z', '--full-tree', commit]);
    if (!listed) return undefined;
    const tree = new Map<string, string>();
    for (const line of listed.toString('utf8').split('\0')) {
      const [, name, file] = /^100[0-7]{3} blob ([0-9a-f]+)\t([\s\S]+)$/.exec(line) ?? [];
      if (name !== undefined && file !== undefined && isCandidate(`/${file}`)) tree.set(file, name);
    }
    return new Checkout(root, commit, tree);
  }

  /**
   * Tells the workspace what was committed: the old text of the files that differ from it, and of those that have gone from
   * below the given folders; and which files are those of the commit.
   */
  async tell(workspace: Workspace, folders: readonly string[]): Promise<void> {
    const changed = new Map<string, string>();
    const records = new Map<string, FileRecord>();
    const known = new Set<string>();
    for (const uri of workspace.uris) {
      const file = this.#fileOf(uri);
      if (file === undefined) continue;
      known.add(file);
      const blob = this.tree.get(file);
      if (blob === undefined) {
        records.set(uri, { isTracked: false });
        continue;
      }
      const text = workspace.text(uri) ?? '';
      if (this.#nameOf(uri, text, blob.length) === blob) {
        records.set(uri, { isTracked: true });
        continue;
      }
      const old = await this.#textOf(blob);
      // A file that git holds in another form (encrypted, in another store) is not committed as it lies here.
      records.set(uri, { isTracked: old !== undefined });
      if (old !== undefined && withoutReturns(old) !== withoutReturns(text)) changed.set(uri, old);
    }
    for (const [uri, text] of await this.#deleted(folders, known)) changed.set(uri, text);
    for (const uri of workspace.committedUris)
      if (this.holds(uri) && !changed.has(uri)) workspace.setCommitted(uri, undefined);
    for (const [uri, text] of changed) workspace.setCommitted(uri, text);
    for (const [uri, record] of records) workspace.setRecord(uri, record);
  }

  async #deleted(folders: readonly string[], known: ReadonlySet<string>): Promise<Map<string, string>> {
    const below = folders.map((it) => this.#relative(resolve(it))).filter((it) => it !== undefined);
    const found = new Map<string, string>();
    for (const [file, blob] of this.tree) {
      if (known.has(file) || !below.some((it) => it === '' || file === it || file.startsWith(`${it}/`))) continue;
      const path = join(this.root, ...file.split('/'));
      if (await exists(path)) continue;
      const text = await this.#textOf(blob);
      const uri = toUri(path);
      if (text !== undefined && isOurs(uri, text)) found.set(uri, text);
    }
    return found;
  }

  /** true for every file below the root, committed or not. */
  holds(uri: string): boolean {
    return this.#fileOf(uri) !== undefined;
  }

  #fileOf(uri: string): string | undefined {
    const path = toPath(uri);
    return path === undefined ? undefined : this.#relative(path);
  }

  #relative(path: string): string | undefined {
    if (path === this.root) return '';
    const start = this.root.endsWith(sep) ? this.root : this.root + sep;
    return path.startsWith(start) ? path.slice(start.length).split(sep).join('/') : undefined;
  }

  #nameOf(uri: string, text: string, nameLength: number): string {
    const known = this.#names.get(uri);
    if (known?.text === text) return known.name;
    const name = blobName(text, nameLength);
    this.#names.set(uri, { text, name });
    return name;
  }

  /** undefined for what is no text, or too large to be a configuration. */
  async #textOf(blob: string): Promise<string | undefined> {
    if (this.#blobs.has(blob)) return this.#blobs.get(blob);
    const bytes = await git(this.root, ['cat-file', 'blob', blob]);
    const isText = bytes !== undefined && !bytes.subarray(0, 8_000).includes(0);
    const text = isText ? new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes) : undefined;
    this.#blobs.set(blob, text);
    return text;
  }
}

/**
 * Tells a workspace what was committed of the files below some paths, in all the checkouts that they lie in, and which
 * permissions the others have: inside a checkout these are git's, and say nothing.
 *
 * @throws UnknownRevision where `since` names nothing that is here
 */
export async function tellPast(
  workspace: Workspace,
  paths: readonly string[],
  options: CheckoutOptions = {},
): Promise<void> {
  const checkouts = new Map<string, Checkout>();
  for (const path of paths) {
    const checkout = await Checkout.open(path, options);
    if (checkout && !checkouts.has(checkout.root)) checkouts.set(checkout.root, checkout);
  }
  for (const it of checkouts.values()) await it.tell(workspace, paths);
  if (process.platform === 'win32') return;
  const roots = [...checkouts.values()];
  for (const uri of workspace.uris) {
    if (roots.some((it) => it.holds(uri))) continue;
    const path = toPath(uri);
    const stat = path === undefined ? undefined : await fs.stat(path).catch(() => undefined);
    if (stat?.isFile()) workspace.setRecord(uri, { isTracked: false, mode: stat.mode & 0o777 });
  }
}

async function commitOf(folder: string, since: string | undefined): Promise<string | undefined> {
  const named = async (revision: string) =>
    (await git(folder, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`]))
      ?.toString('utf8')
      .trim() || undefined;
  if (since === undefined) return named('HEAD');
  const commit = await named(since);
  if (commit === undefined) {
    throw new UnknownRevision(
      `${since} is no revision of this checkout; a shallow clone may have to be deepened first`,
    );
  }
  const common = (await git(folder, ['merge-base', 'HEAD', commit]))?.toString('utf8').trim();
  return common || commit;
}

/** git's name for a text: SHA-1, or SHA-256 where names are that long. */
function blobName(text: string, nameLength: number): string {
  const bytes = Buffer.from(text, 'utf8');
  return createHash(nameLength === 40 ? 'sha1' : 'sha256')
    .update(`blob ${bytes.length}\0`)
    .update(bytes)
    .digest('hex');
}

function withoutReturns(text: string): string {
  return text.replaceAll('\r\n', '\n');
}

async function existingFolder(path: string): Promise<string | undefined> {
  const absolute = resolve(path);
  const stat = await fs.stat(absolute).catch(() => undefined);
  return stat?.isDirectory() ? absolute : stat ? dirname(absolute) : undefined;
}

function exists(path: string): Promise<boolean> {
  return fs.lstat(path).then(
    () => true,
    () => false,
  );
}

const patienceMs = 10_000;

/** What git prints; undefined where it fails, takes too long, prints too much, or is not there. Never rejects. */
function git(folder: string, args: readonly string[]): Promise<Buffer | undefined> {
  return new Promise((done) => {
    const child = spawn('git', [...QUIET, '-C', folder, ...args], {
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: patienceMs,
      windowsHide: true,
      env: { ...withoutGit(process.env), ...CALM },
    });
    const pieces: Buffer[] = [];
    let size = 0;
    child.on('error', () => done(undefined));
    child.stdout.on('data', (it: Buffer) => {
      size += it.length;
      if (size > largestOutputBytes) child.kill();
      else pieces.push(it);
    });
    child.on('close', (code) => done(code === 0 ? Buffer.concat(pieces) : undefined));
  });
}

/** A list of a hundred thousand files, or the largest configuration. */
const largestOutputBytes = Math.max(64_000_000, largestFileBytes);

/** Nothing that a repository's own configuration names is run, and nothing is fetched. */
const QUIET = [
  '--no-pager',
  '-c',
  'core.fsmonitor=false',
  '-c',
  'core.hooksPath=/dev/null',
  '-c',
  'protocol.allow=never',
];
const CALM = {
  GIT_OPTIONAL_LOCKS: '0',
  GIT_TERMINAL_PROMPT: '0',
  GIT_NO_LAZY_FETCH: '1',
  GIT_NO_REPLACE_OBJECTS: '1',
  LC_ALL: 'C',
};

/** A hook of git that runs us sets GIT_DIR and its like, for another repository perhaps. */
function withoutGit(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('GIT_')));
}
