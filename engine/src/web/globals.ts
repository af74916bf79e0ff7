/** What Node has as a global and a browser has not; esbuild puts it where it is used. */

import { Buffer } from 'buffer';

/** Node's takes any bytes, the library's only its own kind. */
Buffer.prototype.equals = function (this: Buffer, other: Uint8Array): boolean {
  return Buffer.compare(this, other) === 0;
};

export { Buffer };
