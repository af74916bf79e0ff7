import { l10n, type QuickPickItem, QuickPickItemKind, Uri, window, workspace } from 'vscode';
import { COMMANDS, type ConfiguredArchive, type ConfiguredKey } from '../../server/src/protocol.ts';
import { canRestore } from './engine.ts';
import type { LanguageServer } from './languageServer.ts';

/** Which of the keys that the workspace's configuration holds; they stay in the server. */
export interface WorkspaceKeys {
  /** The files whose keys are meant; every key of the workspace when absent. */
  configuration?: string[];
}

/** Every key that the workspace's configuration holds, once; none in a browser, where the server opens nothing. */
export async function workspaceKeys(server: LanguageServer): Promise<ConfiguredKey[]> {
  if (!canRestore) return [];
  const archives = await server.execute<ConfiguredArchive[]>(COMMANDS.archives, []);
  return [...new Map(archives.flatMap((it) => it.keys).map((it) => [`${it.uri} ${it.source}`, it])).values()];
}

/** @returns `another` for a key file or a typed key, at once where the workspace holds no key; undefined when the user went away */
export async function askWorkspaceKey(
  server: LanguageServer,
  title: string,
): Promise<WorkspaceKeys | 'another' | undefined> {
  const keys = await workspaceKeys(server);
  if (keys.length === 0) return 'another';
  const items: (QuickPickItem & { chosen?: WorkspaceKeys | 'another' })[] = [
    ...(keys.length > 1
      ? [
          {
            label: `$(key) ${l10n.t('Every key of the workspace')}`,
            detail: l10n.t('{0} keys are tried', keys.length),
            chosen: {},
          },
        ]
      : []),
    { label: `$(ellipsis) ${l10n.t('A key file or a typed key…')}`, chosen: 'another' },
    { label: l10n.t('Keys of the workspace'), kind: QuickPickItemKind.Separator },
    ...keys.map(({ source, uri }) => ({
      label: `$(key) ${source}`,
      detail: workspace.asRelativePath(Uri.parse(uri)),
      chosen: { configuration: [uri] },
    })),
  ];
  const picked = await window.showQuickPick(items, { title, matchOnDetail: true, ignoreFocusOut: true });
  return picked?.chosen;
}
