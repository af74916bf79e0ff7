import { commands, Disposable, l10n, type QuickPickItem, Uri, window } from 'vscode';
import type { Integrity, Method } from '../../engine/src/job.ts';
import {
  COMMANDS,
  type DecryptAnswer,
  type DecryptRequest,
  type TestRestoreProgress,
} from '../../server/src/protocol.ts';
import { withBytesProgress } from './bytesProgress.ts';
import { engineName, run } from './engine.ts';
import { sayFailure, showFailure } from './failureMessage.ts';
import { askKey, describeMethod, METHODS, wipeOffer } from './keyOffer.ts';
import type { LanguageServer } from './languageServer.ts';
import { formatBytes } from './remaining.ts';
import { inTrustedWorkspace } from './trust.ts';
import { askWorkspaceKey, type WorkspaceKeys } from './workspaceKeys.ts';

/** What each method's files are usually called. */
const EXTENSION: Record<Method, string> = {
  openpgp: '.gpg',
  gpg: '.gpg',
  sodium: '.sodium',
  openssl: '.enc',
  pgbackrest: '.enc',
  cms: '.p7m',
};

export function registerFileCryption(server: LanguageServer): Disposable {
  return Disposable.from(
    commands.registerCommand(
      'restorable.encryptFile',
      inTrustedWorkspace(async (picked?: unknown) => {
        await showFailure(() => encryptFile(picked instanceof Uri ? picked : undefined));
      }),
    ),
    commands.registerCommand(
      'restorable.decryptFile',
      inTrustedWorkspace(async (picked?: unknown) => {
        await showFailure(() => decryptFile(server, picked instanceof Uri ? picked : undefined));
      }),
    ),
  );
}

async function encryptFile(picked: Uri | undefined): Promise<void> {
  const input = await askInput(picked, l10n.t('Encrypt'), l10n.t('The file to encrypt'));
  if (!input) return;
  const method = await askMethod(l10n.t('Encrypt {0}: how?', nameOf(input)));
  if (!method) return;
  const key = await askKey(describeMethod(method).kind, 'encrypt');
  if (!key) return;
  try {
    const output = await askOutput(input.with({ path: `${input.path}${EXTENSION[method]}` }), l10n.t('Encrypt'));
    if (!output) return;
    const outcome = await withBytesProgress(l10n.t('Encrypting {0}', nameOf(input)), ({ signal, onProgress }) =>
      run(
        { kind: 'encrypt', method, input: engineName(input), output: engineName(output), overwrite: true, key },
        { signal, onProgress },
      ),
    );
    if (!outcome.ok) return sayOutcome(outcome.failure);
    const { bytesWritten, integrity } = outcome.value;
    const written = l10n.t(
      '{0} is written: {1}, encrypted with {2}.',
      output.fsPath,
      formatBytes(bytesWritten),
      describeMethod(method).label,
    );
    void window.showInformationMessage([written, ...(integrity ? [describeIntegrity(integrity)] : [])].join(' '));
  } finally {
    wipeOffer(key);
  }
}

/** What shows changes of an OpenPGP message, and who can read it for that. */
function describeIntegrity(integrity: Integrity): string {
  switch (integrity) {
    case 'mdc':
      return l10n.t('An MDC shows changes of it, which every gpg and WAL-G read.');
    case 'ocb':
      return l10n.t('OCB shows changes of it, as every key asks for: gpg 2.3 and later read that, older ones do not.');
    case 'seipd2':
      return l10n.t('AEAD of RFC 9580 shows changes of it, as every key asks for: Sequoia reads that, gpg does not.');
  }
}

async function decryptFile(server: LanguageServer, picked: Uri | undefined): Promise<void> {
  const input = await askInput(picked, l10n.t('Decrypt'), l10n.t('The file to decrypt'));
  if (!input) return;
  const inspected = await run({ kind: 'inspect', archive: engineName(input) });
  if (!inspected.ok) return sayOutcome(inspected.failure);
  const { format, isEncrypted } = inspected.value;
  if (isEncrypted === false) {
    void window.showWarningMessage(l10n.t('{0} is not encrypted: it is {1}.', nameOf(input), format));
    return;
  }
  const keys = await askWorkspaceKey(server, l10n.t('Decrypt {0}: which key?', nameOf(input)));
  if (!keys) return;
  if (keys !== 'another') return decryptInServer(server, input, keys);
  const methods = methodsOf(format);
  const method =
    methods.length === 1
      ? methods[0]
      : methods.length === 0
        ? await askMethod(l10n.t('{0} does not say how it is encrypted. How?', nameOf(input)))
        : await askMethod(l10n.t('{0} is OpenPGP. What opens it?', nameOf(input)), methods);
  if (!method) return;
  const key = await askKey(describeMethod(method).kind, 'decrypt');
  if (!key) return;
  try {
    const output = await askOutput(decryptedName(input), l10n.t('Decrypt'));
    if (!output) return;
    const outcome = await withBytesProgress(l10n.t('Decrypting {0}', nameOf(input)), ({ signal, onProgress }) =>
      run(
        { kind: 'decrypt', method, input: engineName(input), output: engineName(output), overwrite: true, key },
        { signal, onProgress },
      ),
    );
    if (!outcome.ok) return sayOutcome(outcome.failure);
    sayWritten(output, outcome.value);
  } finally {
    wipeOffer(key);
  }
}

/** With a key of the workspace's configuration, which does not leave the server. */
async function decryptInServer(server: LanguageServer, input: Uri, keys: WorkspaceKeys): Promise<void> {
  const output = await askOutput(decryptedName(input), l10n.t('Decrypt'));
  if (!output) return;
  const request: DecryptRequest = { input: engineName(input), output: engineName(output), ...keys };
  const answer = await withBytesProgress(l10n.t('Decrypting {0}', nameOf(input)), ({ token, onProgress }) =>
    server.execute<DecryptAnswer, TestRestoreProgress | { kind: 'begin' | 'end' }>(COMMANDS.decrypt, [request], {
      token,
      onProgress: (value) => {
        if (value.kind === 'report' && typeof value.bytes === 'number') onProgress(value);
      },
    }),
  );
  sayWritten(output, answer, l10n.t('The key was {0}.', answer.source));
}

function sayWritten(
  output: Uri,
  { bytesWritten, isAuthentic, notes }: Pick<DecryptAnswer, 'bytesWritten' | 'isAuthentic' | 'notes'>,
  ...more: string[]
): void {
  const authenticity = isAuthentic === true ? [] : [l10n.t('This format cannot show whether somebody changed it.')];
  const written = l10n.t('{0} is written: {1}.', output.fsPath, formatBytes(bytesWritten));
  void window.showInformationMessage([written, ...more, ...authenticity, ...notes].join(' '));
}

function sayOutcome(failure: Parameters<typeof sayFailure>[0]): void {
  if (failure.code === 'cancelled') return;
  void window.showErrorMessage(`Restorable: ${sayFailure(failure)}`);
}

/**
 * The engine names formats by what wrote them, with what was inside after an arrow. OpenPGP is one format with two kinds of
 * keys: a private key, or the password of `gpg -c`.
 */
function methodsOf(format: string): Method[] {
  const outermost = format.split('>')[0]?.trim();
  return outermost === 'openpgp' ? ['openpgp', 'gpg'] : METHODS.filter((it) => it === outermost);
}

/** Without the extension that names the encryption; the engine refuses to write over its own input. */
function decryptedName(input: Uri): Uri {
  const path = input.path.replace(/\.(gpg|pgp|asc|enc|aes|sodium|lsd|openssl|p7m|cms)$/i, '');
  return input.with({ path: path === input.path ? `${path}.decrypted` : path });
}

function nameOf({ path }: Uri): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

async function askInput(picked: Uri | undefined, label: string, title: string): Promise<Uri | undefined> {
  const [uri] = picked ? [picked] : ((await window.showOpenDialog({ title, openLabel: label })) ?? []);
  // Said before anything is asked: not every file can be opened here.
  if (uri) engineName(uri);
  return uri;
}

/** The dialog itself asks before it lets an existing file be replaced. */
async function askOutput(proposed: Uri, label: string): Promise<Uri | undefined> {
  return await window.showSaveDialog({ title: l10n.t('Write to'), saveLabel: label, defaultUri: proposed });
}

async function askMethod(title: string, methods = METHODS): Promise<Method | undefined> {
  const items: (QuickPickItem & { method: Method })[] = methods.map((method) => {
    const { label, detail } = describeMethod(method);
    return { label, detail, method };
  });
  return (await window.showQuickPick(items, { title, matchOnDetail: true, ignoreFocusOut: true }))?.method;
}
