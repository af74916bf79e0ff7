/** The failures that every decompressor can have, in the same words. */

import { RestoreError } from '../failure.ts';

const hint = 'Copy it again from the archive.';

export function truncatedData(name: string, offset: number): RestoreError {
  return new RestoreError({
    code: 'truncated',
    stage: 'decompress',
    offset,
    message: `the ${name} data ends before its end mark`,
    hint,
  });
}

export function damagedData(message: string, offset: number): RestoreError {
  return new RestoreError({ code: 'damaged', stage: 'decompress', offset, message, hint });
}

/** More comes out than the size that is recorded: a changed size, or a decompression bomb. */
export function largerThanRecorded(limit: number): RestoreError {
  return damagedData(`it decompresses to more than the ${limit} bytes that are recorded`, 0);
}
