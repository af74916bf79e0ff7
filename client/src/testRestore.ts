import { basename } from 'node:path';
import { commands, Disposable, l10n, type QuickPickItem, QuickPickItemKind, Uri, window, workspace } from 'vscode';
import type { KeyOffer, TestRestoreJob } from '../../engine/src/job.ts';
import type { Report } from '../../engine/src/report.ts';
import {
  CLIENT_COMMANDS,
  COMMANDS,
  type ConfiguredArchive,
  type TestRestoreProgress,
  type TestRestoreRequest,
} from '../../server/src/protocol.ts';
import { withBytesProgress } from './bytesProgress.ts';
import { run } from './engine.ts';
import { isCancelled, sayFailure, showFailure } from './failureMessage.ts';
import { askArchive } from './inspect.ts';
import { askKey, describeMethod, METHODS, wipeOffer } from './keyOffer.ts';
import type { LanguageServer } from './languageServer.ts';
import { localPath } from './newFile.ts';
import { showReports } from './pages.ts';
import type { Proofs } from './proofs.ts';
import { inTrustedWorkspace } from './trust.ts';
import { askWorkspaceKey, type WorkspaceKeys } from './workspaceKeys.ts';

/** More than fits on a screen; the rest can be chosen by hand. */
const mostArchivesOffered = 30;

/** Keys that the workspace's configuration holds stay in the server; a key file or a typed key stays here. */
type Keys = ({ from: 'workspace' } & WorkspaceKeys) | { from: 'here'; offer: KeyOffer };

export function registerTestRestore(server: LanguageServer, proofs: Proofs): Disposable {
  return Disposable.from(
    commands.registerCommand(
      CLIENT_COMMANDS.testRestore,
      inTrustedWorkspace(async (picked?: unknown) => {
        await showFailure(() => testRestore(server, proofs, presetOf(picked)));
      }),
    ),
  );
}

/** From a lens, a key binding or a test: a request; from the Explorer: the URI of what was picked. */
function presetOf(picked: unknown): Partial<TestRestoreRequest> {
  if (picked instanceof Uri) return { archive: localPath(picked) };
  return typeof picked === 'object' && picked !== null ? picked : {};
}

async function testRestore(server: LanguageServer, proofs: Proofs, preset: Partial<TestRestoreRequest>): Promise<void> {
  const isAsked = preset.archive === undefined;
  const chosen = preset.archive !== undefined ? { archive: preset.archive } : await askConfiguredArchive(server);
  if (!chosen) return;
  const keys: Keys | undefined =
    preset.configuration || preset.keyFile || 'configuration' in chosen
      ? { from: 'workspace', configuration: preset.configuration ?? chosen.configuration }
      : await askKeys(server);
  if (!keys) return;
  const target =
    isAsked && preset.to === undefined && preset.start === undefined
      ? await askTarget()
      : { folder: preset.to, start: preset.start };
  if (!target) return;

  const { archive } = chosen;
  const { folder, start } = target;
  const { stanza, backup, keyFile, wal } = preset;
  try {
    const title = l10n.t('Test restore of {0}', basename(archive));
    const reports = await withBytesProgress(title, async ({ signal, token, onProgress }) => {
      if (keys.from === 'here') {
        const job: TestRestoreJob = { kind: 'test-restore', archive, keys: [keys.offer] };
        if (stanza !== undefined) job.stanza = stanza;
        if (backup !== undefined) job.backup = backup;
        if (folder !== undefined) job.to = folder;
        if (start) job.start = {};
        if (wal) job.wal = wal;
        const outcome = await run(job, { signal, onProgress });
        if (!outcome.ok) {
          if (outcome.failure.code === 'cancelled') return undefined;
          throw new Error(sayFailure(outcome.failure));
        }
        return outcome.value;
      }
      const request: TestRestoreRequest = { archive };
      if (keys.configuration) request.configuration = keys.configuration;
      if (keyFile) request.keyFile = keyFile;
      if (stanza !== undefined) request.stanza = stanza;
      if (backup !== undefined) request.backup = backup;
      if (folder !== undefined) request.to = folder;
      if (start) request.start = true;
      if (wal) request.wal = wal;
      return await server.execute<Report[], TestRestoreProgress | { kind: 'begin' | 'end' }>(
        COMMANDS.testRestore,
        [request],
        {
          token,
          onProgress: (value) => {
            if (value.kind === 'report' && typeof value.bytes === 'number') onProgress(value);
          },
        },
      );
    }).catch((error) => {
      if (isCancelled(error)) return undefined;
      throw error;
    });
    if (!reports || reports.some((it) => it.failure?.code === 'cancelled')) {
      void window.showInformationMessage(l10n.t('The test restore was cancelled; nothing was left behind.'));
      return;
    }
    await proofs.add(reports);
    showReports(reports);
  } finally {
    if (keys.from === 'here') wipeOffer(keys.offer);
  }
}

interface ArchiveItem extends QuickPickItem {
  choose: () => Promise<{ archive: string; configuration?: string[] } | undefined>;
}

async function askConfiguredArchive(
  server: LanguageServer,
): Promise<{ archive: string; configuration?: string[] } | undefined> {
  const title = l10n.t('Test Restore: which archive?');
  const [found, lying] = await Promise.all([
    server.execute<ConfiguredArchive[]>(COMMANDS.archives, []),
    archivesOfWorkspace(),
  ]);
  const here = found.filter((it) => it.path !== undefined);
  const elsewhere = found.filter((it) => it.path === undefined);
  const separator = (label: string): ArchiveItem => ({
    label,
    kind: QuickPickItemKind.Separator,
    choose: async () => undefined,
  });
  const items: ArchiveItem[] = [
    ...(here.length > 0 ? [separator(l10n.t('On this machine'))] : []),
    ...here.map((it) => ({
      label: `$(database) ${it.label}`,
      description: it.isEncrypted ? '' : l10n.t('not encrypted'),
      detail: it.path!,
      choose: async () => ({ archive: it.path!, ...(it.keys.length > 0 && { configuration: configurationOf(it) }) }),
    })),
    ...(lying.length > 0 ? [separator(l10n.t('In this workspace'))] : []),
    ...lying
      .filter((path) => !here.some((it) => it.path === path))
      .map((path) => ({
        label: `$(archive) ${workspace.asRelativePath(path)}`,
        choose: async () => ({ archive: path }),
      })),
    separator(l10n.t('Another')),
    {
      label: `$(folder-opened) ${l10n.t('Choose a folder or file…')}`,
      choose: async () => {
        const uri = await askArchive(title);
        return uri && { archive: localPath(uri) };
      },
    },
    ...(elsewhere.length > 0 ? [separator(l10n.t('Not on this machine: download it first'))] : []),
    ...elsewhere.map((it) => ({
      label: `$(cloud) ${it.label}`,
      description: it.isEncrypted ? '' : l10n.t('not encrypted'),
      detail: l10n.t('Choose the folder that holds your copy'),
      choose: async () => {
        const [uri] =
          (await window.showOpenDialog({
            title: l10n.t('Where is your copy of {0}?', it.label),
            openLabel: l10n.t('Choose'),
            canSelectFolders: true,
            canSelectFiles: false,
          })) ?? [];
        return uri && { archive: localPath(uri), ...(it.keys.length > 0 && { configuration: configurationOf(it) }) };
      },
    })),
  ];
  const picked = await window.showQuickPick(items, { title, matchOnDetail: true });
  return await picked?.choose();
}

/**
 * Archives that lie in the workspace, by their names alone: repositories of pgBackRest, parts of WAL-G's backups, and
 * files with the extension of an encrypted one.
 */
async function archivesOfWorkspace(): Promise<string[]> {
  const find = async (pattern: string, levelsUp: number): Promise<string[]> => {
    const found = await workspace.findFiles(pattern, '**/node_modules/**', mostArchivesOffered);
    const up = Array.from({ length: levelsUp }, () => '..');
    return found.filter((it) => it.scheme === 'file').map((it) => Uri.joinPath(it, ...up).fsPath);
  };
  const archives = await Promise.all([
    find('**/backup/*/backup.info', 3),
    find('**/part_[0-9]*.tar*', 0),
    find('**/*.{gpg,pgp,enc}', 0),
  ]);
  return [...new Set(archives.flat())].sort().slice(0, mostArchivesOffered);
}

function configurationOf({ uri, keys }: ConfiguredArchive): string[] {
  return [...new Set([uri, ...keys.map((it) => it.uri)])];
}

async function askKeys(server: LanguageServer): Promise<Keys | undefined> {
  const chosen = await askWorkspaceKey(server, l10n.t('Test Restore: which key?'));
  if (chosen !== 'another') return chosen && { from: 'workspace', ...chosen };
  const method = await window.showQuickPick(
    METHODS.map((it) => ({
      label: describeMethod(it).label,
      detail: describeMethod(it).detail,
      kind_: describeMethod(it).kind,
    })),
    { title: l10n.t('Test Restore: what kind of key?'), matchOnDetail: true },
  );
  const offer = method && (await askKey(method.kind_, 'decrypt'));
  return offer && { from: 'here', offer };
}

/** @returns undefined when the user went away; no `folder` when nothing is to be written */
async function askTarget(): Promise<{ folder?: string; start?: boolean } | undefined> {
  const picked = await window.showQuickPick(
    [
      {
        label: `$(check) ${l10n.t('Check only')}`,
        detail: l10n.t('Everything is read and verified, nothing is written'),
        isFolder: false,
        start: false,
      },
      {
        label: `$(play) ${l10n.t('Check, and start PostgreSQL from it')}`,
        detail: l10n.t(
          'The last proof: the same version, installed here, recovers a throw-away copy and reads all of it',
        ),
        isFolder: false,
        start: true,
      },
      {
        label: `$(folder) ${l10n.t('Restore into a folder…')}`,
        detail: l10n.t('A new or an empty one'),
        isFolder: true,
        start: false,
      },
    ],
    { title: l10n.t('Test Restore: what to do with the contents?') },
  );
  if (!picked?.isFolder) return picked && { start: picked.start };
  const [uri] =
    (await window.showOpenDialog({
      title: l10n.t('Restore into an empty folder'),
      openLabel: l10n.t('Restore Here'),
      canSelectFolders: true,
      canSelectFiles: false,
    })) ?? [];
  return uri && { folder: localPath(uri) };
}
