import type { SymbolKind } from '../facts.ts';
import type { Edit, Place } from '../part.ts';
import { confOfEntry } from '../pgbackrest/conf.ts';
import { indexMax } from '../pgbackrest/options.ts';
import { ConfigMapResource, SecretResource } from '../resources/secret.ts';
import type { MappedText } from '../text/mappedText.ts';
import { plainOrQuoted } from '../text/scalarText.ts';
import type { Workspace } from '../workspace.ts';
import { type Mention, type Mentioned, mentionedAt, repositoryOf, repositoryOwner } from './mentions.ts';

/** The name under the cursor, when it can be renamed. */
export function prepareRename(
  workspace: Workspace,
  uri: string,
  offset: number,
): { at: Place; name: string } | undefined {
  const mentioned = mentionedAt(workspace, uri, offset);
  if (!mentioned || !canBeReplaced(mentioned.here)) return undefined;
  return { at: mentioned.here.at, name: mentioned.name };
}

/** All edits over all files, or in one sentence why not. */
export function rename(
  workspace: Workspace,
  uri: string,
  offset: number,
  newName: string,
): { edits: Edit[] } | { problem: string } {
  const mentioned = mentionedAt(workspace, uri, offset);
  if (!mentioned) return { problem: 'there is no name here that can be renamed' };
  if (newName === mentioned.name) return { edits: [] };
  const problem = illegal(mentioned.kind, newName) ?? taken(workspace, mentioned, newName) ?? unfit(mentioned, newName);
  if (problem) return { problem };
  const stuck = mentioned.mentions.find((it) => !canBeReplaced(it));
  if (stuck)
    return { problem: `${mentioned.name} is also made by a template or an anchor, and cannot be renamed from here` };
  return { edits: editsOf(mentioned.mentions, newName) };
}

const TITLE: Record<SymbolKind, string> = {
  secret: 'Secret',
  secretEntry: 'entry',
  configMap: 'ConfigMap',
  configMapEntry: 'entry',
  objectStorage: 'SGObjectStorage',
  cluster: 'cluster',
  repository: 'repository',
  backup: 'backup',
};

/** Kubernetes' own rules for names; pgBackRest's for repositories. */
function illegal(kind: SymbolKind, name: string): string | undefined {
  switch (kind) {
    case 'repository': {
      const index = Number(/^repo([1-9][0-9]{0,2})$/.exec(name)?.[1]);
      return index >= 1 && index <= indexMax ? undefined : `a repository is named repo1 to repo${indexMax}`;
    }
    case 'secretEntry':
    case 'configMapEntry':
      return /^[-._a-zA-Z0-9]{1,253}$/.test(name) && !/^\.{1,2}$/.test(name)
        ? undefined
        : 'an entry is named with letters, digits, -, _ and .';
    default:
      return /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/.test(name) && name.length <= 253
        ? undefined
        : `a ${TITLE[kind]} is named with small letters, digits, - and ., and begins and ends with a letter or digit`;
  }
}

function taken(workspace: Workspace, { kind, here, mentions, world }: Mentioned, newName: string): string | undefined {
  const query = workspace.query();
  if (kind === 'repository') {
    for (const { cluster, scope } of world?.scopes ?? []) {
      const owner = repositoryOwner(cluster, scope);
      const symbol = { kind, name: newName, owner, namespace: cluster.namespace };
      const isDefined = query.definitionsOf(symbol).length > 0;
      if (isDefined || scope.global.some((it) => repositoryOf(it) === newName)) {
        return `${cluster.title} already has ${newName}`;
      }
    }
    const conf = world?.confs.find((it) => it.settings.some((setting) => repositoryOf(setting) === newName));
    return conf && `${conf.title} already has options of ${newName}`;
  }
  const symbols = mentions.flatMap((it) => (it.fact ? [it.fact.symbol] : []));
  const other = [...symbols, ...(here.fact ? [here.fact.symbol] : [])]
    .flatMap((it) => query.definitionsOf({ ...it, name: newName }))
    .at(0);
  if (!other) return undefined;
  return kind === 'secretEntry' || kind === 'configMapEntry'
    ? `${other.resource.title} already has an entry ${newName}`
    : `there is already a ${other.resource.title}`;
}

/** Legal, free, and yet no name that would do. */
function unfit({ kind, name, mentions }: Mentioned, newName: string): string | undefined {
  if ((kind !== 'secretEntry' && kind !== 'configMapEntry') || newName.endsWith('.conf')) return undefined;
  const holdsConf = mentions.some(({ fact }) => {
    const owner = fact?.role === 'definition' ? fact.resource : undefined;
    if (!(owner instanceof SecretResource || owner instanceof ConfigMapResource)) return false;
    const entry = owner.entry(name);
    return entry !== undefined && name.endsWith('.conf') && confOfEntry(entry) !== undefined;
  });
  return holdsConf ? 'pgBackRest reads only files whose names end in .conf' : undefined;
}

/** The name stands there letter by letter, or as the file that gives an entry of a generator its name. */
function canBeReplaced(mention: Mention): boolean {
  if (mention.inside) return true;
  const text = textAt(mention.at);
  return mention.setting !== undefined || text === mention.name || isGeneratorItem(mention, text);
}

function isGeneratorItem({ kind, name }: Mention, text: string): boolean {
  if (kind !== 'secretEntry' && kind !== 'configMapEntry') return false;
  return bare(text).startsWith(`${name}=`) || bare(text).split('/').at(-1) === name;
}

function editsOf(mentions: readonly Mention[], newName: string): Edit[] {
  const edits: Edit[] = [];
  const inside = new Map<MappedText, { start: number; end: number; newText: string }[]>();
  for (const it of mentions) {
    if (it.inside) {
      const { text, start, end } = it.inside;
      inside.set(text, [...(inside.get(text) ?? []), { start, end, newText: newName }]);
    } else edits.push({ at: it.at, newText: replacement(it, newName) });
  }
  // One text, one set of changes: inside base64 they become one new value.
  for (const [text, changes] of inside) edits.push(...text.edits(changes));
  return distinct(edits);
}

/** An alias makes one place out of several mentions. */
function distinct(edits: Edit[]): Edit[] {
  const seen = new Set<string>();
  return edits.filter(({ at }) => {
    const key = `${at.part.uri} ${at.part.start + at.start} ${at.end - at.start}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function replacement({ at, name, setting }: Mention, newName: string): string {
  if (setting) return newName;
  const text = textAt(at);
  if (text !== name) {
    // `- conf/s3.conf` of a generator takes its entry's name from the file; `s3.conf=conf/s3.conf` says it.
    const value = bare(text);
    const renamed = value.startsWith(`${name}=`) ? newName + value.slice(name.length) : `${newName}=${value}`;
    return value === text ? renamed : text[0] + renamed + text[0];
  }
  const isQuoted = /["']/.test(at.part.text[at.start - 1] ?? '') && at.part.text[at.start - 1] === at.part.text[at.end];
  return isQuoted ? newName : plainOrQuoted(newName);
}

function textAt(at: Place): string {
  return at.part.text.slice(at.start, at.end);
}

function bare(text: string): string {
  return /^(["'])[\s\S]*\1$/.test(text) ? text.slice(1, -1) : text;
}
