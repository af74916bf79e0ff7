import { basename } from 'node:path';
import { FileSystemError, l10n, type QuickPickItem, type Uri, window, workspace } from 'vscode';
import type { KeyOffer, Method } from '../../engine/src/job.ts';
import { canRestore } from './engine.ts';

/** More than any key file has; a backup picked by mistake is not read into memory. */
const maximumKeyFileBytes = 1 << 20;

interface Described {
  label: string;
  detail: string;
  kind: KeyOffer['kind'];
}

/** The methods as people know them, with what opens them. */
export function describeMethod(method: Method): Described {
  switch (method) {
    case 'sodium':
      return {
        label: 'libsodium',
        detail: l10n.t('secretstream, as WAL-G and StackGres write it; a 32-byte key'),
        kind: 'sodium',
      };
    case 'openpgp':
      return {
        label: 'OpenPGP',
        detail: l10n.t('for a public key, as WAL-G, StackGres and gpg -e write it'),
        kind: 'openpgp',
      };
    case 'pgbackrest':
      return { label: 'pgBackRest', detail: l10n.t('aes-256-cbc with a cipher pass'), kind: 'pgbackrest-pass' };
    case 'openssl':
      return {
        label: 'openssl enc',
        detail: l10n.t('aes-256-cbc with a password; not authenticated'),
        kind: 'password',
      };
    case 'gpg':
      return { label: 'gpg -c', detail: l10n.t('OpenPGP with a password'), kind: 'password' };
    case 'cms':
      return { label: 'openssl cms', detail: l10n.t('CMS, S/MIME: for a certificate in PEM'), kind: 'pem' };
  }
}

/** Certificates need Node's OpenSSL. */
export const METHODS: Method[] = [
  'openpgp',
  'gpg',
  'sodium',
  'openssl',
  'pgbackrest',
  ...(canRestore ? (['cms'] as const) : []),
];

/**
 * Asks for the key to encrypt or decrypt with: a key file, or typed. The caller wipes `bytes` and `passphrase`.
 *
 * @param purpose decrypting with a locked OpenPGP key also needs its passphrase
 */
export async function askKey(kind: KeyOffer['kind'], purpose: 'encrypt' | 'decrypt'): Promise<KeyOffer | undefined> {
  const isOpenpgp = kind === 'openpgp';
  const fromFile = {
    label: `$(file) ${isOpenpgp && purpose === 'encrypt' ? l10n.t('A public key file…') : l10n.t('A key file…')}`,
    from: 'file' as const,
  };
  const typed = {
    label: `$(keyboard) ${l10n.t('Type it')}`,
    detail: l10n.t('Kept in memory only, and wiped after use'),
    from: 'prompt' as const,
  };
  const from = isOpenpgp
    ? fromFile
    : await window.showQuickPick([fromFile, typed], { title: keyTitle(kind), ignoreFocusOut: true });
  if (!from) return undefined;

  if (from.from === 'prompt') {
    const text = await window.showInputBox({ title: keyTitle(kind), password: true, ignoreFocusOut: true });
    if (!text) return undefined;
    const keyTransform = kind === 'sodium' ? await askTransform() : undefined;
    if (kind === 'sodium' && !keyTransform) return undefined;
    return {
      kind,
      source: l10n.t('typed key'),
      bytes: new TextEncoder().encode(text),
      ...(keyTransform && { keyTransform }),
    };
  }

  const [uri] = (await window.showOpenDialog({ title: keyTitle(kind), openLabel: l10n.t('Use as Key') })) ?? [];
  if (!uri) return undefined;
  const keyTransform = kind === 'sodium' ? await askTransform() : undefined;
  if (kind === 'sodium' && !keyTransform) return undefined;
  const passphrase = isOpenpgp && purpose === 'decrypt' ? await askPassphrase() : undefined;
  if (isOpenpgp && purpose === 'decrypt' && passphrase === undefined) return undefined;
  return {
    kind,
    source: l10n.t('key file {0}', basename(uri.fsPath)),
    bytes: await readKeyFile(uri, kind),
    ...(keyTransform && { keyTransform }),
    ...(passphrase && { passphrase: new TextEncoder().encode(passphrase) }),
  };
}

/** Overwrites what the offer holds; the copy that went to the worker is wiped there. */
export function wipeOffer(offer: KeyOffer): void {
  offer.bytes.fill(0);
  offer.passphrase?.fill(0);
}

/** Passwords and passes are a line of text: the line feed that editors put at its end does not belong to it. */
async function readKeyFile(uri: Uri, kind: KeyOffer['kind']): Promise<Uint8Array> {
  const path = uri.fsPath;
  const bytes = await workspace.fs.readFile(uri).then(undefined, (error: unknown) => {
    const code = error instanceof FileSystemError ? error.code : '';
    throw new Error(l10n.t('the key file {0} cannot be read ({1})', path, code));
  });
  if (bytes.length === 0) throw new Error(l10n.t('the key file {0} is empty', path));
  if (bytes.length > maximumKeyFileBytes) {
    bytes.fill(0);
    throw new Error(l10n.t('{0} is too large to be a key file', path));
  }
  if (kind !== 'password' && kind !== 'pgbackrest-pass') return bytes;
  let end = bytes.length;
  if (bytes[end - 1] === 0x0a) end--;
  if (bytes[end - 1] === 0x0d) end--;
  return bytes.subarray(0, end);
}

async function askTransform(): Promise<KeyOffer['keyTransform'] | undefined> {
  const items: (QuickPickItem & { transform: NonNullable<KeyOffer['keyTransform']> })[] = [
    { label: 'hex', detail: l10n.t('64 hexadecimal digits'), transform: 'hex' },
    { label: 'base64', detail: l10n.t('44 characters of base64'), transform: 'base64' },
    {
      label: 'none',
      detail: l10n.t('The bytes as they are: what WAL-G does unless told otherwise'),
      transform: 'none',
    },
  ];
  return (await window.showQuickPick(items, { title: l10n.t('How is the key written? (keyTransform)') }))?.transform;
}

async function askPassphrase(): Promise<string | undefined> {
  return await window.showInputBox({
    title: l10n.t('Passphrase of the private key'),
    prompt: l10n.t('Nothing, if the key has none'),
    password: true,
    ignoreFocusOut: true,
  });
}

function keyTitle(kind: KeyOffer['kind']): string {
  switch (kind) {
    case 'pgbackrest-pass':
      return l10n.t('The cipher pass (repoN-cipher-pass)');
    case 'sodium':
      return l10n.t('The libsodium key');
    case 'openpgp':
      return l10n.t('The OpenPGP key');
    case 'password':
      return l10n.t('The password');
    case 'pem':
      return l10n.t('The private key or certificate (PEM)');
  }
}
