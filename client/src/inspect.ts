import { commands, type Disposable, l10n, Uri, window } from 'vscode';
import type { Inspection } from '../../engine/src/job.ts';
import { COMMANDS, type InspectRequest } from '../../server/src/protocol.ts';
import { withBytesProgress } from './bytesProgress.ts';
import { canRestore, engineName, run } from './engine.ts';
import { sayFailure, showFailure } from './failureMessage.ts';
import type { LanguageServer } from './languageServer.ts';
import { showInspection } from './pages.ts';
import { inTrustedWorkspace } from './trust.ts';
import { workspaceKeys } from './workspaceKeys.ts';

/** Says what a file or folder is, how it is encrypted, which key would open it, and which key of the workspace does. */
export function registerInspect(server: LanguageServer): Disposable {
  return commands.registerCommand(
    'restorable.inspectArchive',
    inTrustedWorkspace(async (picked?: unknown) => {
      await showFailure(async () => {
        const uri = picked instanceof Uri ? picked : await askArchive(l10n.t('Inspect Archive'));
        if (uri) await inspect(server, uri);
      });
    }),
  );
}

/** A repository is a folder, other archives are files, and some systems' dialogs offer only one of them at a time. */
export async function askArchive(title: string): Promise<Uri | undefined> {
  if (!canRestore) return await askOne(title, false);
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
  return picked && (await askOne(title, picked.isFolder));
}

async function askOne(title: string, isFolder: boolean): Promise<Uri | undefined> {
  const [uri] =
    (await window.showOpenDialog({
      title,
      openLabel: l10n.t('Choose'),
      canSelectFolders: isFolder,
      canSelectFiles: !isFolder,
    })) ?? [];
  return uri;
}

async function inspect(server: LanguageServer, uri: Uri): Promise<void> {
  const archive = engineName(uri);
  const name = uri.path.slice(uri.path.lastIndexOf('/') + 1);
  // Without a server, an archive still says what it is.
  const hasKeys = await workspaceKeys(server).then(
    (it) => it.length > 0,
    () => false,
  );
  if (hasKeys) {
    const request: InspectRequest = { archive, configuration: [] };
    const inspection = await withBytesProgress(l10n.t('Inspecting {0}', name), ({ token }) =>
      server.execute<Inspection>(COMMANDS.inspect, [request], { token }),
    );
    return showInspection(inspection);
  }
  const outcome = await withBytesProgress(l10n.t('Inspecting {0}', name), ({ signal, onProgress }) =>
    run({ kind: 'inspect', archive }, { signal, onProgress }),
  );
  if (outcome.ok) return showInspection(outcome.value);
  if (outcome.failure.code !== 'cancelled') throw new Error(sayFailure(outcome.failure));
}
