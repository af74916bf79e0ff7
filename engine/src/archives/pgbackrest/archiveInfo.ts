/** `archive.info`: which clusters archive their WAL here, and the pass of the WAL archive. */

import { Secret } from '../../secret.ts';
import { toBytes } from './byteText.ts';
import { type Info, Section } from './infoSource.ts';

export interface ArchiveInfo {
  /** Opens everything below `archive/STANZA/ID/`; undefined when the repository is not encrypted. */
  pass: Secret | undefined;
  current: DatabaseVersion;
  /** Oldest first; more than one after an upgrade or a re-created stanza. */
  history: DatabaseVersion[];
}

export interface DatabaseVersion {
  /** The history id. */
  id: number;
  systemId: bigint;
  /** `15`, `9.6`. */
  version: string;
}

export function readArchiveInfo(info: Info): ArchiveInfo {
  const db = Section.of(info, 'db');
  const history = Section.of(info, 'db:history');
  return {
    pass: readPass(info),
    current: { id: db.count('db-id'), systemId: db.wide('db-system-id'), version: db.text('db-version') },
    history: history.keys.map((id) => {
      // In this file alone `db-id` of the history is the system identifier: a misnomer as old as the format.
      const entry = history.object(id);
      return { id: Number(id), systemId: entry.wide('db-id'), version: entry.text('db-version') };
    }),
  };
}

/** The folder below `archive/STANZA/` that holds the WAL of a database version. */
export function archiveId({ version, id }: Pick<DatabaseVersion, 'version' | 'id'>): string {
  return `${version}-${id}`;
}

/** `cipher-pass` of an info file or manifest, which opens the next objects of the chain. */
export function readPass(info: Info): Secret | undefined {
  const pass = Section.of(info, 'cipher').optionalText('cipher-pass');
  return pass === undefined ? undefined : new Secret(toBytes(pass));
}
