/** How many bytes of contents make a literal packet, as it is written here, of exactly this many bytes. */
export function contentsThatFill(bytes: number): number {
  // Its tag, five bytes of the last length, one byte for each part of 64 KiB before it, six bytes of the literal's own.
  for (let parts = 0; ; parts++) {
    const body = bytes - 1 - 5 - parts;
    if (Math.max(Math.ceil(body / 65_536) - 1, 0) <= parts) return body - 6;
  }
}
