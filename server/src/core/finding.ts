import type { Edit, Place } from './part.ts';

export type Severity = 'error' | 'warning' | 'information' | 'hint';

/** A change that cures a finding. Safe ones change no meaning but the one that is wrong, and take part in fix-all. */
export interface Fix {
  title: string;
  edits: Edit[];
  isSafe?: boolean;
  /** A command of the editor instead of (or after) edits, e.g. to generate a key that must not travel over LSP. */
  command?: { id: 'generateKeyAt'; arguments: GenerateKeyAt };
  /** A file that does not exist yet, e.g. a new Secret manifest next to the one that misses it. */
  newFile?: { uri: string; text: string };
}

/** Where a freshly generated key goes: `before` + key + `after` replaces the text at `at`. */
export interface GenerateKeyAt {
  key: 'pgbackrest' | 'sodium-hex' | 'sodium-base64' | 'openpgp';
  at: Place;
  before: string;
  after: string;
  /** `base64`: the place holds base64, and `before` + key + `after` is what it decodes to. */
  wrap?: 'none' | 'base64';
  /** In front of every line of a key of several lines but the first. */
  indent?: string;
}

/** A problem at a place: what schemas and rules report, and what the editor, SARIF and the terminal print. */
export interface Finding {
  /** The rule's id, or `schema` and `syntax` with a suffix. */
  rule: string;
  severity: Severity;
  at: Place;
  /** What is wrong: no final dot, no secret value. */
  message: string;
  fixes: Fix[];
  related: { at: Place; message: string }[];
  tags: ('unnecessary' | 'deprecated')[];
}
