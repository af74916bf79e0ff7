import type { Repository } from '../pgbackrest/repository.ts';
import { unreadSection } from '../pgbackrest/sections.ts';
import type { Setting } from '../pgbackrest/setting.ts';
import type { ConfReading } from './confReading.ts';

/** What a configuration says about the encryption of one repository, and what it only seems to say. */
export interface RepositoryCipher {
  repository: Repository;
  /** The settings in force. */
  type: Setting | undefined;
  pass: Setting | undefined;
  /** A missing type is told where it stands: misspelt, or in a section that counts for one command or for nobody. */
  isTypeTold: boolean;
  isPassTold: boolean;
  /** Nothing says where the repository is, while another one has a place: its index is probably a slip. */
  isStray: boolean;
  /** The repository whose cipher options stand under this stray index; set on both. */
  slip: Repository | undefined;
}

/** The repositories of one stanza, as far as encryption is concerned. */
export function repositoryCiphers(reading: ConfReading, stanza: string | undefined): RepositoryCipher[] {
  let ofReading = known.get(reading);
  if (!ofReading) {
    ofReading = { suspects: reading.settings.filter(isSuspect), byStanza: new Map() };
    known.set(reading, ofReading);
  }
  let ciphers = ofReading.byStanza.get(stanza);
  if (!ciphers) {
    ciphers = findCiphers(reading, stanza, ofReading.suspects);
    ofReading.byStanza.set(stanza, ciphers);
  }
  return ciphers;
}

/** Several rules ask for the same. */
const known = new WeakMap<
  ConfReading,
  { suspects: Setting[]; byStanza: Map<string | undefined, RepositoryCipher[]> }
>();

/** It may be a cipher option that does not count. */
function isSuspect(setting: Setting): boolean {
  return (
    setting.resolved.problem !== undefined || (setting.resolved.name.startsWith('repo-cipher-') && isSidelined(setting))
  );
}

function findCiphers(
  reading: ConfReading,
  stanza: string | undefined,
  suspects: readonly Setting[],
): RepositoryCipher[] {
  const repositories = reading.repositories(stanza);
  const located = repositories.filter((it) => it.hasLocation);
  const ciphers = repositories.map((repository): RepositoryCipher => {
    const type = repository.option('cipher-type');
    const pass = repository.option('cipher-pass');
    const isLost = reading.isWhole && !reading.hasOpaqueLines && !repository.hasLocation && located.length > 0;
    const isTold = (key: string) =>
      suspects.some((it) => it.resolved.canonical === key || meantCipherKey(it, repositories) === key);
    return {
      repository,
      type,
      pass,
      isTypeTold: isTold(`${repository.name}-cipher-type`),
      isPassTold: isTold(`${repository.name}-cipher-pass`),
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
  const repository = `repo${/^repo\D*?(\d{1,3})(?=\D)/i.exec(key)?.[1] ?? 1}`;
  // A lone `repo1-encryption` does not say which of the two it is; its value does.
  if (LONE_CIPHER.test(key)) return `${repository}-cipher-${LIKE_A_TYPE.test(setting.value) ? 'type' : 'pass'}`;
  if (LONE_PASS.test(key)) return `${repository}-cipher-pass`;
  return nearest[0] !== undefined && /^repo\d+-cipher-(?:type|pass)$/.test(nearest[0]) ? nearest[0] : undefined;
}

const LONE_CIPHER = /^(?:repo(?:sitory)?-?\d{0,3}[-_.]?)?(?:c[iy]pher|encrypt(?:ion|ed)?|crypto?)$/i;
const LONE_PASS = /^(?:repo(?:sitory)?-?\d{0,3}[-_.]?)?(?:pass|passwd|password|passphrase)$/i;
const LIKE_A_TYPE = /aes|256|cbc|gcm|none|^(?:y|n|yes|no|on|off|true|false|1|0|enabled?|disabled?)$/i;

/** Without a number in the key, the only repository that has a place is meant. */
export function meantCipherKey(setting: Setting, repositories: readonly Repository[]): string | undefined {
  const meant = meantCipherOption(setting);
  if (!meant || /\d/.test(setting.key)) return meant;
  const located = repositories.filter((it) => it.hasLocation);
  const index = located.length === 1 ? located[0]!.index : (repositories[0]?.index ?? 1);
  return meant.replace(/^repo\d+/, `repo${index}`);
}

function isSidelined({ origin, scope }: Setting): boolean {
  return scope.command !== undefined || (origin.kind === 'conf' && unreadSection(origin.option.section) !== undefined);
}
