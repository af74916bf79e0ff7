/** What a click opens: the files that a kustomization names, and the page of a rule that a comment names. */

import { KustomizationResource } from '../kinds.ts';
import type { Place } from '../part.ts';
import type { Workspace } from '../workspace.ts';
import type { YamlNode } from '../yaml/node.ts';

export interface Link {
  at: Place;
  target: { kind: 'uri'; uri: string } | { kind: 'rule'; id: string };
}

/** @param isRule whether a word is the id of a rule */
export function links(workspace: Workspace, uri: string, isRule: (id: string) => boolean): Link[] {
  return workspace.units(uri).flatMap(({ part, resources }) => {
    const found: Link[] = [];
    for (const it of part.text.matchAll(/#[ \t]*restorable-ignore(?:-file)?[ \t]+([a-z][a-z0-9, -]*)/g)) {
      const listStart = it.index + it[0].length - it[1]!.length;
      for (const word of it[1]!.matchAll(/[a-z][a-z0-9-]*/g)) {
        if (!isRule(word[0])) continue;
        const start = listStart + word.index;
        found.push({ at: part.place(start, start + word[0].length), target: { kind: 'rule', id: word[0] } });
      }
    }
    for (const it of resources) {
      if (!(it instanceof KustomizationResource)) continue;
      for (const { node, path } of filesOf(it.node)) {
        const target = resolve(workspace, uri, path);
        if (target === undefined) continue;
        const mapped = node.mapped;
        const start = mapped ? mapped.text.lastIndexOf(path) : -1;
        const at = mapped && start >= 0 ? mapped.place(start, start + path.length) : node.place;
        found.push({ at, target: { kind: 'uri', uri: target } });
      }
    }
    return found;
  });
}

function filesOf(root: YamlNode): { node: YamlNode; path: string }[] {
  const found: { node: YamlNode; path: string }[] = [];
  const add = (node: YamlNode | undefined, path = node?.text) => {
    if (node && path) found.push({ node, path });
  };
  for (const key of [
    'resources',
    'components',
    'bases',
    'crds',
    'transformers',
    'configurations',
    'patchesStrategicMerge',
  ]) {
    for (const it of root.get(key)?.items() ?? []) add(it);
  }
  for (const key of ['patches', 'patchesJson6902', 'replacements']) {
    for (const it of root.get(key)?.items() ?? []) add(it.get('path'));
  }
  for (const key of ['secretGenerator', 'configMapGenerator']) {
    for (const generator of root.get(key)?.items() ?? []) {
      // `key=file` names the entry in front of the file.
      for (const it of generator.get('files')?.items() ?? []) add(it, it.text?.replace(/^[^=]*=/, ''));
      for (const it of generator.get('envs')?.items() ?? []) add(it);
      add(generator.get('env'));
    }
  }
  return found;
}

/** undefined for what is no path: an inline patch, a remote base in Kustomize's own spelling. */
function resolve(workspace: Workspace, uri: string, path: string): string | undefined {
  if (/^https?:\/\/[^\s{}]+$/.test(path)) return path;
  if (/[\n{}]|::|^[a-z+]+:|^git@|\?ref=|^github\.com\//i.test(path)) return undefined;
  let target: string;
  try {
    target = new URL(path.split('/').map(encodeURIComponent).join('/'), uri).href;
  } catch {
    return undefined;
  }
  const names = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'];
  const known = new Set(workspace.uris);
  const folder = names.map((it) => `${target.replace(/\/$/, '')}/${it}`).find((it) => known.has(it));
  if (folder) return folder;
  // A folder whose kustomization is not here opens nothing.
  return /\.[A-Za-z0-9]+$|\/\.[^/]+$/.test(path) ? target : undefined;
}
