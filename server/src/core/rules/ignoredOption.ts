import type { Severity } from '../finding.ts';
import type { EffectiveOptions, Unmet } from '../pgbackrest/effective.ts';
import type { Setting } from '../pgbackrest/setting.ts';
import { type ConfReading, readingsOf } from '../queries/confReading.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'ignored-option',
  summary: 'An option that depends on another one comes with it.',
  why: 'What a file sets without the option that it depends on is dropped without a word, and not even checked. S3 options without repoN-type=s3 leave the repository on the local disk; repoN-block without repoN-bundle stores whole files.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M59', 'M70', 'M71', 'M72', 'M73', 'M78', 'M79', 'M85'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    repo1-block=y
    ^^^^^^^^^^^ warning ignored-option: repo1-block has no effect without repo1-bundle=y
    repo1-s3-bucket=acme
    ^^^^^^^^^^^^^^^ error ignored-option: repo1-s3-bucket and 1 more have no effect without repo1-type=s3: repo1 is on the local disk
    repo1-s3-region=eu-west-1

    [demo]
    pg1-path=/var/lib/postgresql/15/demo
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    repo1-bundle=y
    repo1-block=y

    [demo]
    pg1-path=/var/lib/postgresql/15/demo
  `,
  check(conf, { report, query, target }) {
    for (const reading of readingsOf(conf, query)) {
      if (reading.cluster || !reading.isWhole || reading.hasOpaqueLines) continue;
      const effective = reading.stanzas.map((it) => reading.effective(it, target.pgbackrest));
      const byCause = new Map<string, { unmet: Unmet; settings: Setting[] }>();
      for (const setting of conf.settings) {
        const unmet = ignoredEverywhere(setting, effective);
        if (!unmet) continue;
        const cause = `${unmet.decider}=${unmet.list?.join() ?? ''}`;
        const group = byCause.get(cause);
        if (group) group.settings.push(setting);
        else byCause.set(cause, { unmet, settings: [setting] });
      }
      for (const spool of conf.settings.filter((it) => it.resolved.canonical === 'spool-path')) {
        if (
          effective.some(
            (it) => it.value('archive-async', undefined) === 'y' || it.isUncertain('archive-async', undefined),
          )
        )
          break;
        report(spool.keyPlace, 'spool-path has no effect without archive-async=y', {
          severity: 'information',
          fix: fix('Remove spool-path', spool.remove()),
        });
      }
      for (const { unmet, settings } of byCause.values()) {
        const [first, ...others] = settings as [Setting, ...Setting[]];
        const more = others.length > 0 ? ` and ${others.length} more have` : ' has';
        const severity = severityOf(first, unmet, reading);
        report(first.keyPlace, `${first.key}${more} no effect ${reasonOf(unmet)}${consequence(unmet)}`, {
          severity,
          related: [
            ...(unmet.setting ? [{ at: unmet.setting.valuePlace, message: 'because of this' }] : []),
            ...others.map((it) => ({ at: it.keyPlace, message: 'ignored as well' })),
          ],
          fixes: [cure(unmet, first), others.length === 0 ? fix(`Remove ${first.key}`, first.remove()) : undefined],
        });
      }
    }
  },
});

function ignoredEverywhere(setting: Setting, effective: EffectiveOptions[]): Unmet | undefined {
  const { definition, index, problem, name } = setting.resolved;
  // Encryption has rules of its own, and a stanza without pg1-path is told there.
  if (
    !definition ||
    problem ||
    setting.value === '' ||
    name === 'repo-cipher-pass' ||
    definition.depend?.option === 'pg-path'
  )
    return undefined;
  const relevant = effective.filter((it) => setting.scope.stanza === undefined || it.stanza === setting.scope.stanza);
  const unmet = relevant.map((it) => it.unmet(definition, index));
  return unmet.every((it) => it !== undefined) ? unmet[0] : undefined;
}

function severityOf(first: Setting, { decider, current }: Unmet, reading: ConfReading): Severity {
  if (reading.mayHoldMore || reading.isInEnvironment(decider)) return 'information';
  // What stays harmless: the option only adds to something that is switched off on purpose or by default.
  if (/^(?:archive-async|sck-keep-alive|compress-type|archive-check)$/.test(decider)) return 'information';
  if (/-(?:key-type|host-key-check-type|host-type)$/.test(decider) || first.resolved.name === 'repo-hardlink')
    return 'information';
  return /^repo\d+-type$/.test(decider) && current === 'posix' ? 'error' : 'warning';
}

function reasonOf({ decider, list, current, setting }: Unmet): string {
  if (!list) return `without ${decider}`;
  const wanted = list.length === 1 ? `${decider}=${list[0]}` : `${decider} ${list.join(' or ')}`;
  return setting ? `with ${decider}=${current}` : `without ${wanted}`;
}

function consequence({ decider, current }: Unmet): string {
  if (/^repo\d+-host$/.test(decider)) return `: ${decider.slice(0, -'-host'.length)} is on this host`;
  if (/^repo\d+-type$/.test(decider) && current === 'posix') {
    return `: ${decider.slice(0, -'-type'.length)} is on the local disk`;
  }
  return '';
}

/** The option that is missing, where only one value would do. */
function cure({ decider, list, setting }: Unmet, first: Setting): ReturnType<typeof fix> {
  const value = list?.length === 1 ? list[0] : storageOf(first.key);
  if (value === undefined || (list && !list.includes(value))) return undefined;
  return setting
    ? fix(`Set ${decider} to ${value}`, setting.setValue(value))
    : fix(`Add ${decider}=${value}`, first.insertAfter(decider, value));
}

function storageOf(key: string): string | undefined {
  return /^repo\d*-(s3|azure|gcs|sftp)-/.exec(key)?.[1];
}
