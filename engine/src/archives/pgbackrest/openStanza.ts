import type { Failure } from '../../failure.ts';
import type { Report } from '../../report.ts';
import type { ArchiveInfo } from './archiveInfo.ts';
import type { BackupInfo } from './backupInfo.ts';
import type { ByteText } from './byteText.ts';
import type { RepositoryFiles } from './repositoryFiles.ts';

/** A stanza whose info files were read: what every test of it needs. */
export interface OpenStanza {
  files: RepositoryFiles;
  stanza: ByteText;
  isEncrypted: boolean;
  backups: BackupInfo;
  /** What `archive.info` says, or why it cannot be read: a backup can be checked without it, but is not complete. */
  archive: ArchiveInfo | Failure;
  keys: Report['keys'];
  /** Files that were not usable although their copies were, and the like. */
  problems: Failure[];
  notes: string[];
}
