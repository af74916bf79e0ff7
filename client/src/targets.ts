import {
  ConfigurationTarget,
  commands,
  Disposable,
  l10n,
  languages,
  type QuickPickItem,
  QuickPickItemKind,
  type Uri,
  window,
  workspace,
} from 'vscode';
import { COMMANDS, type TargetsAnswer } from '../../server/src/protocol.ts';
import { showFailure } from './failureMessage.ts';
import { DOCUMENT_SELECTOR, type LanguageServer } from './languageServer.ts';

type Product = TargetsAnswer['products'][number];

const command = 'restorable.chooseTargets';

/** The language status item that says for which versions a file is checked; a click changes them. */
export function registerTargets(server: LanguageServer): Disposable {
  const item = languages.createLanguageStatusItem('restorable.targets', DOCUMENT_SELECTOR);
  item.name = l10n.t('Restorable: Target Versions');
  item.command = { title: l10n.t('Change'), command, tooltip: l10n.t('Choose the versions that run where this goes') };

  let asked = 0;
  const update = async (): Promise<void> => {
    const uri = window.activeTextEditor?.document.uri;
    if (!uri || languages.match(DOCUMENT_SELECTOR, window.activeTextEditor!.document) === 0) return;
    const mine = ++asked;
    const products = await productsOf(server, uri).catch(() => undefined);
    // A later question has its own answer; without a server, what was said before is as good as anything.
    if (mine !== asked || !products) return;
    const named = products.filter((it) => it.version !== undefined);
    item.text = named.length > 0 ? named.map(textOf).join(', ') : l10n.t('Newest versions');
    item.detail = named.some((it) => !it.isSetting)
      ? l10n.t('target versions, from .restorablerc')
      : l10n.t('target versions');
    item.accessibilityInformation = { label: l10n.t('Restorable checks for: {0}', item.text) };
  };
  item.text = l10n.t('Newest versions');
  const soon = (): void => void update();
  soon();
  return Disposable.from(
    item,
    window.onDidChangeActiveTextEditor(soon),
    workspace.onDidSaveTextDocument(({ fileName }) => {
      if (fileName.includes('.restorablerc')) soon();
    }),
    workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('restorable.target')) soon();
    }),
    commands.registerCommand(command, () => showFailure(() => choose(server))),
  );
}

async function productsOf(server: LanguageServer, uri: Uri | undefined): Promise<Product[]> {
  const about = uri ? server.uri(uri) : 'untitled:targets';
  return (await server.execute<TargetsAnswer>(COMMANDS.targets, [{ uri: about }])).products;
}

function textOf({ product, version }: Product): string {
  return `${nameOf(product)} ${version ?? l10n.t('newest')}`;
}

function nameOf(product: Product['product']): string {
  return product === 'pgbackrest' ? 'pgBackRest' : 'StackGres';
}

async function choose(server: LanguageServer): Promise<void> {
  const products = await productsOf(server, window.activeTextEditor?.document.uri);
  const picked = await window.showQuickPick(
    products.map((it) => ({
      label: nameOf(it.product),
      description: it.version ?? l10n.t('newest'),
      ...(it.version !== undefined && !it.isSetting && { detail: l10n.t('from .restorablerc; a setting beats it') }),
      it,
    })),
    {
      title: l10n.t('Target Versions: of which product?'),
      placeHolder: l10n.t('What runs where the configuration goes'),
    },
  );
  if (!picked) return;
  const version = await askVersion(picked.it);
  if (version === undefined) return;
  await write(picked.it.product, version === 'newest' ? undefined : version);
}

const VERSION = /^\d+(\.\d+){0,2}$/;

/** A version of the list, or any other that is typed. */
function askVersion({ product, version, known }: Product): Promise<string | undefined> {
  return new Promise((resolve) => {
    type Item = QuickPickItem & { version?: string };
    const newest: Item = {
      label: l10n.t('Newest'),
      description: version === undefined ? l10n.t('now') : '',
      detail: l10n.t('No version is set: everything that is known may be used'),
      version: 'newest',
    };
    const listed: Item[] = [
      newest,
      { label: l10n.t('Versions'), kind: QuickPickItemKind.Separator },
      ...known.map((it) => ({ label: it, description: it === version ? l10n.t('now') : '', version: it })),
    ];
    const pick = window.createQuickPick<Item>();
    pick.title = l10n.t('Which version of {0}?', nameOf(product));
    pick.placeholder = l10n.t('Choose one, or type another, e.g. {0}', known[0] ?? '1.0');
    pick.items = listed;
    pick.activeItems = listed.filter((it) => it.version === (version ?? 'newest'));
    pick.onDidChangeValue((typed) => {
      const text = typed.trim();
      const isOther = VERSION.test(text) && !known.includes(text);
      pick.items = isOther ? [{ label: text, version: text }, ...listed] : listed;
    });
    pick.onDidAccept(() => {
      const chosen = pick.selectedItems[0]?.version;
      if (chosen === undefined) return;
      resolve(chosen);
      pick.hide();
    });
    pick.onDidHide(() => {
      resolve(undefined);
      pick.dispose();
    });
    pick.show();
  });
}

/** Where the setting is already, else in the workspace: versions belong to what is deployed, not to a person. */
async function write(product: Product['product'], version: string | undefined): Promise<void> {
  const settings = workspace.getConfiguration('restorable', window.activeTextEditor?.document.uri);
  const known = settings.inspect<Partial<Record<Product['product'], string>>>('target');
  const [where, value] =
    known?.workspaceFolderValue !== undefined
      ? [ConfigurationTarget.WorkspaceFolder, known.workspaceFolderValue]
      : known?.workspaceValue !== undefined || (workspace.workspaceFolders ?? []).length > 0
        ? [ConfigurationTarget.Workspace, known?.workspaceValue ?? {}]
        : [ConfigurationTarget.Global, known?.globalValue ?? {}];
  const { [product]: _, ...others } = value;
  const next = version === undefined ? others : { ...others, [product]: version };
  await settings.update('target', Object.keys(next).length > 0 ? next : undefined, where);
}
