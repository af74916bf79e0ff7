import type { Failure } from './failure.ts';

/** true = proven, false = disproven, null = this format (or this run) cannot prove it. See docs/formats/verdicts.md. */
export type Tick = boolean | null;

/**
 * decrypted: every byte came through. authentic: tampering would have been noticed by cryptography.
 * complete: nothing is missing or cut off. restorable: contents agree with every recorded checksum, size and WAL range.
 */
export interface Verdict {
  decrypted: Tick;
  authentic: Tick;
  complete: Tick;
  restorable: Tick;
}

export interface FileFailure {
  path: string;
  code: Failure['code'];
  /** Bytes into the stored object, or null where no place is known. */
  offset: number | null;
  message: string;
}

/** PostgreSQL started from what was restored, and read all of it. */
export interface StartedServer {
  /** Of the server that started, as `15.14`. */
  version: string;
  /** Where its recovery ended: a place in the WAL, and the time of the last transaction; null when it needed none. */
  recoveredTo: { lsn: string | null; time: string | null } | null;
  /** Files of WAL that it was given. */
  walFiles: number;
  databases: number;
  /** Tables and materialized views of users; the catalogs were checked with them. */
  tables: number;
  checkedBy: 'pg_amcheck' | 'reading every table';
  /** Tables and indexes that could not be read here, mostly for want of an extension. */
  unread: { table: string; reason: string }[];
  /** Whether every page has the checksum it carries; null where the cluster has none, or the tool is missing. */
  checksums: Tick;
  seconds: number;
}

/** A dump was really loaded; counted afterwards, in the databases that it filled. */
export interface LoadedDump {
  /** What took it: a throw-away server of this machine, or PGlite, which is PostgreSQL in WebAssembly and no server. */
  engine: 'PostgreSQL' | 'PGlite';
  /** Of PostgreSQL: `15.14`. */
  version: string;
  databases: number;
  schemas: number;
  tables: number;
  rows: number;
  /** Statements that PostgreSQL refused: what the throw-away server lacks, and what is wrong with the dump. */
  errors: number;
  /** Statements about owners, privileges, tablespaces and roles, which were not run. */
  leftOut: number;
}

/** What `test-restore --json` prints (design 4): a public interface, only ever extended. */
export interface Report {
  archive: string;
  /** e.g. `pgbackrest`, `sodium`, `openpgp`, `openssl`, and after an arrow what was inside: `openpgp > gzip > pg_dump plain`. */
  format: string;
  backup: { label: string; type?: string; [detail: string]: unknown } | null;
  keys: { source: string; fingerprint: string | null; opens?: string }[];
  verdict: Verdict;
  /** Why each tick is what it is, one sentence each; for people. */
  because: { [tick in keyof Verdict]: string };
  files: { total: number; verified: number; failed: FileFailure[] };
  bytes: { read: number; restored: number };
  seconds: number;
  /** The first thing that went wrong, or null when the archive is restorable. */
  failure: Failure | null;
  /** Things worth knowing that do not change the verdict. */
  notes: string[];
  /** What came of `--start`; null or absent when it was not asked for, or PostgreSQL did not start. */
  started?: StartedServer | null;
  /** What came of `--start` for a dump; absent for everything else. */
  loaded?: LoadedDump;
  /** Where the files were written, or null when nothing was. */
  restoredTo: string | null;
}
