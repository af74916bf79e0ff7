import type { Setting } from './setting.ts';

/** Options that say where a repository is; without one of them an index is only a slip of the pen. */
const LOCATION = new Set([
  'repo-path',
  'repo-type',
  'repo-host',
  'repo-s3-bucket',
  'repo-s3-endpoint',
  'repo-azure-container',
  'repo-gcs-bucket',
  'repo-sftp-host',
]);

/** One `repoN` with the options that are in force for it. */
export class Repository {
  constructor(
    readonly index: number,
    /** Everything written for this index that could be read, the most specific section first. */
    readonly settings: Setting[],
  ) {}

  get name(): string {
    return `repo${this.index}`;
  }

  /** The setting in force: `option('cipher-type')` for repoN-cipher-type. */
  option(name: string): Setting | undefined {
    return this.settings.find((it) => it.resolved.name === `repo-${name}`);
  }

  /** true when something says where it is (or it is repo1, which always exists when it has any option). */
  get hasLocation(): boolean {
    return this.settings.some((it) => LOCATION.has(it.resolved.name));
  }
}

/**
 * The repositories as a command with this stanza sees them: [stanza] beats [global]; the first section that has an option
 * wins whole. Command sections are left out: they are not in force for every command.
 */
export function repositoriesOf(settings: readonly Setting[], stanza?: string): Repository[] {
  const byIndex = new Map<number, Setting[]>();
  const readable = settings.filter((it) => it.scope.command === undefined && !it.resolved.problem);
  const layers = [
    stanza === undefined ? [] : readable.filter((it) => it.scope.stanza === stanza),
    readable.filter((it) => it.scope.stanza === undefined),
  ];
  for (const it of layers.flat()) {
    const { definition, index } = it.resolved;
    if (definition?.group !== 'repo' || index === undefined) continue;
    const list = byIndex.get(index);
    if (list) list.push(it);
    else byIndex.set(index, [it]);
  }
  return [...byIndex].sort(([a], [b]) => a - b).map(([index, list]) => new Repository(index, list));
}
