/**
 * Key bytes on their way from where they are read to the stage that needs them.
 * Prints as «secret» wherever JavaScript turns a value into text; the owner wipes it in `finally`.
 */
export class Secret {
  readonly #bytes: Uint8Array;

  /** Takes the bytes over: they are the caller's no more, since `wipe` overwrites them. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  static fromText(text: string): Secret {
    return new Secret(new TextEncoder().encode(text));
  }

  /** The bytes themselves, not a copy. Search for this word when reviewing. */
  reveal(): Uint8Array {
    return this.#bytes;
  }

  get length(): number {
    return this.#bytes.length;
  }

  wipe(): void {
    this.#bytes.fill(0);
  }

  toString(): string {
    return '«secret»';
  }

  toJSON(): string {
    return '«secret»';
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '«secret»';
  }
}
