/**
 * Another key for what is encrypted already. The old repository or storage stays as it is, so that its backups can be read;
 * a new one begins with the new key. The recipe is the one that a changed key gets (rules changed-cipher, changed-key): the
 * new key is put in, what was there counts as committed, and the fix that keeps both is taken.
 */

import { inFile } from '../part.ts';
import { EffectiveOptions } from '../pgbackrest/effective.ts';
import type { Setting } from '../pgbackrest/setting.ts';
import { PostgresClusterResource } from '../resources/postgresCluster.ts';
import { type SecretEntry, setText } from '../resources/secret.ts';
import { ObjectStorageResource } from '../resources/stackgres.ts';
import type { AnyRule } from '../rule.ts';
import { Workspace } from '../workspace.ts';
import { clusterConfiguration, operatorStanza } from './clusterConfiguration.ts';
import { readingsOf } from './confReading.ts';
import { entryAt } from './entryView.ts';
import { selectedEntry } from './selectedEntry.ts';

/** What a new key would be for. */
export interface RotationTarget {
  key: 'pgbackrest' | 'sodium';
  /** sodium only: as the storage says that its key is written. */
  encoding?: 'hex' | 'base64';
  /** `repo1 in Secret db/pgbackrest`, `SGObjectStorage db/daily`. */
  title: string;
}

interface Found extends RotationTarget {
  /** The edits that put a key where the old one is. */
  replace: (key: string) => ReturnType<Setting['setValue']> | undefined;
}

export interface Rotation {
  target: RotationTarget;
  /** In words, what was written: `Keep repo1 …, and begin repo2 with the new values`. */
  title: string;
  /** The new text of every file that changes. */
  files: { uri: string; text: string }[];
}

/** What stands at a place: a pass, a repository of a cluster, a storage, a key in a Secret. */
export function rotationTarget(
  workspace: Workspace,
  uri: string,
  offset: number,
): RotationTarget | { problem: string } {
  const found = targetAt(workspace, uri, offset);
  if ('problem' in found) return found;
  const { replace: _, ...target } = found;
  return target;
}

/** @param rules those with the recipes, as the workspace of the caller has them */
export function rotate(
  workspace: Workspace,
  { uri, offset, key, rules }: { uri: string; offset: number; key: string; rules: readonly AnyRule[] },
): Rotation | { problem: string } {
  const found = targetAt(workspace, uri, offset);
  if ('problem' in found) return found;
  const edits = found.replace(key);
  if (!edits || edits.length === 0) return { problem: `the key of ${found.title} cannot be replaced where it stands` };
  const { replace: _, ...target } = found;

  const before = new Map(workspace.uris.map((it) => [it, workspace.text(it)!]));
  const after = new Workspace(rules);
  after.setTargets(workspace.targets);
  for (const [it, text] of before) after.setFile(it, text);
  const touched = new Set(edits.map((it) => inFile(it.at).uri));
  for (const it of touched) {
    after.setCommitted(it, before.get(it)!);
    after.setFile(it, applied(before.get(it)!, it, edits));
  }
  const fixes = [...after.findings().values()]
    .flat()
    .filter((it) => it.rule === 'changed-cipher' || it.rule === 'changed-key')
    .flatMap((it) => it.fixes);
  const recipe = fixes.find((it) => it.title.startsWith('Keep '));
  if (!recipe) {
    return {
      problem: `${found.title} is written in a way that cannot be copied: write a new repository or storage for the new key by hand, and keep the old one`,
    };
  }
  const files = new Map([...touched].map((it) => [it, after.text(it)!]));
  for (const it of new Set(recipe.edits.map((edit) => inFile(edit.at).uri))) {
    files.set(it, applied(after.text(it)!, it, recipe.edits));
  }
  const changed = [...files].filter(([it, text]) => text !== before.get(it)).map(([it, text]) => ({ uri: it, text }));
  return { target, title: recipe.title.replace(' as it was committed', ''), files: changed };
}

function targetAt(workspace: Workspace, uri: string, offset: number): Found | { problem: string } {
  const unit = workspace.unitAt(uri, offset);
  if (!unit) return { problem: 'there is no key, repository or storage here' };
  const query = workspace.query();
  for (const conf of unit.confs) {
    if (unit.offset < conf.text.whole.start || unit.offset > conf.text.whole.end) continue;
    const here = conf.settings.find((it) => it.keyPlace.start <= unit.offset && unit.offset <= it.valuePlace.end);
    if (!here?.group?.startsWith('repo')) continue;
    const name = `${here.group}-cipher-pass`;
    const reading = readingsOf(conf, query)[0];
    const pass = reading?.settings.findLast((it) => it.resolved.canonical === name && it.value !== '');
    return ofPass(pass, `${here.group} in ${conf.title}`);
  }
  for (const resource of unit.resources) {
    const { start, end } = resource.node.place;
    if (unit.offset < start || unit.offset > end) continue;
    if (resource instanceof PostgresClusterResource) {
      for (const scope of resource.scopes) {
        const repo =
          scope.repos.find((it) => it.node.usePlace.start <= unit.offset && unit.offset <= it.node.usePlace.end)
            ?.name ??
          scope.global.find((it) => it.keyPlace.start <= unit.offset && unit.offset <= it.valuePlace.end)?.group;
        if (!repo) continue;
        const effective = new EffectiveOptions(
          clusterConfiguration(resource, scope, query).settings,
          operatorStanza,
          workspace.targets.pgbackrest,
        );
        return ofPass(effective.setting(`${repo}-cipher-pass`), `${repo} of ${resource.title}`);
      }
    }
    if (resource instanceof ObjectStorageResource) {
      return ofStorage(resource, selectedEntry(resource.selector('encryption.sodium.key'), query));
    }
  }
  const entry = entryAt(workspace, uri, offset);
  if (entry) {
    const { name, namespace } = entry.secret;
    const storage = query
      .referencesTo({ kind: 'secretEntry', name: entry.name, owner: name, namespace })
      .map((it) => it.resource)
      .find((it) => it instanceof ObjectStorageResource);
    if (storage) return ofStorage(storage, entry);
  }
  return { problem: 'there is no key, repository or storage here: put the cursor on one' };
}

function ofPass(pass: Setting | undefined, title: string): Found | { problem: string } {
  if (!pass || pass.isOpaque) return { problem: `${title} has no cipher pass in the files here` };
  return { key: 'pgbackrest', title, replace: (key) => pass.setValue(key) };
}

function ofStorage(storage: ObjectStorageResource, entry: SecretEntry | undefined): Found | { problem: string } {
  const { title } = storage;
  if (storage.effectiveEncryption !== 'sodium') {
    return {
      problem:
        storage.effectiveEncryption === 'openpgp'
          ? `${title} is encrypted with OpenPGP: make a new key with Generate Key, and a new storage that names it`
          : `${title} is not encrypted`,
    };
  }
  if (!entry?.text) return { problem: `the key of ${title} is not in the files here` };
  const transform = storage.encryption?.get('sodium')?.textAt('keyTransform');
  return {
    key: 'sodium',
    encoding: transform === 'base64' ? 'base64' : 'hex',
    title,
    replace: (key) => setText(entry, key),
  };
}

/** The text of one file after its edits. */
function applied(text: string, uri: string, edits: ReturnType<Setting['setValue']>): string {
  const own = edits
    .map((it) => ({ ...inFile(it.at), newText: it.newText }))
    .filter((it) => it.uri === uri)
    .toSorted((a, b) => b.start - a.start || b.end - a.end);
  let result = text;
  for (const it of own) result = result.slice(0, it.start) + it.newText + result.slice(it.end);
  return result;
}
