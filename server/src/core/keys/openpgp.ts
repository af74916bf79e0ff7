/** What can be asked about an OpenPGP key without core knowing how to read one: the owner of the workspace has the answers. */

/** One armored block, examined. Nothing secret stands in here. */
export interface OpenpgpExamination {
  /** true where the block cannot be read as OpenPGP keys: characters lost, packets cut. */
  isUnreadable: boolean;
  /** In the order in which they stand in the block. */
  keys: OpenpgpKeyFacts[];
  /** When it was looked at, in milliseconds since 1970: `encryption` was true then. */
  examinedAt: number;
}

export interface OpenpgpKeyFacts {
  /** Upper-case hex, as gpg prints it. */
  fingerprint: string;
  isPrivate: boolean;
  /** The primary secret key was left out of the export (`gpg --export-secret-subkeys`). */
  isPrimaryStub: boolean;
  /** Some secret part is protected by a passphrase. */
  isLocked: boolean;
  /** Does the given passphrase open every locked part? undefined: nothing is locked, none was given, or nobody can tell. */
  unlocks: boolean | undefined;
  /** Can anything be encrypted to it now? */
  encryption: 'possible' | 'none' | 'expired' | 'not-yet' | 'revoked';
  /** When `possible` ends, in milliseconds since 1970; undefined = never. */
  encryptsUntil: number | undefined;
  /** The secret half of an encryption (sub)key is in the block: what was encrypted to it can be read again. */
  canDecrypt: boolean;
}

/** What rules ask. */
export interface KeyExaminer {
  /**
   * What is known of an armored block, with the passphrase that goes with it. undefined = not examined yet: the question is
   * remembered, and the rule runs again when the answer is there.
   */
  examine(armored: Uint8Array, passphrase?: Uint8Array): OpenpgpExamination | undefined;
}

/** A question without an answer yet. The bytes are the workspace's own: read them, keep them nowhere. */
export interface PendingExamination {
  /** A digest of key and passphrase together; names the question in `settle`. */
  readonly id: string;
  readonly armored: Uint8Array;
  readonly passphrase: Uint8Array | undefined;
}
