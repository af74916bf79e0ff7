import type { Place } from '../part.ts';
import type { Conf } from '../pgbackrest/conf.ts';
import type { Resource } from '../resource.ts';
import { PostgresClusterResource } from '../resources/postgresCluster.ts';
import { ConfigMapResource, type SecretEntry, SecretResource } from '../resources/secret.ts';
import type { Workspace } from '../workspace.ts';

/** What an outline shows. Names only: a value may be a secret. */
export interface OutlineItem {
  name: string;
  detail: string;
  kind: 'object' | 'entry' | 'section' | 'option' | 'repository';
  whole: Place;
  /** What is selected when a person goes there; inside `whole`. */
  nameAt: Place;
  children: OutlineItem[];
}

export function outline(workspace: Workspace, uri: string): OutlineItem[] {
  return workspace.units(uri).flatMap((unit) => {
    const confs = unit.confs;
    if (unit.part.language === 'conf') return confs.flatMap(sectionsOf);
    return unit.resources.map((it) => objectItem(it, confs));
  });
}

/** Objects of all files whose name or kind holds the text, for going to one by its name. */
export function findObjects(workspace: Workspace, text: string): { name: string; kind: string; at: Place }[] {
  const wanted = text.toLowerCase();
  return workspace.uris.flatMap((uri) =>
    workspace
      .units(uri)
      .flatMap((unit) =>
        unit.resources
          .filter((it) => it.name !== '' && `${it.manifestKind} ${it.name}`.toLowerCase().includes(wanted))
          .map((it) => ({ name: it.name, kind: it.manifestKind, at: it.namePlace })),
      ),
  );
}

function objectItem(resource: Resource, confs: readonly Conf[]): OutlineItem {
  const whole = resource.node.place;
  const children =
    resource instanceof SecretResource || resource instanceof ConfigMapResource
      ? resource.entries.map((it) => entryItem(it, confs))
      : resource instanceof PostgresClusterResource
        ? repositoryItems(resource)
        : [];
  return {
    name: resource.name || resource.manifestKind,
    detail: resource.name ? resource.manifestKind : '',
    kind: 'object',
    whole,
    nameAt: within(resource.namePlace, whole),
    children: children.map((it) => ({ ...it, whole: within(it.whole, whole), nameAt: within(it.nameAt, whole) })),
  };
}

function entryItem(entry: SecretEntry, confs: readonly Conf[]): OutlineItem {
  const whole = entry.node?.entryPlace ?? entry.keyPlace;
  const conf = confs.find((it) => it.entry === entry);
  return {
    name: entry.name || '«unnamed»',
    detail: conf ? 'pgBackRest configuration' : '',
    kind: 'entry',
    whole,
    nameAt: within(entry.keyPlace, whole),
    // Inside base64 places are those of letters that mean nothing to a person.
    children: conf && entry.container !== 'data' && entry.container !== 'binaryData' ? optionItems(conf, whole) : [],
  };
}

function repositoryItems(cluster: PostgresClusterResource): OutlineItem[] {
  return cluster.scopes.flatMap((scope) =>
    scope.repos.map(({ name, node, nameNode }) => ({
      name: name || '«unnamed»',
      detail: scope.role === 'own' ? 'repository' : 'repository of the data source',
      kind: 'repository' as const,
      whole: node.usePlace,
      nameAt: within(nameNode?.place ?? node.usePlace, node.usePlace),
      children: [],
    })),
  );
}

function sectionsOf(conf: Conf): OutlineItem[] {
  return conf.tree.sections.map((section) => {
    const end = section.options.at(-1)?.lineEnd ?? section.headerEnd;
    const whole = conf.place(section.start, Math.max(end, section.headerEnd));
    return {
      name: `[${section.name}]`,
      detail: '',
      kind: 'section',
      whole,
      nameAt: within(conf.place(section.nameStart, section.nameEnd), whole),
      children: section.options.map((it) => ({
        name: it.key,
        detail: '',
        kind: 'option' as const,
        whole: conf.place(it.keyStart, it.valueEnd),
        nameAt: conf.place(it.keyStart, it.keyEnd),
        children: [],
      })),
    };
  });
}

function optionItems(conf: Conf, whole: Place): OutlineItem[] {
  return conf.settings.map((it) => ({
    name: it.key,
    detail: '',
    kind: 'option' as const,
    whole: within({ ...it.keyPlace, end: Math.max(it.keyPlace.end, it.valuePlace.end) }, whole),
    nameAt: within(it.keyPlace, whole),
    children: [],
  }));
}

/** Editors refuse an outline whose items stick out of each other. */
function within(place: Place, whole: Place): Place {
  const start = Math.min(Math.max(place.start, whole.start), whole.end);
  return whole.part.place(start, Math.min(Math.max(place.end, start), whole.end));
}
