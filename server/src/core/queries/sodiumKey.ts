import type { Query } from '../index.ts';
import { KEY_TRANSFORMS, type KeyTransform, type SodiumKeyProblem, sodiumKeyProblem } from '../keys/sodiumKey.ts';
import { type WalgValue, walgValue } from '../keys/walgValue.ts';
import type { Edit, Place } from '../part.ts';
import type { SecretEntry } from '../resources/secret.ts';
import type { ObjectStorageResource } from '../resources/stackgres.ts';
import { addEntry, replaceValue } from '../yaml/entryEdits.ts';
import type { YamlNode } from '../yaml/node.ts';
import { selectedEntry } from './selectedEntry.ts';

/** The libsodium key of a storage, where it can be seen, and what WAL-G makes of it. */
export interface ConfiguredSodiumKey {
  entry: SecretEntry;
  value: WalgValue;
  /** undefined when somebody else fills it in, or when it is none that WAL-G knows. */
  transform: KeyTransform | undefined;
  /** Of a text that is not empty and not binary, under a transform that is known. */
  problem: SodiumKeyProblem | undefined;
  /** Where a finding about the transform belongs: its value, else the section that lacks it. */
  transformPlace: Place;
  setTransform(to: KeyTransform): Edit[] | undefined;
}

export function sodiumKeyOf(storage: ObjectStorageResource, query: Query): ConfiguredSodiumKey | undefined {
  const section = storage.encryption?.get('sodium');
  const entry = selectedEntry(storage.selector('encryption.sodium.key'), query);
  if (!section || !entry?.bytes) return undefined;
  const value = walgValue(entry.bytes);
  const node = section.get('keyTransform');
  const transform = transformOf(node);
  return {
    entry,
    value,
    transform,
    problem: transform && value.text !== '' && !value.isAltered ? sodiumKeyProblem(value.text, transform) : undefined,
    transformPlace: node && !node.isNull ? node.usePlace : section.keyPlace,
    setTransform: (to) => (node ? replaceValue(node, to) : addEntry(section, 'keyTransform', to)),
  };
}

/** The CRD writes the default `none` where nothing is said. */
export function transformOf(node: YamlNode | undefined): KeyTransform | undefined {
  if (!node || node.isNull) return 'none';
  return KEY_TRANSFORMS.find((it) => it === node.text);
}
