import {
  commands,
  Disposable,
  env,
  l10n,
  type QuickPickItem,
  Range,
  type TextEditor,
  Uri,
  WorkspaceEdit,
  window,
  workspace,
} from 'vscode';
import type { GeneratedKey, KeySpecification } from '../../engine/src/job.ts';
import { type KeySheet, keySheet } from '../../engine/src/keys/keySheet.ts';
import {
  CLIENT_COMMANDS,
  COMMANDS,
  type GenerateKeyAtRequest,
  type KeyTemplate,
  type KeyTemplateRequest,
  type OverviewAnswer,
  type RotationTarget,
} from '../../server/src/protocol.ts';
import { copyForAWhile } from './clipboard.ts';
import { run } from './engine.ts';
import { sayFailure, showFailure } from './failureMessage.ts';
import { fillTemplate, wrapKey } from './keyText.ts';
import type { LanguageServer } from './languageServer.ts';
import { askForNewFile, sayNewKeyIn, writeNewSecretFile } from './newFile.ts';
import { inTrustedWorkspace } from './trust.ts';

type KeyKind = 'pgbackrest' | 'sodium-hex' | 'sodium-base64' | 'openpgp-rsa4096' | 'openpgp-curve25519';
type Destination = 'secret' | 'cursor' | 'file' | 'clipboard';

/** What a key binding or another extension may preset; the user is asked for the rest. A passphrase is always asked for. */
export interface GenerateKeyArguments {
  kind?: KeyKind;
  destination?: Destination;
  /** openpgp: the name and address of the user id. */
  name?: string;
  email?: string;
  hasPassphrase?: boolean;
  /** The new file, as text of a URI. */
  to?: string;
}

export function registerGenerateKey(server: LanguageServer): Disposable {
  return Disposable.from(
    commands.registerCommand(
      'restorable.generateKey',
      inTrustedWorkspace(async (preset?: GenerateKeyArguments | Uri) => {
        await showFailure(() => generateKey(server, preset instanceof Uri ? {} : (preset ?? {})));
      }),
    ),
    commands.registerCommand(
      'restorable.rotateKey',
      inTrustedWorkspace(async (where?: unknown) => await showFailure(() => rotateKey(server, where))),
    ),
    commands.registerCommand(
      CLIENT_COMMANDS.generateKeyAt,
      inTrustedWorkspace(async (request: GenerateKeyAtRequest) => {
        await showFailure(() => generateKeyAt(request));
      }),
    ),
  );
}

async function generateKey(server: LanguageServer, preset: GenerateKeyArguments): Promise<void> {
  const kind = preset.kind ?? (await askKind());
  if (!kind) return;
  const specification = await askSpecification(kind, preset);
  if (!specification) return;
  // Remembered before the dialogs take the focus away.
  const editor = window.activeTextEditor;
  const destination = preset.destination ?? (await askDestination(editor));
  if (!destination) return;

  if (destination === 'clipboard') return toClipboard(specification);
  if (destination === 'file') return toFile(specification, kind, preset, editor);
  const request: KeyTemplateRequest = { key: specification.kind };
  if (editor) request.uri = server.uri(editor.document.uri);
  if (destination === 'secret') return toNewSecret(server, specification, request, preset, editor);
  if (!editor) {
    void window.showWarningMessage(l10n.t('Open the file first that the key belongs into, and put the cursor there.'));
    return;
  }
  return atCursor(server, specification, request, editor);
}

/** A lens or a quick fix knows the place: the key replaces its range, if the document is still the one it was made for. */
async function generateKeyAt(request: GenerateKeyAtRequest): Promise<void> {
  const uri = Uri.parse(request.uri);
  const specification =
    request.key === 'openpgp'
      ? await askSpecification('openpgp-rsa4096', {})
      : request.key === 'sodium'
        ? ({ kind: 'sodium', encoding: request.encoding ?? 'hex' } as const)
        : ({ kind: 'pgbackrest' } as const);
  if (!specification) return;

  const document = await workspace.openTextDocument(uri);
  const { start, end } = request.range;
  await withKey(specification, async (key, generated) => {
    if (request.version !== undefined && document.version !== request.version) {
      throw new Error(l10n.t('the file has changed in the meantime; nothing was written'));
    }
    const edit = new WorkspaceEdit();
    edit.replace(uri, new Range(start.line, start.character, end.line, end.character), wrapKey(key, request));
    if (!(await workspace.applyEdit(edit)))
      throw new Error(l10n.t('the key could not be inserted; nothing was written'));
    const place = workspace.asRelativePath(uri);
    sayThatItIsThere(l10n.t('A new key was inserted.'), generated, sheetFor(specification, key, place));
  });
}

async function toNewSecret(
  server: LanguageServer,
  specification: KeySpecification,
  request: KeyTemplateRequest,
  preset: GenerateKeyArguments,
  editor: TextEditor | undefined,
): Promise<void> {
  const template = await server.execute<KeyTemplate>(COMMANDS.keyTemplate, [request]);
  const uri = preset.to
    ? Uri.parse(preset.to)
    : await askForNewFile(template.fileName, l10n.t('New Secret'), editor?.document.uri);
  if (!uri) return;
  const wanted = withEncoding(specification, template);
  await withKey(wanted, async (key, generated) => {
    // Written at once instead of shown as an untitled file, which VS Code would keep in plain text among its backups.
    await writeNewSecretFile(uri, fillTemplate(template, key));
    await window.showTextDocument(uri);
    void commands.executeCommand('setContext', 'restorable.hasMadeSecret', true);
    const place = workspace.asRelativePath(uri);
    const sentence = sayNewKeyIn(place);
    sayThatItIsThere(sentence, generated, sheetFor(wanted, key, place));
  });
}

async function atCursor(
  server: LanguageServer,
  specification: KeySpecification,
  request: KeyTemplateRequest,
  editor: TextEditor,
): Promise<void> {
  const { document, selection } = editor;
  const version = document.version;
  const position = { line: selection.start.line, character: selection.start.character };
  const template = await server.execute<KeyTemplate>(COMMANDS.keyTemplate, [{ ...request, position }]);
  const wanted = withEncoding(specification, template);
  await withKey(wanted, async (key, generated) => {
    if (document.isClosed || document.version !== version) {
      throw new Error(l10n.t('the file has changed in the meantime; nothing was written'));
    }
    const edit = new WorkspaceEdit();
    edit.replace(document.uri, selection, fillTemplate(template, key));
    if (!(await workspace.applyEdit(edit)))
      throw new Error(l10n.t('the key could not be inserted; nothing was written'));
    const place = workspace.asRelativePath(document.uri);
    sayThatItIsThere(l10n.t('A new key was inserted.'), generated, sheetFor(wanted, key, place));
  });
}

async function toFile(
  specification: KeySpecification,
  kind: KeyKind,
  preset: GenerateKeyArguments,
  editor: TextEditor | undefined,
): Promise<void> {
  const uri = preset.to
    ? Uri.parse(preset.to)
    : await askForNewFile(FILE_NAMES[kind], l10n.t('New Key File'), editor?.document.uri);
  if (!uri) return;
  await withKey(specification, async (key, generated) => {
    await writeNewSecretFile(uri, key);
    const written = [workspace.asRelativePath(uri)];
    if (generated.publicKey) {
      const publicUri = uri.with({ path: `${uri.path.replace(/\.asc$/, '')}.public.asc` });
      await writeNewSecretFile(publicUri, generated.publicKey);
      written.push(workspace.asRelativePath(publicUri));
    }
    const sentence = sayNewKeyIn(written.join(', '));
    sayThatItIsThere(sentence, generated, sheetFor(specification, key));
  });
}

async function toClipboard(specification: KeySpecification): Promise<void> {
  await withKey(specification, async (key, generated) => {
    await copyForAWhile(key);
    sayThatItIsThere(l10n.t('A new key is on the clipboard for 30 seconds.'), generated, sheetFor(specification, key));
  });
}

/** Another key for what is encrypted already: the old repository or storage stays, a new one begins. */
async function rotateKey(server: LanguageServer, where: unknown): Promise<void> {
  const place = placeOf(server, where) ?? (await askRepository(server));
  if (!place) return;
  const target = await server.execute<RotationTarget>(COMMANDS.rotationTarget, [place]);
  const go = {
    label: `$(key) ${l10n.t('Make a new key, and keep the old one')}`,
    detail: l10n.t(
      'What is there stays, so that its backups can be read. A new repository or storage beside it begins with the new key.',
    ),
  };
  const title = l10n.t('A new key for {0}?', target.title);
  if ((await window.showQuickPick([go], { title, ignoreFocusOut: true })) !== go) return;
  const specification: KeySpecification =
    target.key === 'sodium' ? { kind: 'sodium', encoding: target.encoding ?? 'hex' } : { kind: 'pgbackrest' };
  await withKey(specification, async (key, generated) => {
    const done = await server.execute<{ title: string; files: string[] }>(COMMANDS.rotateKey, [{ ...place, key }]);
    const written = done.files.map((it) => workspace.asRelativePath(Uri.parse(it))).join(', ');
    // What has changed is to be looked at, wherever the command came from.
    const [first] = done.files;
    if (first !== undefined) await window.showTextDocument(Uri.parse(first), { preview: false });
    const next = l10n.t(
      'Look at the changes and save them; then deploy, make a full backup, and remove the old one when its retention has passed.',
    );
    sayThatItIsThere(`${done.title} (${written}). ${next}`, generated, sheetFor(specification, key, written));
  });
}

interface PlaceOfKey {
  uri: string;
  position: { line: number; character: number };
}

/** Of a lens or a view's item; undefined for a call from the palette, where the cursor may stand anywhere. */
function placeOf(server: LanguageServer, where: unknown): PlaceOfKey | undefined {
  const given = where as { uri?: string; position?: PlaceOfKey['position']; it?: RepositoryAt } | undefined;
  if (given?.it) return { uri: given.it.uri, position: given.it.range.start };
  if (typeof given?.uri === 'string' && given.position) return { uri: given.uri, position: given.position };
  const editor = window.activeTextEditor;
  const isOnKey = editor && /cipher-|sodium|encryption/.test(editor.document.lineAt(editor.selection.active).text);
  return isOnKey ? { uri: server.uri(editor.document.uri), position: editor.selection.active } : undefined;
}

type RepositoryAt = OverviewAnswer['configurations'][number]['repositories'][number];

/** Every repository and storage of the workspace that is encrypted. */
async function askRepository(server: LanguageServer): Promise<PlaceOfKey | undefined> {
  const { configurations } = await server.execute<OverviewAnswer>(COMMANDS.overview, []);
  const items = configurations.flatMap(({ title, repositories }) =>
    repositories
      .filter((it) => it.state === 'encrypted')
      .map((it) => ({ label: `$(lock) ${title}`, detail: it.text, it })),
  );
  if (items.length === 0) {
    void window.showInformationMessage(
      l10n.t('Nothing in this workspace is encrypted with a key that could be changed.'),
    );
    return undefined;
  }
  const picked = await window.showQuickPick(items, {
    title: l10n.t('New Key: for which repository or storage?'),
    matchOnDetail: true,
  });
  return picked && { uri: picked.it.uri, position: picked.it.range.start };
}

/** Generates a key in the engine's worker and wipes its bytes, and the passphrase's, when `use` is done. */
async function withKey(
  specification: KeySpecification,
  use: (key: string, generated: GeneratedKey) => Promise<void>,
): Promise<void> {
  const passphrase = specification.kind === 'openpgp' ? specification.passphrase : undefined;
  try {
    const outcome = await window.withProgress(
      { location: { viewId: 'workbench.view.explorer' }, title: l10n.t('Generating a key') },
      () => run({ kind: 'keygen', key: specification }),
    );
    if (!outcome.ok) throw new Error(sayFailure(outcome.failure));
    try {
      await use(new TextDecoder().decode(outcome.value.secret), outcome.value);
    } finally {
      outcome.value.secret.fill(0);
    }
  } finally {
    passphrase?.fill(0);
  }
}

function withEncoding(specification: KeySpecification, { encoding }: KeyTemplate): KeySpecification {
  return specification.kind === 'sodium' && encoding ? { ...specification, encoding } : specification;
}

/** The last step of every key: where it is, its fingerprint, and a copy for the day when all that is gone. */
function sayThatItIsThere(
  sentence: string,
  { fingerprint, publicKey }: GeneratedKey,
  sheet: Omit<KeySheet, 'fingerprint' | 'madeAt'>,
): void {
  void commands.executeCommand('setContext', 'restorable.hasMadeKey', true);
  void window.showInformationMessage(`${sentence} ${l10n.t('Fingerprint: {0}.', fingerprint)}`);
  // A question and no message with buttons: that would go away unseen, and is hard to reach with a keyboard.
  void showFailure(async () => {
    const items: (QuickPickItem & { choose: () => Promise<void> })[] = [
      {
        label: `$(file) ${l10n.t('Save a sheet to print…')}`,
        detail: l10n.t('The key, its fingerprint, and what to do with them: one page for a safe'),
        choose: () => saveSheet({ ...sheet, fingerprint, madeAt: new Date() }),
      },
      ...(publicKey
        ? [
            {
              label: `$(copy) ${l10n.t('Copy the public key')}`,
              detail: l10n.t('It encrypts only, and need not be kept secret'),
              choose: async () => await env.clipboard.writeText(publicKey),
            },
          ]
        : []),
      {
        label: `$(check) ${l10n.t('I keep a copy elsewhere')}`,
        detail: l10n.t('Whoever loses the cluster loses its Secrets, and no backup can be read without the key'),
        choose: async () => {},
      },
    ];
    const picked = await window.showQuickPick(items, {
      title: l10n.t('Key {0}: keep a copy outside the cluster', fingerprint.slice(0, 16)),
      placeHolder: l10n.t('Without it, no backup can be read'),
      ignoreFocusOut: true,
    });
    await picked?.choose();
  });
}

/** Written for its owner only, and opened where it can be printed. */
async function saveSheet(sheet: KeySheet): Promise<void> {
  const uri = await askForNewFile(`key-${sheet.fingerprint.slice(0, 8)}.html`, l10n.t('Sheet to Print'));
  if (!uri) return;
  await writeNewSecretFile(uri, keySheet(sheet));
  const remove = l10n.t('Delete the File');
  // In a remote window the browser is on another machine, and cannot see the file.
  const isOpen = uri.scheme === 'file' && env.remoteName === undefined && (await env.openExternal(uri));
  const what = isOpen
    ? l10n.t('Print the sheet, then delete {0}: it holds the key.', uri.fsPath)
    : l10n.t('Open {0} in a browser, print it, then delete it: it holds the key.', uri.fsPath);
  if ((await window.showWarningMessage(what, remove)) === remove) await workspace.fs.delete(uri, { useTrash: false });
}

function sheetFor(
  specification: KeySpecification,
  key: string,
  place?: string,
): Omit<KeySheet, 'fingerprint' | 'madeAt'> {
  return {
    kind: specification.kind,
    key,
    ...(specification.kind === 'sodium' && { encoding: specification.encoding }),
    ...(place !== undefined && { place }),
  };
}

const FILE_NAMES: Record<KeyKind, string> = {
  pgbackrest: 'repo-cipher-pass.txt',
  'sodium-hex': 'sodium-key.hex',
  'sodium-base64': 'sodium-key.base64',
  'openpgp-rsa4096': 'openpgp-private-key.asc',
  'openpgp-curve25519': 'openpgp-private-key.asc',
};

async function askKind(): Promise<KeyKind | undefined> {
  const items: (QuickPickItem & { kind_: KeyKind })[] = [
    {
      kind_: 'pgbackrest',
      label: l10n.t('pgBackRest cipher pass'),
      detail: l10n.t('48 random bytes in base64, for repoN-cipher-pass: pgBackRest, Percona, Crunchy'),
    },
    {
      kind_: 'sodium-hex',
      label: l10n.t('libsodium key, hex'),
      detail: l10n.t('32 random bytes with keyTransform: hex: StackGres, WAL-G'),
    },
    {
      kind_: 'sodium-base64',
      label: l10n.t('libsodium key, base64'),
      detail: l10n.t('32 random bytes with keyTransform: base64: StackGres, WAL-G'),
    },
    {
      kind_: 'openpgp-rsa4096',
      label: l10n.t('OpenPGP key, RSA 4096'),
      detail: l10n.t('An armored private key that every version of WAL-G and GnuPG reads'),
    },
    {
      kind_: 'openpgp-curve25519',
      label: l10n.t('OpenPGP key, Curve25519'),
      detail: l10n.t('An armored private key, small and fast'),
    },
  ];
  const picked = await window.showQuickPick(items, {
    title: l10n.t('Generate Key: what for?'),
    placeHolder: l10n.t('The kind of key'),
    matchOnDetail: true,
  });
  return picked?.kind_;
}

async function askSpecification(kind: KeyKind, preset: GenerateKeyArguments): Promise<KeySpecification | undefined> {
  if (kind === 'pgbackrest') return { kind };
  if (kind === 'sodium-hex' || kind === 'sodium-base64') {
    return { kind: 'sodium', encoding: kind === 'sodium-hex' ? 'hex' : 'base64' };
  }
  const name =
    preset.name ??
    (await window.showInputBox({
      title: l10n.t('OpenPGP Key: whose?'),
      prompt: l10n.t('The name in the key, e.g. of the team that can restore'),
      value: 'Database backup',
      ignoreFocusOut: true,
      validateInput: (text) => (text.trim() === '' ? l10n.t('An OpenPGP key needs a name') : undefined),
    }));
  if (name === undefined) return undefined;
  const email =
    preset.email ??
    (preset.name !== undefined
      ? ''
      : await window.showInputBox({
          title: l10n.t('OpenPGP Key: which address?'),
          prompt: l10n.t('An e-mail address, or nothing'),
          ignoreFocusOut: true,
          validateInput: (text) =>
            text === '' || /^[^\s<>@]+@[^\s<>@]+$/.test(text) ? undefined : l10n.t('This is not an e-mail address'),
        }));
  if (email === undefined) return undefined;
  const hasPassphrase = preset.hasPassphrase ?? (await askWhetherPassphrase());
  if (hasPassphrase === undefined) return undefined;
  const passphrase = hasPassphrase ? await askNewPassphrase() : undefined;
  if (hasPassphrase && !passphrase) return undefined;
  return {
    kind: 'openpgp',
    type: kind === 'openpgp-rsa4096' ? 'rsa4096' : 'curve25519',
    name: name.trim(),
    ...(email && { email }),
    ...(passphrase && { passphrase: new TextEncoder().encode(passphrase) }),
  };
}

async function askWhetherPassphrase(): Promise<boolean | undefined> {
  const without = {
    label: l10n.t('No passphrase'),
    detail: l10n.t('Who can read the Secret can decrypt the backups'),
    hasPassphrase: false,
  };
  const items = [
    without,
    {
      label: l10n.t('With a passphrase'),
      detail: l10n.t('The cluster needs the passphrase too, as a second entry'),
      hasPassphrase: true,
    },
  ];
  const picked = await window.showQuickPick(items, { title: l10n.t('OpenPGP Key: protect it with a passphrase?') });
  return picked?.hasPassphrase;
}

async function askNewPassphrase(): Promise<string | undefined> {
  const passphrase = await window.showInputBox({
    title: l10n.t('OpenPGP Key: passphrase'),
    password: true,
    ignoreFocusOut: true,
    validateInput: (text) => (text === '' ? l10n.t('A passphrase cannot be empty') : undefined),
  });
  if (!passphrase) return undefined;
  const again = await window.showInputBox({
    title: l10n.t('OpenPGP Key: the passphrase once more'),
    password: true,
    ignoreFocusOut: true,
    validateInput: (text) => (passphrase.startsWith(text) ? undefined : l10n.t('This is not the same passphrase')),
  });
  if (again === undefined) return undefined;
  if (again !== passphrase) throw new Error(l10n.t('the two passphrases differ; no key was generated'));
  return passphrase;
}

async function askDestination(editor: TextEditor | undefined): Promise<Destination | undefined> {
  const items: (QuickPickItem & { destination: Destination })[] = [
    {
      destination: 'secret',
      label: `$(new-file) ${l10n.t('Into a new Secret')}`,
      detail: l10n.t('A Kubernetes manifest of the right shape for the product at hand'),
    },
    ...(editor
      ? [
          {
            destination: 'cursor' as const,
            label: `$(edit) ${l10n.t('At the cursor')}`,
            detail: workspace.asRelativePath(editor.document.uri),
          },
        ]
      : []),
    {
      destination: 'file',
      label: `$(save) ${l10n.t('Into a file')}`,
      detail: l10n.t('Only you can read it (0600); nothing is ever overwritten'),
    },
    {
      destination: 'clipboard',
      label: `$(clippy) ${l10n.t('To the clipboard')}`,
      detail: l10n.t('Cleared after 30 seconds, unless you copied something else'),
    },
  ];
  const picked = await window.showQuickPick(items, { title: l10n.t('Generate Key: where to?') });
  return picked?.destination;
}
