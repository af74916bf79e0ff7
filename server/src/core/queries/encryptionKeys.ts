/** Which entries of Secrets and ConfigMaps are keys that backups are encrypted with. */

import type { Query } from '../index.ts';
import type { Resource } from '../resource.ts';
import type { ConfigMapResource, SecretEntry, SecretResource } from '../resources/secret.ts';

/** The variables of WAL-G that make or open a backup; CLONE_ and STANDBY_ stand for another cluster's. */
const VARIABLE =
  /^(?:CLONE_|STANDBY_)?(?:WALG_LIBSODIUM_KEY|WALG_PGP_KEY|WALG_PGP_KEY_PASSPHRASE|WALG_GPG_KEY_ID|WALG_CSE_KMS_ID)$/;

/** What encrypts with an entry: the objects that name it; an empty list where only its name tells; undefined where nothing does. */
export function encryptsFor(
  owner: SecretResource | ConfigMapResource,
  entryName: string,
  query: Query,
): Resource[] | undefined {
  const { name, namespace } = owner;
  if (owner.kind === 'Secret') {
    const entries = query.referencesTo({ kind: 'secretEntry', name: entryName, owner: name, namespace });
    const users = entries
      .filter((it) => it.path.includes('encryption.') || isKeyVariable(it.resource, it.path))
      .map((it) => it.resource);
    if (users.length > 0) return [...new Set(users)];
    if (entryName === 'encryptionKey') {
      const locations = query
        .referencesTo({ kind: 'secret', name, namespace })
        .map((it) => it.resource)
        .filter((it) => it.manifestKind === 'BackupLocation');
      if (locations.length > 0) return [...new Set(locations)];
    }
  }
  return VARIABLE.test(entryName) ? [] : undefined;
}

/** Zalando's `env` gives an entry the name of a variable. */
function isKeyVariable(resource: Resource, path: string): boolean {
  const index = /^spec\.env\[(\d+)\]/.exec(path)?.[1];
  if (index === undefined) return false;
  return VARIABLE.test(resource.node.get(['spec', 'env', Number(index), 'name'])?.text ?? '');
}

/** Equal for whoever reads them: the operators take line breaks off the end, and armor may be wrapped anew. */
export function isSameValue(a: SecretEntry, b: SecretEntry): boolean {
  if (a.text && b.text) return normal(a.text.text) === normal(b.text.text);
  if (!a.bytes || !b.bytes) return a.bytes === b.bytes;
  return a.bytes.length === b.bytes.length && a.bytes.every((it, i) => it === b.bytes![i]);
}

function normal(text: string): string {
  return text.replaceAll('\r', '').trim();
}
