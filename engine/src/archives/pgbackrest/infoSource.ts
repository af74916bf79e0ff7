/** Opens info files and manifests: decrypts, and falls back to the second copy that pgBackRest keeps of each. */

import { ByteReader } from '../../bytes.ts';
import { decryptPgbackrest, headerBytes } from '../../crypto/pgbackrest.ts';
import { at, type Failure, fail, RestoreError } from '../../failure.ts';
import type { Secret } from '../../secret.ts';
import { type ByteText, readable } from './byteText.ts';
import { type InfoEnd, type InfoLine, readInfo } from './infoFile.ts';
import { isObject, type JsonObject, type JsonValue } from './json.ts';
import type { RepositoryFiles } from './repositoryFiles.ts';

/** A small info file that was read completely and whose checksum matches. */
export interface Info {
  /** The object it was read from: the file itself or its copy. */
  name: ByteText;
  sections: Map<ByteText, Map<ByteText, JsonValue>>;
}

const largestInfoBytes = 64 * 1024 * 1024;

/**
 * Reads `name`, and its `.copy` when that fails. `onProblem` hears of a file or copy that could not be used although the
 * other could.
 *
 * @param pass undefined for a repository that is not encrypted; it must have been proven to open this repository
 * @throws RestoreError with the failure of `name`, or the copy's when only that exists, when neither can be read
 */
export async function loadInfo(
  files: RepositoryFiles,
  name: ByteText,
  pass: Secret | undefined,
  onProblem: (failure: Failure) => void,
): Promise<Info> {
  return withCopy(files, name, onProblem, async (object) => {
    const sections: Info['sections'] = new Map();
    let bytes = 0;
    const { checksum } = await eachLine(readInfoObject(files, object, pass), (line) => {
      bytes += line.key.length + 200;
      if (bytes > largestInfoBytes)
        fail('hostile', 'contents', `${readable(object)} is far too large for an info file`);
      const section = sections.get(line.section) ?? new Map<ByteText, JsonValue>();
      sections.set(line.section, section);
      if (section.has(line.key)) {
        fail('hostile', 'contents', `${readable(line.key)} stands twice in one section`, { offset: line.offset });
      }
      section.set(line.key, line.value);
    });
    return { value: { name: object, sections }, checksum };
  });
}

/**
 * Uses `name`, or its `.copy` when that fails; looks at the other one as well, to report a copy that would not help.
 *
 * @param read gives the value and the checksum of its contents
 */
export async function withCopy<T>(
  files: RepositoryFiles,
  name: ByteText,
  onProblem: (failure: Failure) => void,
  read: (object: ByteText) => Promise<{ value: T; checksum: string }>,
): Promise<T> {
  const copy = `${name}.copy`;
  const first = await outcome(name, read);
  if ('value' in first && (await isSame(files, name, copy))) return first.value;
  const second = await outcome(copy, read);
  if ('value' in first) {
    if ('failure' in second) onProblem(second.failure);
    else if (first.checksum !== second.checksum) {
      onProblem({
        code: 'damaged',
        stage: 'contents',
        path: readable(copy),
        message: `${readable(copy)} differs from ${readable(name)}; the file was used, not the copy`,
      });
    }
    return first.value;
  }
  if ('value' in second) {
    onProblem(first.failure);
    return second.value;
  }
  const onlySecond = first.failure.code === 'incomplete' && second.failure.code !== 'incomplete';
  throw new RestoreError(onlySecond ? second.failure : first.failure);
}

/**
 * The lines of an info object, decrypted. Offsets of its failures count bytes of the stored object.
 */
export async function* readInfoObject(
  files: RepositoryFiles,
  name: ByteText,
  pass: Secret | undefined,
): AsyncGenerator<InfoLine[], InfoEnd, undefined> {
  try {
    const stored = files.read(name);
    return yield* readInfo(pass ? decryptPgbackrest(stored, pass, { isKeyProven: true }) : stored);
  } catch (error) {
    throw at(readable(name), pass ? shifted(error, headerBytes) : error);
  }
}

/** Whether two objects hold the same bytes; false when one of them cannot be read. */
async function isSame(files: RepositoryFiles, name: ByteText, other: ByteText): Promise<boolean> {
  if ((await files.size(name)) !== (await files.size(other))) return false;
  const right = new ByteReader(files.read(other));
  try {
    for await (const piece of files.read(name)) {
      if (Buffer.compare(piece, await right.read(piece.length)) !== 0) return false;
    }
    return await right.isAtEnd();
  } catch (error) {
    if (!(error instanceof RestoreError) || error.failure.code === 'cancelled') throw error;
    return false;
  } finally {
    await right.close();
  }
}

/**
 * Feeds every line to `use`; returns what stands at the end. What `use` throws counts only when the checksum is right:
 * a damaged text says nothing about the one who wrote it.
 */
export async function eachLine(
  lines: AsyncGenerator<InfoLine[], InfoEnd, undefined>,
  use: (line: InfoLine) => void,
): Promise<InfoEnd> {
  let refusal: { error: unknown } | undefined;
  try {
    for (;;) {
      const { done, value } = await lines.next();
      if (done) {
        if (refusal) throw refusal.error;
        return value;
      }
      if (refusal) continue;
      try {
        for (const line of value) use(line);
      } catch (error) {
        refusal = { error };
      }
    }
  } finally {
    await lines.return({ checksum: '' });
  }
}

/** A failure in contents, with its offset moved by what the encryption put in front. */
function shifted(error: unknown, by: number): unknown {
  if (!(error instanceof RestoreError)) return error;
  const { failure } = error;
  if (failure.stage !== 'contents' || failure.offset === undefined) return error;
  return new RestoreError({ ...failure, offset: failure.offset + by });
}

async function outcome<T>(
  name: ByteText,
  read: (object: ByteText) => Promise<{ value: T; checksum: string }>,
): Promise<{ value: T; checksum: string } | { failure: Failure }> {
  try {
    return await read(name);
  } catch (thrown) {
    const error = at(readable(name), thrown);
    if (!(error instanceof RestoreError) || error.failure.code === 'cancelled') throw error;
    return { failure: error.failure };
  }
}

/** Reads typed values out of a section and says what is missing; the checksum has proven that nobody typed it wrong. */
export class Section {
  readonly #where: string;
  readonly #name: string;
  readonly #values: Map<string, JsonValue>;

  constructor(where: ByteText, name: string, values: Map<string, JsonValue> | JsonObject | undefined) {
    this.#where = readable(where);
    this.#name = name;
    this.#values = values instanceof Map ? values : new Map(Object.entries(values ?? {}));
  }

  static of(info: Info, name: string): Section {
    return new Section(info.name, `[${name}]`, info.sections.get(name));
  }

  get keys(): string[] {
    return [...this.#values.keys()];
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  text(key: string): string {
    const value = this.#values.get(key);
    return typeof value === 'string' ? value : this.#refuse(key, 'a text');
  }

  optionalText(key: string): string | undefined {
    const value = this.#values.get(key);
    return value === undefined || value === null ? undefined : this.text(key);
  }

  /** A name, or false where pgBackRest did not know one. */
  textOrFalse(key: string): string | false | undefined {
    return this.#values.get(key) === false ? false : this.optionalText(key);
  }

  flag(key: string): boolean {
    const value = this.#values.get(key) ?? false;
    return typeof value === 'boolean' ? value : this.#refuse(key, 'true or false');
  }

  /** A whole number from 0 to 2^53. */
  count(key: string): number {
    const value = this.#values.get(key);
    return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
      ? value
      : this.#refuse(key, 'a number that is possible here');
  }

  optionalCount(key: string): number | undefined {
    return this.has(key) ? this.count(key) : undefined;
  }

  /** A 64-bit number, exact. */
  wide(key: string): bigint {
    const value = this.#values.get(key);
    if (typeof value === 'bigint') return value;
    return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : this.#refuse(key, 'a number');
  }

  texts(key: string): string[] {
    const value = this.#values.get(key) ?? [];
    if (!Array.isArray(value) || !value.every((it) => typeof it === 'string'))
      return this.#refuse(key, 'a list of texts');
    return value;
  }

  object(key: string): Section {
    const value = this.#values.get(key);
    return isObject(value)
      ? new Section(this.#where, `${this.#name} ${readable(key)}`, value)
      : this.#refuse(key, 'an object');
  }

  #refuse(key: string, expected: string): never {
    const state = this.#values.has(key) ? 'is not' : 'is missing; it should be';
    fail('damaged', 'contents', `${this.#name} ${readable(key)} ${state} ${expected}`, { path: this.#where });
  }
}
