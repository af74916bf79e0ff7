import type { EffectiveOptions } from '../pgbackrest/effective.ts';
import { fullName, type OptionDefinition, optionsOfGroup } from '../pgbackrest/options.ts';
import type { Setting } from '../pgbackrest/setting.ts';
import { repositoriesAround } from '../queries/confReading.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'missing-required-option',
  summary: 'A repository in a bucket, on a server or behind TLS has all the options that its type needs.',
  why: 'pgBackRest stops every command with error 37 and names one missing option at a time. Keys may as well come from the environment: where only they are missing, or where a comment speaks of the environment, this is said as information.',
  severity: 'error',
  confidence: 'likely',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M74', 'M80'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/pgbackrest
    repo1-retention-full=2
    repo1-type=s3
               ^^ error missing-required-option: repo1-type=s3 needs repo1-s3-region too
    repo1-s3-bucket=acme-backups
    repo1-s3-endpoint=s3.eu-west-1.amazonaws.com
    repo1-s3-key=AKIAXXXXXXXXXXXXXXXX
    repo1-s3-key-secret=abcdefghijabcdefghijabcdefghijabcdefghij
  `,
  good: fixture`
    [global]
    repo1-path=/pgbackrest
    repo1-retention-full=2
    repo1-type=s3
    repo1-s3-bucket=acme-backups
    repo1-s3-endpoint=s3.eu-west-1.amazonaws.com
    repo1-s3-region=eu-west-1
    repo1-s3-key=AKIAXXXXXXXXXXXXXXXX
    repo1-s3-key-secret=abcdefghijabcdefghijabcdefghijabcdefghij
  `,
  check(conf, { report, query, target }) {
    const told = new Set<Setting>();
    for (const { reading, stanza, repository } of repositoriesAround(conf, query)) {
      if (reading.cluster || !reading.isWhole || reading.hasOpaqueLines) continue;
      const effective = reading.effective(stanza, target.pgbackrest);
      const missing = new Map<Setting, OptionDefinition[]>();
      for (const definition of optionsOfGroup('repo')) {
        const cause = required(definition, repository.index, effective);
        const key = fullName(definition, repository.index);
        if (!cause || reading.isInEnvironment(key)) continue;
        // A misspelt one is told where it stands.
        if (reading.settings.some((it) => it.resolved.problem && it.resolved.nearest[0] === key)) continue;
        missing.set(cause, [...(missing.get(cause) ?? []), definition]);
      }
      for (const [cause, definitions] of missing) {
        if (!conf.holds(cause) || told.has(cause)) continue;
        told.add(cause);
        const keys = definitions.map((it) => fullName(it, repository.index));
        const storage = storagePrefix(cause, repository.index);
        const isBare =
          storage !== undefined && !repository.settings.some((it) => it.resolved.canonical?.startsWith(storage));
        const isQuiet = reading.mayHoldMore || isBare || definitions.every((it) => it.secure);
        const list = keys.length === 1 ? keys[0] : `${keys.slice(0, -1).join(', ')} and ${keys.at(-1)}`;
        report(
          cause.valuePlace,
          isQuiet
            ? `${list} must come from elsewhere, for ${cause.key}=${cause.value}`
            : `${cause.key}=${cause.value} needs ${list} too`,
          {
            severity: isQuiet ? 'information' : 'error',
            fix: keys.every((it) => it.endsWith('-sftp-host-key-hash-type'))
              ? fix(`Add ${keys[0]}=sha256`, cause.insertAfter(keys[0]!, 'sha256'))
              : undefined,
          },
        );
      }
    }
  },
});

/** The written option because of which this one is required, when it is and is not there. */
function required(definition: OptionDefinition, index: number, effective: EffectiveOptions): Setting | undefined {
  if (!definition.required || definition.name === 'repo-cipher-pass') return undefined;
  if (effective.has(fullName(definition, index)) || effective.unmet(definition, index)) return undefined;
  const decider = definition.depend?.option;
  if (!decider || effective.isUncertain(decider, index)) return undefined;
  // The default of a key type follows from the type of the repository.
  const key = decider.replace('repo', `repo${index}`);
  return effective.setting(key) ?? effective.setting(`repo${index}-type`);
}

function storagePrefix(cause: Setting, index: number): string | undefined {
  return cause.resolved.name === 'repo-type' ? `repo${index}-${cause.value}-` : undefined;
}
