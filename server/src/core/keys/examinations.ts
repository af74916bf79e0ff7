import { sha256Hex } from './digest.ts';
import type { KeyExaminer, OpenpgpExamination, PendingExamination } from './openpgp.ts';

/**
 * The answers that were given so far, by the digest of what was asked; the keys themselves are never kept here. None is ever
 * thrown away: an owner that asks until nothing is pending must come to an end.
 */
export class Examinations {
  readonly #answers = new Map<string, OpenpgpExamination>();

  answer(id: string): OpenpgpExamination | undefined {
    return this.#answers.get(id);
  }

  settle(id: string, examination: OpenpgpExamination): void {
    this.#answers.set(id, examination);
  }
}

/** The questions of one part's rules. They go away with the part, and with them the only way to the key's bytes. */
export class Asked implements KeyExaminer {
  readonly #questions = new Map<string, PendingExamination>();
  /** How often something was asked, the same again included. */
  questions = 0;

  constructor(private readonly examinations: Examinations) {}

  examine(armored: Uint8Array, passphrase?: Uint8Array): OpenpgpExamination | undefined {
    this.questions++;
    const id = questionId(armored, passphrase);
    if (!this.#questions.has(id)) this.#questions.set(id, { id, armored, passphrase });
    return this.examinations.answer(id);
  }

  has(id: string): boolean {
    return this.#questions.has(id);
  }

  get pending(): PendingExamination[] {
    return [...this.#questions.values()].filter((it) => this.examinations.answer(it.id) === undefined);
  }
}

/** Length first: a key and its passphrase must not be told apart from a longer key and a shorter passphrase. */
function questionId(armored: Uint8Array, passphrase: Uint8Array | undefined): string {
  const bytes = new Uint8Array(5 + armored.length + (passphrase?.length ?? 0));
  new DataView(bytes.buffer).setUint32(0, armored.length);
  bytes[4] = passphrase ? 1 : 0;
  bytes.set(armored, 5);
  if (passphrase) bytes.set(passphrase, 5 + armored.length);
  const id = sha256Hex(bytes);
  bytes.fill(0);
  return id;
}
