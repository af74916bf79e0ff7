import { basename } from 'node:path';
import { commands, type Disposable, l10n, Uri, window } from 'vscode';
import { run } from '../../engine/src/pool.ts';
import { withBytesProgress } from './bytesProgress.ts';
import { sayFailure, showFailure } from './failureMessage.ts';
import { localPath } from './newFile.ts';
import { showInspection } from './pages.ts';
import { inTrustedWorkspace } from './trust.ts';

/** Says without any key what a file or folder is, how it is encrypted and which key would open it. */
export function registerInspect(): Disposable {
  return commands.registerCommand(
    'restorable.inspectArchive',
    inTrustedWorkspace(async (picked?: unknown) => {
      await showFailure(async () => {
        const uri = picked instanceof Uri ? picked : await askArchive(l10n.t('Inspect Archive'));
        if (uri) await inspect(localPath(uri));
      });
    }),
  );
}

/** A repository is a folder, other archives are files, and some systems' dialogs offer only one of them at a time. */
export async function askArchive(title: string): Promise<Uri | undefined> {
  const picked = await window.showQuickPick(
    [
      {
        label: `$(folder) ${l10n.t('A folder…')}`,
        detail: l10n.t('A pgBackRest repository or a WAL-G folder'),
        isFolder: true,
      },
      {
        label: `$(file) ${l10n.t('A file…')}`,
        detail: l10n.t('An encrypted dump or a single object of an archive'),
        isFolder: false,
      },
    ],
    { title },
  );
  if (!picked) return undefined;
  const [uri] =
    (await window.showOpenDialog({
      title,
      openLabel: l10n.t('Choose'),
      canSelectFolders: picked.isFolder,
      canSelectFiles: !picked.isFolder,
    })) ?? [];
  return uri;
}

async function inspect(archive: string): Promise<void> {
  const outcome = await withBytesProgress(l10n.t('Inspecting {0}', basename(archive)), ({ signal, onProgress }) =>
    run({ kind: 'inspect', archive }, { signal, onProgress }),
  );
  if (outcome.ok) return showInspection(outcome.value);
  if (outcome.failure.code !== 'cancelled') throw new Error(sayFailure(outcome.failure));
}
