/** Small elements that are in memory already: of certificates and keys. */

import { ByteReader, once } from '../bytes.ts';
import { type BerNode, readBer } from './ber.ts';

/** @throws RestoreError `truncated`, `damaged` */
export async function readTree(encoded: Uint8Array): Promise<BerNode> {
  return readBer(new ByteReader(once(encoded)), encoded.length);
}
