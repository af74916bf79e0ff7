import { EventEmitter, type Memento } from 'vscode';
import type { Report } from '../../engine/src/report.ts';

/** The last test restore of an archive. No key, no secret. */
export interface Proof {
  archive: string;
  label: string | undefined;
  /** When it ended, as ISO 8601. */
  at: string;
  restorable: boolean | null;
  isStarted: boolean;
  /** What went wrong, in the closed list of failure codes. */
  failure: string | undefined;
}

const key = 'restorable.proofs';

/** More than anybody looks at. */
const mostKept = 50;

/** What was proven in this workspace, and when; kept from one window to the next. */
export class Proofs {
  readonly #changed = new EventEmitter<void>();
  readonly onDidChange = this.#changed.event;

  constructor(private readonly state: Memento) {}

  /** The newest first. */
  get all(): Proof[] {
    return this.state.get<Proof[]>(key, []);
  }

  of(archive: string): Proof | undefined {
    return this.all.find((it) => it.archive === archive);
  }

  async add(reports: readonly Report[]): Promise<void> {
    const [first] = reports;
    if (!first) return;
    const worst = reports.find((it) => it.failure !== null) ?? first;
    const verdicts = reports.map((it) => it.verdict.restorable);
    const proof: Proof = {
      archive: first.archive,
      label: reports.length === 1 ? first.backup?.label : undefined,
      at: new Date().toISOString(),
      restorable: verdicts.includes(false) ? false : verdicts.includes(null) ? null : true,
      isStarted: reports.every((it) => it.started !== undefined && it.started !== null),
      failure: worst.failure?.code,
    };
    const others = this.all.filter((it) => it.archive !== proof.archive);
    await this.state.update(key, [proof, ...others].slice(0, mostKept));
    this.#changed.fire();
  }

  async forget(archive: string): Promise<void> {
    await this.state.update(
      key,
      this.all.filter((it) => it.archive !== archive),
    );
    this.#changed.fire();
  }
}
