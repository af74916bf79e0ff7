import type { Query } from '../index.ts';
import { type Armor, readArmor } from '../keys/armor.ts';
import type { KeyExaminer, OpenpgpExamination } from '../keys/openpgp.ts';
import { type WalgValue, walgValue } from '../keys/walgValue.ts';
import type { SecretEntry } from '../resources/secret.ts';
import type { ObjectStorageResource, Selector } from '../resources/stackgres.ts';
import { withoutFinalBreaks } from '../text/lineBreaks.ts';
import { selectedEntry } from './selectedEntry.ts';

/** The OpenPGP key of a storage, where it can be seen, with the passphrase that WAL-G would use. */
export interface ConfiguredOpenpgpKey {
  entry: SecretEntry;
  value: WalgValue;
  armor: Armor;
  passphrase: ConfiguredPassphrase;
  /** Of a block that has no problem in its lines; undefined until the engine has looked at it. */
  examination: OpenpgpExamination | undefined;
}

/** `unseen`: it is configured, and its value is not here. */
export type ConfiguredPassphrase =
  | { state: 'absent' | 'unseen'; selector: Selector | undefined }
  | { state: 'empty' | 'given'; selector: Selector; entry: SecretEntry };

export function openpgpKeyOf(storage: ObjectStorageResource, context: Context): ConfiguredOpenpgpKey | undefined {
  context.query.again();
  const known = answers.get(context.keys) ?? new Map<ObjectStorageResource, ConfiguredOpenpgpKey | undefined>();
  answers.set(context.keys, known);
  if (!known.has(storage)) known.set(storage, readKey(storage, context));
  return known.get(storage);
}

type Context = { query: Query; keys: KeyExaminer };

/** Eight rules ask in one run, and each run has its own examiner; armor and digest are worth making once. */
const answers = new WeakMap<KeyExaminer, Map<ObjectStorageResource, ConfiguredOpenpgpKey | undefined>>();

function readKey(storage: ObjectStorageResource, { query, keys }: Context): ConfiguredOpenpgpKey | undefined {
  const entry = selectedEntry(storage.selector('encryption.openpgp.key'), query);
  if (!entry?.bytes) return undefined;
  const value = walgValue(entry.bytes);
  const armor = readArmor(value.text);
  const { text, ...passphrase } = passphraseOf(storage, query);
  const bytes = new TextEncoder();
  const examination =
    armor.first && armor.first.type !== 'other' && !armor.problem
      ? keys.examine(bytes.encode(armor.first.text), text ? bytes.encode(text) : undefined)
      : undefined;
  return { entry, value, armor, passphrase, examination };
}

function passphraseOf(storage: ObjectStorageResource, query: Query): ConfiguredPassphrase & { text?: string } {
  const selector = storage.selector('encryption.openpgp.keyPassphrase');
  if (!selector) return { state: 'absent', selector };
  const entry = selectedEntry(selector, query);
  if (!entry?.bytes) return { state: 'unseen', selector };
  // WAL-G cuts line ends off the passphrase, and takes an empty one for none.
  const text = withoutFinalBreaks(walgValue(entry.bytes).text);
  return text === '' ? { state: 'empty', selector, entry } : { state: 'given', selector, entry, text };
}
