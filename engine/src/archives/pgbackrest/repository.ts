/** The test-restore of a pgBackRest repository: opens the chain of passes, picks backups, and gives each its verdict. */

import { type Failure, fail, RestoreError } from '../../failure.ts';
import type { Inspection, KeyOffer, TestRestoreJob } from '../../job.ts';
import { fingerprintOf } from '../../keys/generate.ts';
import type { Report } from '../../report.ts';
import type { RunContext } from '../../run-context.ts';
import type { Secret } from '../../secret.ts';
import { checkTarget } from '../../sinks/directory.ts';
import { blankReport, provesNothing } from '../backupReport.ts';
import { readArchiveInfo } from './archiveInfo.ts';
import { testArchive } from './archiveTest.ts';
import { type BackupEntry, isLabel, readBackupInfo } from './backupInfo.ts';
import { testBackup } from './backupTest.ts';
import { type ByteText, readable, toByteText } from './byteText.ts';
import { archiveBytes } from './expectedBytes.ts';
import { loadInfo } from './infoSource.ts';
import { inspectLocation } from './inspect.ts';
import { type Location, locate, stanzasOf } from './locate.ts';
import type { OpenStanza } from './openStanza.ts';
import { RepositoryFiles } from './repositoryFiles.ts';
import { findPass } from './repositoryPass.ts';
import { testAndStart } from './startBackup.ts';

/** Whether the path is a pgBackRest repository or a folder inside one. */
export async function isRepository(path: string): Promise<boolean> {
  return (await locate(path)) !== undefined;
}

/** What a repository shows without any key, and which of the keys opens it. */
export async function inspectRepository(
  path: string,
  context: RunContext,
  keys?: readonly KeyOffer[],
): Promise<Inspection> {
  return inspectLocation(await located(path), context, keys);
}

/**
 * Tests the chosen backups, oldest first; one report each, and after `all` one for the rest of the archive (its backup is
 * null). What is wrong with the archive is in a report; only what is
 * wrong with the question or the target is thrown.
 *
 * @throws RestoreError `usage`, `cancelled`, and `io` or `hostile` for failures while writing to the target
 */
export async function testRestoreRepository(job: TestRestoreJob, context: RunContext): Promise<Report[]> {
  if (job.to !== undefined && job.backup === 'all') {
    fail('usage', 'open', 'several backups cannot be restored into one target', {
      hint: 'Name one backup, or latest.',
    });
  }
  if (job.to !== undefined) await checkTarget(job.to);
  const location = await located(job.archive);
  const started = performance.now();
  const files = new RepositoryFiles(location.root, context);
  const report = blankReport(job.archive, 'pgbackrest');
  let open: OpenStanza | undefined;
  try {
    const stanza = await chooseStanza(location, job.stanza);
    open = await openStanza(files, stanza, job);
    if (location.label !== undefined)
      open.notes.push(`The path lies inside the repository ${location.root}, which was used.`);
    const chosen = await chooseBackups(open, job.backup ?? location.label ?? 'latest');
    const reports: Report[] = [];
    const test = job.start ? testAndStart : testBackup;
    const later = chosen.map((it) => it.storedSize ?? it.size);
    const archived = job.backup === 'all' ? await archiveBytes(files, stanza) : 0;
    for (const entry of chosen) {
      later.shift();
      files.expectedLater = later.reduce((sum, it) => sum + it, archived);
      reports.push(await test(open, entry, job));
    }
    if (job.backup === 'all') {
      files.expectedLater = 0;
      files.expect(archived);
      reports.push(await testArchive(open, job));
    }
    return reports;
  } catch (error) {
    if (!(error instanceof RestoreError) || ['usage', 'cancelled'].includes(error.failure.code)) throw error;
    if (error.failure.stage === 'write') throw error;
    return [refused(report, error.failure, { files, open, seconds: (performance.now() - started) / 1000 })];
  } finally {
    files.close();
    if (open) wipe(open);
  }
}

/** @throws RestoreError `usage` when the path is no folder of a repository */
export async function located(path: string): Promise<Location> {
  const location = await locate(path);
  if (location) return location;
  fail('usage', 'open', 'this is no folder of a pgBackRest repository', {
    path,
    hint: 'Name the folder that holds archive/ and backup/ (repo1-path of pgbackrest.conf).',
  });
}

/** @throws RestoreError `usage` for a stanza that is not there, or when it must be named; `incomplete` for a part */
export async function chooseStanza(location: Location, wanted: string | undefined): Promise<ByteText> {
  if (location.isPart) {
    fail(
      'incomplete',
      'open',
      'this is a part of a repository: the folders archive/STANZA and backup/STANZA are missing',
      {
        path: location.root,
        reason: 'part-of-repository',
        hint: 'Copy the whole repository and name the folder that holds archive/ and backup/.',
      },
    );
  }
  const stanzas = await stanzasOf(location.root);
  const list = stanzas.join(', ');
  const chosen = wanted ?? location.stanza;
  if (chosen !== undefined) {
    if (stanzas.includes(chosen)) return toByteText(Buffer.from(chosen));
    fail('usage', 'open', `the repository has no stanza ${chosen}; it has ${list}`, { hint: 'Name one of these.' });
  }
  const [only, ...others] = stanzas;
  if (only === undefined) fail('incomplete', 'open', 'the repository has no stanza', { path: location.root });
  if (others.length > 0) {
    fail('usage', 'open', `the repository has several stanzas: ${list}`, { hint: 'Name one of them as the stanza.' });
  }
  return toByteText(Buffer.from(only));
}

async function openStanza(files: RepositoryFiles, stanza: ByteText, job: TestRestoreJob): Promise<OpenStanza> {
  const archiveName = `archive/${stanza}/archive.info`;
  const backupName = `backup/${stanza}/backup.info`;
  const offers = fitting(job.keys, readable(stanza), job.repo);
  if (!(await exists(files, backupName)))
    await refuseWithoutBackupInfo(files, stanza, await exists(files, archiveName));

  const others = passesOf(job.keys).filter((it) => !offers.includes(it));
  const pass = await findPass(files, stanza, offers, others);
  try {
    if (!pass && (job.expectEncrypted ?? offers.length > 0)) {
      fail('not-encrypted', 'open', 'the repository is NOT encrypted, although a cipher pass is configured', {
        path: readable(backupName),
        offset: 0,
        reason: 'plain-repository',
        hint: 'pgBackRest ignores a cipher pass without cipher-type=aes-256-cbc. Set both for a new repository; what is stored stays readable for everyone.',
      });
    }
    const problems: Failure[] = [];
    const onProblem = (failure: Failure) => void problems.push(failure);
    const backups = readBackupInfo(await loadInfo(files, backupName, pass?.backup.pass, onProblem));
    const archive = await loadInfo(files, archiveName, pass?.archive.pass, onProblem).then(readArchiveInfo, asFailure);
    const open: OpenStanza = {
      files,
      stanza,
      isEncrypted: pass !== undefined,
      backups,
      archive,
      keys: [],
      problems,
      notes: [],
    };
    if (pass) {
      const { source } = pass.backup;
      const fingerprint = fingerprintOfPass(pass.backup.pass);
      open.keys.push({ source, fingerprint, opens: 'archive.info and backup.info' });
      open.keys.push({ source: 'archive.info, [cipher]', fingerprint: null, opens: 'the WAL archive' });
      open.keys.push({ source: 'backup.info, [cipher]', fingerprint: null, opens: 'the manifests' });
    }
    if (pass && !backups.pass) {
      fail('damaged', 'key', 'backup.info is encrypted but holds no pass for the manifests', {
        path: readable(backupName),
      });
    }
    return open;
  } finally {
    pass?.archive.pass.wipe();
    pass?.backup.pass.wipe();
  }
}

/** The passes that are meant for this stanza and repository; all of them when none says so. */
export function fitting(keys: KeyOffer[], stanza: string, repo: number | undefined): KeyOffer[] {
  const own = passesOf(keys).filter(
    (it) =>
      (it.stanza === undefined || it.stanza === stanza) &&
      (it.repo === undefined || repo === undefined || it.repo === repo),
  );
  // A pass for this very stanza goes before one for all.
  return own.sort((a, b) => Number(b.stanza !== undefined) - Number(a.stanza !== undefined));
}

function passesOf(keys: KeyOffer[]): KeyOffer[] {
  return keys.filter((it) => it.kind === 'pgbackrest-pass' || it.kind === 'password');
}

async function refuseWithoutBackupInfo(files: RepositoryFiles, stanza: ByteText, hasArchive: boolean): Promise<never> {
  const folder = `backup/${stanza}`;
  const labels = ((await files.list(folder)) ?? []).filter(isLabel);
  const path = `${readable(folder)}/backup.info`;
  if (labels.length === 0) {
    fail(
      'incomplete',
      'open',
      `only ${hasArchive ? 'archive/' : 'a part'} of the repository is here: there is no backup of ${readable(stanza)}`,
      {
        path,
        reason: 'part-of-repository',
        hint: 'Copy backup/ of the repository as well.',
      },
    );
  }
  fail('incomplete', 'chain', `backup.info is missing, beside ${labels.length} backups`, {
    path,
    reason: 'missing-info',
    hint: 'Copy backup.info or backup.info.copy: in an encrypted repository the manifests cannot be opened without the pass that it holds.',
  });
}

async function chooseBackups(open: OpenStanza, wanted: string): Promise<BackupEntry[]> {
  const { backups } = open.backups;
  const newest = backups.at(-1);
  const path = `backup/${readable(open.stanza)}/backup.info`;
  if (wanted === 'all' && newest) return backups;
  if (wanted === 'latest' && newest) return [newest];
  const labels = ((await open.files.list(`backup/${open.stanza}`)) ?? []).filter(isLabel);
  const unfinished = labels.filter((it) => !backups.some((entry) => entry.label === it));
  if (wanted === 'all' || wanted === 'latest') {
    const beside = unfinished.length > 0 ? `; ${unfinished.join(', ')} did not come to its end` : '';
    fail('incomplete', 'chain', `the stanza has no complete backup${beside}`, {
      path,
      ...(unfinished.length > 0 && { reason: 'unfinished-backup' }),
      hint: 'Make a backup with pgbackrest backup.',
    });
  }
  const entry = backups.find((it) => it.label === wanted);
  if (entry) return [entry];
  if (unfinished.includes(wanted)) {
    const inside = (await open.files.list(`backup/${open.stanza}/${wanted}`)) ?? [];
    const isUnfinished = !inside.includes('backup.manifest');
    const what = isUnfinished
      ? 'is not finished: it has no manifest, and backup.info does not list it'
      : 'was expired, or backup.info is of another time: it does not list it';
    fail('incomplete', 'chain', `backup ${wanted} ${what}`, {
      path: isUnfinished ? `backup/${readable(open.stanza)}/${wanted}/backup.manifest` : path,
      reason: isUnfinished ? 'unfinished-backup' : 'expired-reference',
      hint: 'Use a backup that is listed, or latest.',
    });
  }
  const list = backups.map((it) => it.label).join(', ') || 'none';
  if (!isLabel(wanted))
    fail('usage', 'open', `${wanted} is no backup label, latest or all`, { hint: `The backups are: ${list}.` });
  fail('incomplete', 'chain', `there is no backup ${wanted}`, { path, hint: `The backups are: ${list}.` });
}

/** A report for an archive whose backups could not be reached. */
function refused(
  report: Report,
  failure: Failure,
  { files, open, seconds }: { files: RepositoryFiles; open: OpenStanza | undefined; seconds: number },
): Report {
  const because = failure.message;
  const isUnproven = failure.code === 'not-encrypted' || provesNothing(failure);
  return {
    ...report,
    keys: open?.keys ?? [],
    verdict: {
      decrypted: isUnproven ? null : false,
      authentic: null,
      complete: failure.code === 'incomplete' || failure.code === 'truncated' ? false : null,
      restorable: isUnproven ? null : false,
    },
    because: { decrypted: because, authentic: because, complete: because, restorable: because },
    bytes: { read: files.bytesRead, restored: 0 },
    seconds,
    failure,
    notes: open?.notes ?? [],
  };
}

/** Only of a pass that was generated: a human one could be guessed from it. */
function fingerprintOfPass(pass: Secret): string | null {
  const isGenerated = pass.length >= 40 && /^[A-Za-z0-9+/=]+$/.test(toByteText(pass.reveal()));
  return isGenerated ? fingerprintOf(pass.reveal()) : null;
}

async function exists(files: RepositoryFiles, name: ByteText): Promise<boolean> {
  return (await files.size(name)) !== undefined || (await files.size(`${name}.copy`)) !== undefined;
}

function asFailure(error: unknown): Failure {
  if (error instanceof RestoreError && error.failure.code !== 'cancelled') return error.failure;
  throw error;
}

function wipe({ backups, archive }: OpenStanza): void {
  backups.pass?.wipe();
  if ('pass' in archive) archive.pass?.wipe();
}
