/** Block ciphers that Node's OpenSSL has not got, or not in the mode that is wanted. */

import type { Decipher } from './cfb.ts';

export interface BlockCipher {
  blockBytes: number;
  /** Each block of `blocks` by itself, in a new array. */
  encrypt(blocks: Uint8Array): Uint8Array;
  decrypt(blocks: Uint8Array): Uint8Array;
}

/** CFB as OpenPGP uses it: the whole block is fed back, what is left at the end fills none. */
export function openCfb(cipher: Pick<BlockCipher, 'blockBytes' | 'encrypt'>, iv: Uint8Array): Decipher {
  const { blockBytes } = cipher;
  const behind = new Uint8Array(iv);
  let keyStream: Uint8Array = new Uint8Array(0);
  let place = blockBytes;
  return {
    update(piece) {
      const plain = new Uint8Array(piece.length);
      for (let index = 0; index < piece.length; index++) {
        if (place === blockBytes) {
          keyStream = cipher.encrypt(behind);
          place = 0;
        }
        const stored = piece[index] as number;
        plain[index] = stored ^ (keyStream[place] as number);
        behind[place++] = stored;
      }
      return plain;
    },
    final: () => new Uint8Array(0),
  };
}
