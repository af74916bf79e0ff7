/** Which of several keys opens something: each is tried by itself, on no more of the stored bytes than it takes. */

import { ByteReader } from '../bytes.ts';
import { RestoreError } from '../failure.ts';
import type { KeyOffer, Method } from '../job.ts';
import { openEncryption } from './encryptionLayer.ts';
import { type TriedKey, uselessKey } from './triedKey.ts';

/** What a key is tried on. */
export interface Sealed {
  read(): AsyncIterable<Uint8Array>;
  size: number | undefined;
  /** The last bytes, where they are at hand. */
  tail?: Uint8Array | undefined;
}

export interface TrialOptions {
  signal: AbortSignal;
  /** How it is encrypted, where that is known; otherwise the bytes say it. */
  method?: Method;
  /** As in `DecryptJob`. */
  allowCostly?: boolean;
  /** As in `LayerOptions`. */
  onTry?: (what: string) => void;
}

/**
 * Opens the outermost layer with this key alone.
 *
 * @throws RestoreError `cancelled`; everything else is in the answer, without any key material
 */
export async function tryKey(
  offer: KeyOffer,
  stored: Sealed,
  { signal, method, allowCostly, onTry }: TrialOptions,
): Promise<TriedKey> {
  const { source } = offer;
  const reader = new ByteReader(stored.read());
  let plain: ByteReader | undefined;
  try {
    const layer = await openEncryption(reader, {
      offers: [offer],
      signal,
      size: stored.size,
      tail: stored.tail,
      // Nothing is decrypted but the start, and nobody gets to see it.
      allowUnauthenticated: true,
      ...(method && { method }),
      ...(allowCostly && { allowCostly }),
      ...(onTry && { onTry }),
    });
    if (!layer) return { source, opens: false, detail: uselessKey };
    plain = new ByteReader(layer.plain);
    // A libsodium chunk authenticates itself; the others have been tried against the start when they were opened.
    if (layer.isAuthenticAtOnce) await plain.peek(1);
    const { opens, fingerprint } = layer.key;
    const as = [opens, fingerprint && `fingerprint ${fingerprint}`].filter(Boolean).join(', ');
    layer.wipe();
    return layer.isKeyProven
      ? { source, opens: true, detail: as }
      : { source, opens: null, detail: `${as}; the padding fits, the contents would have to show it` };
  } catch (error) {
    if (!(error instanceof RestoreError)) throw error;
    const { code, reason, message, hint } = error.failure;
    if (code === 'cancelled') throw error;
    if (reason === 'costly') return { source, opens: null, detail: `not tried: ${message}. ${hint ?? ''}`.trim() };
    // What is cut or damaged says nothing of the key.
    return { source, opens: code === 'wrong-key' || code === 'usage' ? false : null, detail: message };
  } finally {
    await plain?.close();
    await reader.close();
  }
}
