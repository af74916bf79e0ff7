/** What changed of the repositories of a conf, or of a cluster's `global`, since it was committed. */

import type { Fix } from '../finding.ts';
import type { Query } from '../index.ts';
import type { Place } from '../part.ts';
import type { Conf } from '../pgbackrest/conf.ts';
import type { Setting } from '../pgbackrest/setting.ts';
import type { GlobalOptions, PgbackrestScope } from '../resources/postgresCluster.ts';
import { fix } from '../rule.ts';
import { clusterConfiguration, clustersThatMount } from './clusterConfiguration.ts';
import { committedConf, committedScope } from './committed.ts';
import { readingsOf } from './confReading.ts';
import { addClusterRepository, freeIndex, keepAndAdd, putBack, type RepositoryChange } from './newRepository.ts';

/** One repository that was committed and is still there, with what is in force for it before and now, wherever it stands. */
export interface ChangedRepository {
  name: string;
  /** Of the option without index: `repo-cipher-type`; undefined where nothing says it. */
  before(option: string): Setting | undefined;
  now(option: string): Setting | undefined;
  /** Where to tell that an option is no longer there. */
  at: Place;
  /** For the recipe, simplest last. */
  fixes(): (Fix | undefined)[];
}

export function changedRepositories(subject: Conf | GlobalOptions, query: Query, before: Query): ChangedRepository[] {
  const past = pastOf(subject, query, before);
  if (!past) return [];
  const found: ChangedRepository[] = [];
  const stanzas = new Set([...past.own, ...subject.settings].map((it) => it.scope.stanza));
  for (const stanza of stanzas) {
    for (const change of changesOf(past.own, subject.settings, stanza)) {
      const name = `repo${change.index}`;
      const isHere = (settings: readonly Setting[]) =>
        settings.some((it) => it.resolved.index === change.index && it.group === name);
      const wasDeclared = past.scope?.repos.some((it) => it.name === name) ?? false;
      const isDeclared = past.scopeNow?.repos.some((it) => it.name === name) ?? false;
      if (!isHere(past.own) && !isHere(past.elsewhere) && !wasDeclared) continue;
      // Gone as a whole: a repository that has had its day.
      if (change.now.size === 0 && !isHere(past.elsewhereNow) && !isDeclared) continue;
      const other = (settings: readonly Setting[], option: string) =>
        settings.findLast(
          (it) =>
            it.resolved.name === option &&
            it.resolved.index === change.index &&
            it.scope.command === undefined &&
            (it.scope.stanza === undefined || it.scope.stanza === stanza),
        );
      found.push({
        name,
        before: (option) => change.before.get(option) ?? other(past.elsewhere, option),
        now: (option) => change.now.get(option) ?? other(past.elsewhereNow, option),
        at: [...change.now.values()][0]?.keyPlace ?? placeOf(subject),
        fixes: () => fixesFor(subject, change, past),
      });
    }
  }
  return found;
}

interface Past {
  /** The committed options of the very conf or `global`. */
  own: readonly Setting[];
  /** The committed options of everything else that is read with it, and the options of that now. */
  elsewhere: readonly Setting[];
  elsewhereNow: readonly Setting[];
  /** The scope of the cluster, as committed and now. */
  scope: PgbackrestScope | undefined;
  scopeNow: PgbackrestScope | undefined;
}

function pastOf(subject: Conf | GlobalOptions, query: Query, before: Query): Past | undefined {
  if (subject.kind === 'pgbackrest.global') {
    const scope = committedScope(subject.cluster, subject.scope, before);
    if (!scope) return undefined;
    const { confs } = clusterConfiguration(subject.cluster, subject.scope, query);
    return {
      own: scope.global,
      // A Secret that did not change is as it was.
      elsewhere: confs.flatMap((it) => (committedConf(it.conf, before) ?? it.conf).settings),
      elsewhereNow: confs.flatMap((it) => it.conf.settings),
      scope,
      scopeNow: subject.scope,
    };
  }
  const old = committedConf(subject, before);
  if (!old) return undefined;
  const [reading] = readingsOf(subject, query);
  const others = (reading?.confs ?? []).filter((it) => it !== subject);
  const cluster = subject.entry ? clustersThatMount(subject, query)[0] : undefined;
  const scope = cluster && (committedScope(cluster.cluster, cluster.scope, before) ?? cluster.scope);
  return {
    own: old.settings,
    elsewhere: [...(scope?.global ?? []), ...others.flatMap((it) => (committedConf(it, before) ?? it).settings)],
    elsewhereNow: [...(cluster?.scope.global ?? []), ...others.flatMap((it) => it.settings)],
    scope,
    scopeNow: cluster?.scope,
  };
}

function changesOf(
  before: readonly Setting[],
  now: readonly Setting[],
  stanza: string | undefined,
): RepositoryChange[] {
  const old = byIndex(before, stanza);
  const present = byIndex(now, stanza);
  return [...new Set([...old.keys(), ...present.keys()])].map((index) => ({
    index,
    before: old.get(index) ?? new Map(),
    now: present.get(index) ?? new Map(),
  }));
}

function byIndex(settings: readonly Setting[], stanza: string | undefined): Map<number, Map<string, Setting>> {
  const found = new Map<number, Map<string, Setting>>();
  for (const it of settings) {
    const { definition, index, name, problem } = it.resolved;
    if (problem || definition?.group !== 'repo' || index === undefined) continue;
    if (it.scope.command !== undefined || it.scope.stanza !== stanza) continue;
    const options = found.get(index) ?? new Map<string, Setting>();
    found.set(index, options.set(name, it));
  }
  return found;
}

function fixesFor(subject: Conf | GlobalOptions, change: RepositoryChange, past: Past): (Fix | undefined)[] {
  const name = `repo${change.index}`;
  const conf = subject.kind === 'pgbackrest.conf' ? subject : undefined;
  const all = [...subject.settings, ...past.elsewhereNow, ...past.own, ...past.elsewhere];
  const back = fix(`Put the committed values of ${name} back`, putBack(change, conf));
  const index = freeIndex(all, past.scopeNow ? [past.scopeNow] : []);
  if (index === undefined) return [back];
  const title = `Keep ${name} as it was committed, and begin repo${index} with the new values`;
  if (conf && !past.scopeNow) return [fix(title, keepAndAdd(conf, change, index)), back];
  if (!past.scopeNow) return [back];
  const global = byIndex(past.scopeNow.global, undefined).get(change.index) ?? new Map<string, Setting>();
  const declared = addClusterRepository(past.scopeNow, { ...change, now: global }, index);
  if (!declared) return [back];
  if (conf) {
    const own = keepAndAdd(conf, change, index);
    return [own && fix(title, [...own, ...declared]), back];
  }
  return [fix(title, [...(putBack(change, undefined) ?? []), ...declared]), back];
}

function placeOf(subject: Conf | GlobalOptions): Place {
  if (subject.kind === 'pgbackrest.global') return subject.scope.globalNode?.keyPlace ?? subject.cluster.namePlace;
  const [section] = subject.tree.sections;
  return section ? subject.place(section.start, section.headerEnd) : subject.part.whole;
}
