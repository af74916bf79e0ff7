/** Keeps a few pieces of waiting work under way at once: enough for the threads of zlib, few enough for memory. */
export class Lanes {
  readonly #limit: number;
  readonly #underWay = new Set<Promise<void>>();
  #failure: { error: unknown } | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Starts the work when there is a free lane. Throws what an earlier piece of work threw. */
  async add(work: () => Promise<unknown>): Promise<void> {
    while (this.#underWay.size >= this.#limit) await Promise.race(this.#underWay);
    this.#throwIfFailed();
    const running: Promise<void> = work().then(
      () => void this.#underWay.delete(running),
      (error) => {
        this.#underWay.delete(running);
        this.#failure ??= { error };
      },
    );
    this.#underWay.add(running);
  }

  /** Waits until all work has come to its end, also after a failure, which it then throws. */
  async end(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.race(this.#underWay);
    this.#throwIfFailed();
  }

  #throwIfFailed(): void {
    if (this.#failure) throw this.#failure.error;
  }
}
