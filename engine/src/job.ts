import type { Failure } from './failure.ts';
import type { Report } from './report.ts';

/**
 * Where key bytes come from and what they are. Crosses the worker's border as plain data: the bytes are copied into the
 * worker, which wraps them in a `Secret` at once and wipes them in `finally`; the caller wipes its own copy.
 */
export interface KeyOffer {
  /** `pem`: a private key for CMS (`openssl smime`, `openssl cms`), or the certificate to encrypt to. */
  kind: 'pgbackrest-pass' | 'sodium' | 'openpgp' | 'password' | 'pem';
  /** Named for people: `Secret db/backup, entry key` or `key file key.hex`. Never holds key material. */
  source: string;
  bytes: Uint8Array;
  /** sodium only; `none` is WAL-G's default. */
  keyTransform?: 'hex' | 'base64' | 'none';
  /** openpgp and pem: unlocks a protected private key. */
  passphrase?: Uint8Array;
  /** pgbackrest-pass only: the repository index N of repoN-cipher-pass, and the stanza when it is set for one only. */
  repo?: number;
  stanza?: string;
}

export type Method = 'sodium' | 'openpgp' | 'pgbackrest' | 'openssl' | 'gpg' | 'cms';

/**
 * How a change of an OpenPGP message is noticed: by an MDC at its end (SEIPD version 1), by OCB in packet 20 (GnuPG from
 * 2.3 on, LibrePGP), by AEAD in SEIPD version 2 (RFC 9580).
 */
export type Integrity = 'mdc' | 'ocb' | 'seipd2';

/** Parameters of `openssl enc`; what is left out is tried in the order of likelihood when decrypting. */
export interface OpensslParameters {
  cipher?: string;
  digest?: 'md5' | 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512';
  pbkdf2?: boolean;
  /** false: `-nosalt`; such a file begins with the ciphertext itself. */
  hasSalt?: boolean;
  iterations?: number;
  /** `-K` and `-iv`: the key is no password but the key itself, in hex, and this is the IV, in hex. */
  iv?: string;
}

export interface TestRestoreJob {
  kind: 'test-restore';
  archive: string;
  keys: KeyOffer[];
  stanza?: string;
  /** A label, `latest` (default) or `all`. */
  backup?: string;
  repo?: number;
  /** pgBackRest only: `latest` follows the archive to its newest segment; otherwise to the end of the backup. */
  wal?: 'latest';
  /** pgBackRest only: start PostgreSQL on a throw-away copy of what is restored. */
  start?: StartRequest;
  /** Target directory; nothing is written when absent. Must not exist or be empty. */
  to?: string;
  /** pgBackRest only: which part of a backup, and where it goes. */
  parts?: PartsToRestore;
  places?: PlacesToRestore;
  openssl?: OpensslParameters;
  /** How many times larger than the stored bytes the contents may become before it is `hostile`; 1,000 when absent. */
  mostExpansion?: number;
  /** WAL-G only: which of several archives in one bucket, as `NAMESPACE/CLUSTER`, the cluster's name, or its folder. */
  cluster?: string;
  /** WAL-G only: what the manifests say of archives and backups. */
  known?: KnownArchive[];
  /** true where the configuration says that the archive is encrypted: plain bytes are then `not-encrypted`, not a success. */
  expectEncrypted?: boolean;
  /** As in `DecryptJob`. */
  allowUnauthenticated?: boolean;
  allowCostly?: boolean;
}

export interface StartRequest {
  /** Folder for the throw-away copy; the system's folder for temporary files when absent. */
  workFolder?: string;
  /** Folder with the programs of PostgreSQL; otherwise they are looked for. */
  postgres?: string;
}

/** An archive, or a backup in one, that a manifest names. */
export interface KnownArchive {
  /** The folder below the bucket: `sgbackups.stackgres.io/db/shop/2026-01-31-10-00-00/17`; undefined: not recorded. */
  path: string | undefined;
  /** Whose archive it is: `db/shop`, or `shop` where the namespace is left open. */
  cluster?: string;
  backup?: {
    /** `base_000000010000000000000004`; undefined: the manifest gives it a name, and WAL-G none. */
    label: string | undefined;
    /** What the manifest calls it: `SGBackup db/nightly`. */
    title: string;
    /** PostgreSQL's system identifier, in decimal. */
    systemId?: string;
    /** Why there is none, or why StackGres would not restore it: `it is Failed`. */
    flaw?: string;
  };
  /** Whether the configuration says that it is encrypted; undefined: it does not say. */
  isEncrypted?: boolean;
  /** Which key should open it: sentences, without any value. `isHere`: it was offered; otherwise they say how to get it. */
  keyAdvice?: { said: string; isHere: boolean };
}

/** Selective restore. What is not chosen is neither read nor checked. */
export interface PartsToRestore {
  /** Names or OIDs: only these databases and the system's own; files of the others become holes of their size. */
  databases?: string[];
  /** All databases but these. */
  databasesExcluded?: string[];
  /** Globs below the data directory: only these files, without the settings for recovery. */
  only?: string[];
}

/** Where tablespaces and links go, instead of below the target. Folders are absolute, new or empty. */
export interface PlacesToRestore {
  /** By name or OID. */
  tablespaces?: Record<string, string>;
  /** Folder for tablespaces that are not named; each gets a folder with its name in it. */
  allTablespaces?: string;
  /** By their place in the data directory. */
  links?: Record<string, string>;
  /** Links stay links, with their contents in folders below the target; else files and folders take their place. */
  keepLinks?: boolean;
}

/** What `restore_command` asks for. */
export interface ArchiveGetJob {
  kind: 'archive-get';
  archive: string;
  keys: KeyOffer[];
  stanza?: string;
  /** `000000010000000000000002`, `00000002.history`: PostgreSQL's %f. */
  file: string;
  /** Where it goes, replaced when it is there: PostgreSQL's %p. */
  target: string;
  /** WAL-G only: as in `TestRestoreJob`. */
  cluster?: string;
  known?: KnownArchive[];
  expectEncrypted?: boolean;
}

export interface InspectJob {
  kind: 'inspect';
  archive: string;
  /** Which of these opens it? Only as much is read as that needs. */
  keys?: KeyOffer[];
  /** WAL-G only: what the manifests say of archives and backups. */
  known?: KnownArchive[];
  /** As in `DecryptJob`. */
  allowCostly?: boolean;
}

export interface EncryptJob {
  kind: 'encrypt';
  method: Method;
  input: string;
  output: string;
  overwrite?: boolean;
  key: KeyOffer;
  openssl?: OpensslParameters;
  /** OpenPGP only; otherwise what all the keys announce that they read, and `mdc` with a password. */
  integrity?: Integrity;
}

export interface DecryptJob {
  kind: 'decrypt';
  /** Guessed from the bytes when absent. */
  method?: Method;
  input: string;
  output: string;
  overwrite?: boolean;
  key: KeyOffer;
  openssl?: OpensslParameters;
  /** OpenPGP keys (kind `openpgp`) of whoever may have signed it. */
  signers?: KeyOffer[];
  /** Decrypts OpenPGP messages that have no integrity protection; otherwise they are refused. */
  allowUnauthenticated?: boolean;
  /** Tries passwords whatever it costs; otherwise a message that asks for gigabytes of memory is `hostile`. */
  allowCostly?: boolean;
}

export interface KeygenJob {
  kind: 'keygen';
  key: KeySpecification;
}

export type KeySpecification =
  | { kind: 'pgbackrest' }
  | { kind: 'sodium'; encoding: 'hex' | 'base64' }
  | { kind: 'openpgp'; type: 'rsa4096' | 'curve25519'; name: string; email?: string; passphrase?: Uint8Array };

export type Job = TestRestoreJob | ArchiveGetJob | InspectJob | EncryptJob | DecryptJob | KeygenJob;

export interface Inspection {
  path: string;
  /** The kind in one word, as in `Report.format`. */
  format: string;
  isEncrypted: boolean | null;
  /** Facts in reading order: `['Cipher', 'aes-256-cbc, salted']`. No secret. */
  facts: [label: string, value: string][];
  /** What would open it: key ids, `the repository's cipher pass`. */
  opensWith: string[];
  /** What is wrong at first sight. */
  problems: string[];
  /** Which of the offered keys opens it, in their order, one for each source: null where only the whole of it could tell. Absent without keys. */
  keys?: { source: string; opens: boolean | null; detail: string }[];
}

export interface GeneratedKey {
  /** Text as it goes into a file or Secret; for openpgp the armored private key. */
  secret: Uint8Array;
  /** openpgp only: the armored public key. */
  publicKey?: string;
  fingerprint: string;
}

export interface JobResult {
  'test-restore': Report[];
  /** `isServed: false`: the archive has no such file, which is how a recovery ends. */
  'archive-get': { isServed: boolean; bytes: number };
  inspect: Inspection;
  /**
   * `notes`: what to keep beside the file, such as the command that decrypts it. No secret. `integrity`: of OpenPGP, and
   * said in the notes as well.
   */
  encrypt: { bytesRead: number; bytesWritten: number; notes?: string[]; integrity?: Integrity };
  decrypt: { bytesRead: number; bytesWritten: number; format: string; isAuthentic: boolean | null; notes: string[] };
  keygen: GeneratedKey;
}

export interface Progress {
  /** What is being done: `archive.info`, `pg_data/base/5/1259`. */
  step: string;
  /** Stored bytes read so far and in all; `total` is undefined while it is unknown. */
  bytes: number;
  total?: number;
}

export type Outcome<K extends Job['kind']> = { ok: true; value: JobResult[K] } | { ok: false; failure: Failure };
