/**
 * Everything in a repository that no backup needs but a recovery may: all WAL, timeline histories, the marks of backups,
 * and the manifests that pgBackRest keeps of expired backups. Asked for with `--backup all`.
 */

import { collect } from '../../bytes.ts';
import { gunzip } from '../../compress/gzip.ts';
import { decryptPgbackrest } from '../../crypto/pgbackrest.ts';
import { at, type Failure, fail, RestoreError } from '../../failure.ts';
import type { TestRestoreJob } from '../../job.ts';
import type { Report } from '../../report.ts';
import type { Secret } from '../../secret.ts';
import { blankReport, fileFailure } from '../backupReport.ts';
import { WalRuns } from '../walProof.ts';
import { type ByteText, readable, toByteText } from './byteText.ts';
import { readInfo } from './infoFile.ts';
import { eachLine } from './infoSource.ts';
import { Lanes } from './lanes.ts';
import type { OpenStanza } from './openStanza.ts';
import { segmentProblem, WalArchive } from './wal.ts';
import { gapsIn, type WalInventory, walInventories } from './walInventory.ts';
import { readTimelineHistory } from './walTimelines.ts';

const atOnce = 2;
const mostFailures = 1000;
const largestTextBytes = 1024 * 1024;

/** @throws RestoreError `cancelled`; whatever is wrong with the archive is in the report */
export async function testArchive(open: OpenStanza, job: TestRestoreJob): Promise<Report> {
  const started = performance.now();
  const readBefore = open.files.bytesRead;
  const test = new ArchiveTest(open);
  await test.run();
  return {
    ...blankReport(job.archive, 'pgbackrest'),
    ...test.report(),
    bytes: { read: open.files.bytesRead - readBefore, restored: test.bytes },
    seconds: (performance.now() - started) / 1000,
  };
}

class ArchiveTest {
  readonly #open: OpenStanza;
  readonly #failures: Failure[] = [];
  readonly #notes: string[] = [];
  /** What the records of each cluster's WAL prove. */
  readonly #proofs: string[] = [];
  #unreached: Failure | undefined;
  #objects = 0;
  #verified = 0;
  #segments = 0;
  bytes = 0;

  constructor(open: OpenStanza) {
    this.#open = open;
  }

  async run(): Promise<void> {
    const { files, stanza, archive, backups } = this.#open;
    if (!('code' in archive)) {
      for (const inventory of await walInventories(files, stanza)) await this.#checkInventory(inventory, archive.pass);
    } else {
      this.#failures.push(archive);
    }
    const history = `backup/${stanza}/backup.history`;
    for (const year of (await files.list(history)) ?? []) {
      for (const name of (await files.list(`${history}/${year}`)) ?? []) {
        if (!name.endsWith('.manifest.gz')) continue;
        await this.#check(`${history}/${year}/${name}`, (bytes) => this.#checkOldManifest(bytes), backups.pass);
      }
    }
  }

  report(): Partial<Report> {
    const [first = null] = this.#failures;
    const gap = this.#failures.find((it) => it.code === 'incomplete' || it.code === 'truncated') ?? this.#unreached;
    const segments = `${this.#segments} WAL segments and ${this.#objects - this.#segments} other objects`;
    return {
      format: 'pgbackrest > WAL archive',
      backup: null,
      keys: this.#open.keys,
      verdict: {
        decrypted: this.#verified === this.#objects,
        authentic: null,
        complete: gap === undefined,
        restorable: first === null,
      },
      because: {
        decrypted: `${this.#verified} of ${this.#objects} objects beside the backups came through: ${segments}`,
        authentic: this.#open.isEncrypted ? 'AES-256-CBC authenticates nothing' : 'nothing is encrypted',
        complete: gap ? gap.message : 'no WAL segment is missing from the newest backup to the end of the archive',
        restorable: first
          ? first.message
          : ['every WAL segment of the archive has the SHA-1 of its name', ...this.#proofs].join('; '),
      },
      files: {
        total: this.#objects,
        verified: this.#verified,
        failed: this.#failures.slice(0, mostFailures).map(fileFailure),
      },
      failure: first,
      notes: this.#notes,
    };
  }

  async #checkInventory(inventory: WalInventory, pass: Secret | undefined): Promise<void> {
    const { files, stanza } = this.#open;
    const wal = new WalArchive(files, `archive/${stanza}/${inventory.id}`, pass);
    const lanes = new Lanes(atOnce);
    const runs = new WalRuns();
    let segmentBytes: number | undefined;
    for (const segment of inventory.segments) {
      this.#objects++;
      this.#segments++;
      // Looked up here, in order: the archive keeps the listing of one folder at a time.
      const stored = await this.#attempt(() => wal.find(segment));
      const tell = runs.next();
      if (!stored) {
        tell();
        continue;
      }
      await lanes.add(async () => {
        const found = await this.#attempt(() => wal.check(stored));
        tell(found?.records && { object: readable(stored.object), records: found.records });
        if (!found) return;
        this.#verified++;
        this.bytes += found.bytes;
        segmentBytes ??= found.header?.segmentBytes;
      });
    }
    await lanes.end();
    this.#judgeRecords(runs);
    for (const object of inventory.partials) await this.#checkPartial(object, wal);
    for (const object of inventory.histories) await this.#check(object, checkHistory, pass);
    for (const object of inventory.backupMarks) await this.#check(object, checkMark, pass);
    for (const object of inventory.others)
      this.#notes.push(`${readable(object)} is nothing that pgBackRest has finished.`);
    if (segmentBytes !== undefined) await this.#checkGaps(inventory, segmentBytes);
  }

  #judgeRecords(runs: WalRuns): void {
    const { proof, notes } = runs.end();
    if (proof !== undefined) this.#proofs.push(proof);
    this.#notes.push(...notes);
    for (const it of runs.failures) {
      if (this.#failures.length < mostFailures) this.#failures.push(it);
      this.#unreached ??= it;
    }
  }

  /** Gaps before the newest backup are what retention leaves; after it they end every recovery. */
  async #checkGaps(inventory: WalInventory, segmentBytes: number): Promise<void> {
    const needed = this.#open.backups.backups.at(-1)?.walStart;
    for (const { after, before } of gapsIn(inventory, segmentBytes)) {
      const message = `WAL is missing between ${after} and ${before}`;
      if (needed === undefined || before <= needed) {
        this.#notes.push(`${message} (before the newest backup, as retention leaves it).`);
        continue;
      }
      this.#failures.push({
        code: 'incomplete',
        stage: 'wal',
        path: `archive/${readable(this.#open.stanza)}/${inventory.id}/${after.slice(0, 16)}`,
        message: `${message}: recovery ends there`,
        hint: 'Make a new backup: only from that one on can PostgreSQL recover to the present.',
      });
    }
  }

  /** The last segment of a timeline that was left: as long as others, and with its checksum in its name. */
  async #checkPartial(object: ByteText, wal: WalArchive): Promise<void> {
    this.#objects++;
    const [name = ''] = /[0-9A-F]{24}\.partial/.exec(object) ?? [];
    const done = await this.#attempt(async () => {
      const stored = await wal.find(name);
      if (!stored) return false;
      const { header, bytes } = await wal.check(stored);
      const problem = segmentProblem(name, { header, bytes, systemId: undefined });
      if (problem) throw at(readable(object), new RestoreError(problem));
      return true;
    });
    if (done) this.#verified++;
  }

  async #check(
    object: ByteText,
    check: (bytes: AsyncIterable<Uint8Array>, object: ByteText) => Promise<void>,
    pass: Secret | undefined,
  ): Promise<void> {
    this.#objects++;
    const done = await this.#attempt(async () => {
      try {
        const stored = this.#open.files.read(object);
        const bytes = pass ? decryptPgbackrest(stored, pass, { isKeyProven: true }) : stored;
        await check(bytes, object);
        return true;
      } catch (error) {
        throw at(readable(object), error);
      }
    });
    if (done) this.#verified++;
  }

  async #checkOldManifest(bytes: AsyncIterable<Uint8Array>): Promise<void> {
    await eachLine(readInfo(gunzip(bytes)), () => undefined);
  }

  async #attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof RestoreError) || error.failure.code === 'cancelled') throw error;
      if (this.#failures.length < mostFailures) this.#failures.push(error.failure);
      return undefined;
    }
  }
}

async function checkHistory(bytes: AsyncIterable<Uint8Array>, object: ByteText): Promise<void> {
  readTimelineHistory(Number.parseInt(object.slice(-16, -8), 16), await text(bytes));
}

async function checkMark(bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const mark = await text(bytes);
  if (!/^START WAL LOCATION: .*\nSTOP WAL LOCATION: [\s\S]*\n$/.test(mark))
    fail('damaged', 'wal', 'it is no mark of a backup');
}

async function text(bytes: AsyncIterable<Uint8Array>): Promise<ByteText> {
  const found = toByteText(await collect(bytes, largestTextBytes, () => fail('hostile', 'wal', 'it is far too large')));
  if (/[^\t\n\x20-\x7e\x80-\xff]/.test(found)) fail('damaged', 'wal', 'it is no text');
  return found;
}
