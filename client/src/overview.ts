import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import {
  commands,
  Disposable,
  EventEmitter,
  l10n,
  languages,
  type Position,
  Range,
  ThemeColor,
  ThemeIcon,
  type TreeDataProvider,
  TreeItem,
  TreeItemCollapsibleState,
  Uri,
  window,
  workspace,
} from 'vscode';
import { CLIENT_COMMANDS, COMMANDS, type OverviewAnswer } from '../../server/src/protocol.ts';
import type { LanguageServer } from './languageServer.ts';
import type { Proof, Proofs } from './proofs.ts';

const viewId = 'restorable.overview';

/** A change of one file is told in many small steps. */
const settleMs = 300;

type Configuration = OverviewAnswer['configurations'][number];
type Repository = Configuration['repositories'][number];
type Secret = OverviewAnswer['secrets'][number];
type Archive = OverviewAnswer['archives'][number];

type Node =
  | { kind: 'section'; id: 'configurations' | 'secrets' | 'archives' }
  | { kind: 'configuration'; it: Configuration }
  | { kind: 'storage'; it: Repository; title: string }
  | { kind: 'repository'; it: Repository }
  | { kind: 'secret'; it: Secret }
  | { kind: 'entry'; it: Secret['entries'][number] }
  | { kind: 'archive'; it: { path: string; label: string; configuration: string[] } };

/** The "Restorable" view: what backs up where and whether it is encrypted, the Secrets behind it, and what was proven. */
export function registerOverview(server: LanguageServer, proofs: Proofs): Disposable {
  const tree = new Overview(server, proofs);
  const view = window.createTreeView(viewId, { treeDataProvider: tree, showCollapseAll: true });
  let timer: NodeJS.Timeout | undefined;
  const soon = (): void => {
    clearTimeout(timer);
    // Nobody looks: the view asks again when it is shown.
    if (view.visible) timer = setTimeout(() => tree.refresh(), settleMs);
  };
  return Disposable.from(
    view,
    languages.onDidChangeDiagnostics(soon),
    workspace.onDidChangeTextDocument(soon),
    workspace.onDidDeleteFiles(soon),
    proofs.onDidChange(soon),
    view.onDidChangeVisibility(({ visible }) => {
      if (visible) tree.refresh();
    }),
    commands.registerCommand('restorable.refreshOverview', () => tree.refresh()),
    commands.registerCommand('restorable.testRestoreOf', (node: Node) => {
      if (node?.kind !== 'archive') return undefined;
      const { path, configuration } = node.it;
      return commands.executeCommand(CLIENT_COMMANDS.testRestore, { archive: path, configuration });
    }),
    commands.registerCommand('restorable.inspectArchiveOf', (node: Node) =>
      node?.kind === 'archive'
        ? commands.executeCommand('restorable.inspectArchive', Uri.file(node.it.path))
        : undefined,
    ),
    commands.registerCommand('restorable.forgetProof', (node: Node) =>
      node?.kind === 'archive' ? proofs.forget(node.it.path) : undefined,
    ),
    commands.registerCommand('restorable.editDecodedOf', (node: Node) =>
      node?.kind === 'entry'
        ? commands.executeCommand('restorable.editDecoded', { uri: node.it.uri, position: node.it.range.start })
        : undefined,
    ),
    { dispose: () => clearTimeout(timer) },
  );
}

class Overview implements TreeDataProvider<Node> {
  readonly #changed = new EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.#changed.event;
  #answer: OverviewAnswer | undefined;

  constructor(
    private readonly server: LanguageServer,
    private readonly proofs: Proofs,
  ) {}

  refresh(): void {
    this.#answer = undefined;
    this.#changed.fire(undefined);
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (!node) return await this.#sections();
    const answer = this.#answer;
    if (!answer) return [];
    switch (node.kind) {
      case 'section':
        if (node.id === 'configurations') return inFileOrder(answer.configurations).map(configurationNode);
        if (node.id === 'secrets') return inFileOrder(answer.secrets).map((it) => ({ kind: 'secret', it }));
        return this.#archives(answer).map((it) => ({ kind: 'archive', it }));
      case 'configuration':
        return node.it.repositories.map((it) => ({ kind: 'repository', it }));
      case 'secret':
        return node.it.entries.map((it) => ({ kind: 'entry', it }));
      default:
        return [];
    }
  }

  getTreeItem(node: Node): TreeItem {
    switch (node.kind) {
      case 'section':
        return section(node.id);
      case 'configuration':
        return configurationItem(node.it);
      case 'repository':
        return repositoryItem(node.it);
      case 'storage':
        return storageItem(node.it, node.title);
      case 'secret':
        return secretItem(node.it);
      case 'entry':
        return entryItem(node.it);
      case 'archive':
        return archiveItem(node.it, this.proofs.of(node.it.path));
    }
  }

  /** Nothing at all leaves the view to its welcome text. */
  async #sections(): Promise<Node[]> {
    try {
      this.#answer = await this.server.execute<OverviewAnswer>(COMMANDS.overview, []);
    } catch {
      // The server's own message says why; the view stays empty until it answers again.
      return [];
    }
    const { configurations, secrets } = this.#answer;
    const found: Node[] = [];
    if (configurations.length > 0) found.push({ kind: 'section', id: 'configurations' });
    if (secrets.length > 0) found.push({ kind: 'section', id: 'secrets' });
    if (this.#archives(this.#answer).length > 0) found.push({ kind: 'section', id: 'archives' });
    return found;
  }

  /** What the configuration says is on this machine, and what was tested. */
  #archives(answer: OverviewAnswer): { path: string; label: string; configuration: string[] }[] {
    const found = new Map<string, { path: string; label: string; configuration: string[] }>();
    for (const it of answer.archives) {
      if (it.path !== undefined)
        found.set(it.path, { path: it.path, label: it.label, configuration: configurationOf(it) });
    }
    for (const { archive } of this.proofs.all) {
      if (found.has(archive) || !existsSync(archive)) continue;
      found.set(archive, { path: archive, label: basename(archive), configuration: [] });
    }
    return [...found.values()];
  }
}

function configurationOf({ uri, keys }: Archive): string[] {
  return [...new Set([uri, ...keys.map((it) => it.uri)])];
}

function section(id: 'configurations' | 'secrets' | 'archives'): TreeItem {
  const label = {
    configurations: l10n.t('Repositories and storages'),
    secrets: l10n.t('Secrets'),
    archives: l10n.t('Archives'),
  }[id];
  const isOpen = id !== 'secrets';
  const item = new TreeItem(label, isOpen ? TreeItemCollapsibleState.Expanded : TreeItemCollapsibleState.Collapsed);
  item.id = id;
  item.contextValue = id;
  item.accessibilityInformation = { label };
  return item;
}

/** As a person reads the workspace; the server tells files in the order in which it came to know them. */
function inFileOrder<T extends { uri: string; range: { start: Pick<Position, 'line'> } }>(items: readonly T[]): T[] {
  return [...items].sort((a, b) => compareText(a.uri, b.uri) || a.range.start.line - b.range.start.line);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What is a single place for backups has one row; what has repositories, one for each. */
function configurationNode(it: Configuration): Node {
  const [only] = it.repositories;
  return it.repositories.length === 1 && only && splitText(only.text).name === undefined
    ? { kind: 'storage', it: only, title: it.title }
    : { kind: 'configuration', it };
}

function configurationItem(it: Configuration): TreeItem {
  const { label, kind } = splitTitle(it.title);
  const path = workspace.asRelativePath(Uri.parse(it.uri));
  const item = new TreeItem(label, TreeItemCollapsibleState.Expanded);
  item.description = kind === undefined ? path : `${kind}, ${path}`;
  item.tooltip = `${it.title}\n${path}`;
  item.iconPath = new ThemeIcon('server-environment');
  item.accessibilityInformation = { label: `${label}, ${item.description}` };
  item.command = goTo(it);
  return item;
}

function repositoryItem(it: Repository): TreeItem {
  const { name, text } = splitText(it.text);
  return stateItem(it, name ?? it.text, name === undefined ? '' : text, it.text);
}

function storageItem(it: Repository, title: string): TreeItem {
  const { label, kind } = splitTitle(title);
  return stateItem(it, label, kind === undefined ? it.text : `${kind}, ${it.text}`, `${title}: ${it.text}`);
}

/** A row whose icon is its state of encryption; each state has a shape of its own, since colours cannot be relied on. */
function stateItem(it: Repository, label: string, description: string, whole: string): TreeItem {
  const item = new TreeItem(label, TreeItemCollapsibleState.None);
  item.description = description;
  item.tooltip = whole;
  item.iconPath = {
    encrypted: new ThemeIcon('lock', new ThemeColor('testing.iconPassed')),
    plain: new ThemeIcon('unlock', new ThemeColor('list.warningForeground')),
    'pass-ignored': new ThemeIcon('warning', new ThemeColor('list.errorForeground')),
    'pass-missing': new ThemeIcon('error', new ThemeColor('list.errorForeground')),
    unknown: new ThemeIcon('question'),
  }[it.state];
  if (it.state === 'encrypted') item.contextValue = 'encrypted';
  // What is read is what is seen, and then what only the icon says.
  item.accessibilityInformation = { label: `${label}, ${description}. ${stateInWords(it.state)}` };
  item.command = goTo(it);
  return item;
}

/** `PerconaPGCluster db/prod` -> what tells it from the others, and its kind. */
function splitTitle(title: string): { label: string; kind: string | undefined } {
  const [, kind, label] = /^([A-Z]\w+) (\S.*)$/.exec(title) ?? [];
  return label === undefined ? { label: title, kind: undefined } : { label, kind };
}

/** `repo1: s3, encrypted (…)` -> its name and the rest. */
function splitText(text: string): { name: string | undefined; text: string } {
  const [, name, rest] = /^(\S{1,40}): (.+)$/s.exec(text) ?? [];
  return rest === undefined ? { name: undefined, text } : { name, text: rest };
}

function stateInWords(state: Repository['state']): string {
  switch (state) {
    case 'encrypted':
      return l10n.t('Encrypted');
    case 'plain':
    case 'pass-ignored':
      return l10n.t('Not encrypted');
    case 'pass-missing':
      return l10n.t('Cannot be used: the pass is missing');
    default:
      return l10n.t('Encryption unknown');
  }
}

function secretItem(it: Secret): TreeItem {
  const path = workspace.asRelativePath(Uri.parse(it.uri));
  const item = new TreeItem(splitTitle(it.title).label, TreeItemCollapsibleState.Collapsed);
  item.description = it.detail;
  item.tooltip = `${it.title}\n${path}`;
  item.iconPath = new ThemeIcon('key');
  item.accessibilityInformation = { label: `${item.label}, ${it.detail}. ${it.title}, ${path}` };
  item.command = goTo(it);
  return item;
}

function entryItem(it: Secret['entries'][number]): TreeItem {
  const item = new TreeItem(it.name, TreeItemCollapsibleState.None);
  item.description = it.text;
  item.tooltip = `${it.name}: ${it.text}`;
  item.iconPath = new ThemeIcon('symbol-key');
  item.contextValue = 'entry';
  item.accessibilityInformation = { label: `${it.name}, ${it.text}` };
  item.command = goTo(it);
  return item;
}

function archiveItem(it: { path: string; label: string }, proof: Proof | undefined): TreeItem {
  const item = new TreeItem(it.label, TreeItemCollapsibleState.None);
  const when = proof && new Date(proof.at).toLocaleString();
  item.contextValue = proof ? 'archive proven' : 'archive';
  const said = proofInWords(proof);
  item.description = when ? `${said}, ${when}` : said;
  item.tooltip = `${it.path}\n${said}${when ? `, ${when}` : ''}`;
  item.iconPath = !proof
    ? new ThemeIcon('circle-outline')
    : proof.restorable === true
      ? new ThemeIcon('pass-filled', new ThemeColor('testing.iconPassed'))
      : proof.restorable === false
        ? new ThemeIcon('error', new ThemeColor('testing.iconFailed'))
        : new ThemeIcon('question');
  item.accessibilityInformation = { label: when ? `${it.label}: ${said}, ${when}` : `${it.label}: ${said}` };
  return item;
}

function proofInWords(proof: Proof | undefined): string {
  if (!proof) return l10n.t('never tested');
  if (proof.restorable === true) {
    return proof.isStarted ? l10n.t('restorable, PostgreSQL started from it') : l10n.t('restorable');
  }
  if (proof.restorable === false) return l10n.t('not restorable ({0})', proof.failure ?? '');
  return l10n.t('not contradicted, not proven');
}

function goTo({
  uri,
  range,
}: {
  uri: string;
  range: { start: Pick<Position, 'line' | 'character'>; end: Pick<Position, 'line' | 'character'> };
}) {
  const { start, end } = range;
  const selection = new Range(start.line, start.character, end.line, end.character);
  return { title: l10n.t('Open'), command: 'vscode.open', arguments: [Uri.parse(uri), { selection, preview: true }] };
}
