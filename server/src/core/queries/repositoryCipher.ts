import { type Repository, repositoriesOf } from '../pgbackrest/repository.ts';
import { unreadSection } from '../pgbackrest/sections.ts';
import type { Setting } from '../pgbackrest/setting.ts';
import type { ConfReading } from './confReading.ts';

/** What a configuration says about the encryption of one repository, and what it only seems to say. */
export interface RepositoryCipher {
  repository: Repository;
  /** The settings in force. */
  type: Setting | undefined;
  pass: Setting | undefined;
  /** Keys that are no options but were meant for this repository's cipher: repo1-cypher-type. */
  misspelt: Setting[];
  /** Cipher options of this repository that count for one command only, or for nobody. */
  sidelined: Setting[];
  /** Nothing says where the repository is, while another one has a place: its index is probably a slip. */
  isStray: boolean;
  /** The repository whose cipher options stand under this stray index; set on both. */
  slip: Repository | undefined;
}

/** The repositories of one stanza, as far as encryption is concerned. */
export function repositoryCiphers(reading: ConfReading, stanza: string | undefined): RepositoryCipher[] {
  const repositories = repositoriesOf(reading.settings, stanza);
  const located = repositories.filter((it) => it.hasLocation);
  const ciphers = repositories.map((repository): RepositoryCipher => {
    const type = repository.option('cipher-type');
    const pass = repository.option('cipher-pass');
    const isLost = reading.isWhole && !reading.hasOpaqueLines && !repository.hasLocation && located.length > 0;
    return {
      repository,
      type,
      pass,
      misspelt: reading.settings.filter((it) => isMisspeltCipher(it) && isMeantFor(it, repository, repositories)),
      sidelined: reading.settings.filter((it) => isCipher(it) && it.group === repository.name && isSidelined(it)),
      isStray: isLost && (type !== undefined || pass !== undefined),
      slip: undefined,
    };
  });
  for (const stray of ciphers.filter((it) => it.isStray)) {
    // The one repository that lacks exactly what stands under the stray index.
    const bare = ciphers.filter(
      (it) => !it.isStray && it.repository.hasLocation && !(stray.type && it.type) && !(stray.pass && it.pass),
    );
    if (bare.length !== 1) continue;
    stray.slip = bare[0]!.repository;
    bare[0]!.slip = stray.repository;
  }
  return ciphers;
}

/** The cipher option that a key was meant for, with its index: `repo1-cipher-type` for repo1-cypher-type. */
export function meantCipherOption(setting: Setting): string | undefined {
  const { problem, nearest, key } = setting.resolved;
  if (problem === 'command-line-only') return key === 'cipher-pass' ? 'repo1-cipher-pass' : undefined;
  if (problem !== 'unknown') return undefined;
  return nearest[0] !== undefined && /^repo\d+-cipher-(?:type|pass)$/.test(nearest[0]) ? nearest[0] : undefined;
}

/** Without a number in the key, the only repository that has a place is meant. */
export function meantCipherKey(setting: Setting, repositories: readonly Repository[]): string | undefined {
  const meant = meantCipherOption(setting);
  if (!meant || /\d/.test(setting.key)) return meant;
  const located = repositories.filter((it) => it.hasLocation);
  const index = located.length === 1 ? located[0]!.index : (repositories[0]?.index ?? 1);
  return meant.replace(/^repo\d+/, `repo${index}`);
}

function isMisspeltCipher(setting: Setting): boolean {
  return meantCipherOption(setting) !== undefined;
}

function isMeantFor(setting: Setting, repository: Repository, repositories: readonly Repository[]): boolean {
  return meantCipherKey(setting, repositories)?.startsWith(`${repository.name}-`) ?? false;
}

function isCipher(setting: Setting): boolean {
  return setting.resolved.name === 'repo-cipher-type' || setting.resolved.name === 'repo-cipher-pass';
}

function isSidelined({ origin, scope }: Setting): boolean {
  return scope.command !== undefined || (origin.kind === 'conf' && unreadSection(origin.option.section) !== undefined);
}
