/** What every part of reading a CMS message says when it cannot go on. */

import { fail } from '../failure.ts';

/** @param what the part of the message, as the beginning of a sentence: `a message that is encrypted with RC2` */
export function failUnsupported(what: string, hint?: string): never {
  fail('unsupported', 'decrypt', `${what} is not supported`, {
    offset: 0,
    hint: hint ?? 'Decrypt it with openssl cms -decrypt (or openssl smime -decrypt), and test what comes out.',
  });
}

export function failStructure(offset: number): never {
  fail('damaged', 'decrypt', 'the structure of the message (CMS) is not one that exists', {
    offset,
    hint: 'The file is not what was written: copy it again, or use another backup.',
  });
}
