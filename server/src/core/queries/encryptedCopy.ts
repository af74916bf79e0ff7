/**
 * A further repository that is encrypted from its first backup on, beside one that is there: the way to encrypt what was
 * begun in the clear, since pgBackRest never changes the cipher of a repository that exists. Its pass is left empty, or made
 * by the editor's front; an empty one stops every command, and so nothing is written in the clear.
 */

import type { Query } from '../index.ts';
import type { Edit } from '../part.ts';
import type { Conf } from '../pgbackrest/conf.ts';
import { lineBehind, lineBreakOf } from '../pgbackrest/confChange.ts';
import { generatePass, passMark } from '../pgbackrest/generatedPass.ts';
import type { Setting } from '../pgbackrest/setting.ts';
import { ConfigMapResource } from '../resources/secret.ts';
import { type ClusterConfiguration, clusterConfiguration, clustersThatMount } from './clusterConfiguration.ts';
import { readingsOf } from './confReading.ts';
import { copiedOption, declareRepository, freeIndex } from './newRepository.ts';
import { type ClusterScope, isWhole } from './passToSecret.ts';
import type { Refactoring } from './refactorings.ts';
import { isWrapped, secretReceiver } from './secretReceiver.ts';

/** @param repo `repo1`; nothing is offered for anything else */
export function copiesOfRepository(repo: string | undefined, where: Conf | ClusterScope, query: Query): Refactoring[] {
  const like = Number(/^repo(\d+)$/.exec(repo ?? '')?.[1]);
  if (Number.isNaN(like)) return [];
  if ('scope' in where) {
    if (where.scope.role !== 'own' || !isWhole(where, query)) return [];
    return copyInCluster(like, clusterConfiguration(where.cluster, where.scope, query), query);
  }
  const clusters = clustersThatMount(where, query);
  const [only] = clusters;
  if (only) return clusters.length === 1 && isWhole(only, query) ? copyInCluster(like, only, query) : [];
  // A pass has no place in a ConfigMap, and who mounts this one is not known.
  if (where.entry?.secret instanceof ConfigMapResource || where.tree.hasOpaqueLines || !where.text.isExact) return [];
  return copyInConf(like, where, query);
}

function copyInConf(like: number, conf: Conf, query: Query): Refactoring[] {
  const [reading] = readingsOf(conf, query);
  const index = freeIndex(reading?.settings ?? conf.settings);
  if (index === undefined || reading?.hasOpaqueLines) return [];
  const text = conf.text.text;
  // A further line would come between a value and the rest of it.
  if (isWrapped(conf)) return [];
  // In several files of conf.d: a copy of what stands here would be half of it.
  if (reading?.settings.some((it) => isCopied(it, like) && !conf.holds(it))) return [];
  const own = conf.settings.filter((it) => isCopied(it, like));
  const sections = conf.tree.sections.flatMap((section) => {
    const settings = own.filter((it) => it.origin.kind === 'conf' && it.origin.option.section === section);
    const all = conf.settings.filter(
      (it) => it.group === `repo${like}` && it.origin.kind === 'conf' && it.origin.option.section === section,
    );
    const last = all.at(-1)?.origin;
    return last?.kind === 'conf' ? [{ section, settings, last: last.option }] : [];
  });
  const main =
    sections.find((it) => it.section.scope.command === undefined && it.settings.some(saysWhere)) ??
    sections.find((it) => it.section.scope.command === undefined);
  if (!main || own.length === 0 || !own.every(canBeCopied)) return [];
  const linesOf = (pass: string) =>
    sections.flatMap((it) => {
      const lines = it.settings.map((setting) => copiedOption(setting, index).join('='));
      if (it === main) {
        if (!own.some((setting) => setting.resolved.name === 'repo-path') && !conf.entry)
          lines.unshift(`repo${index}-path=/var/lib/pgbackrest-repo${index}`);
        lines.push(`repo${index}-cipher-type=aes-256-cbc`, `repo${index}-cipher-pass=${pass}`);
      }
      return lines.length > 0 ? [lineBehind(text, it.last, lines.join(lineBreakOf(text)))] : [];
    });
  const title = titleOf(like, index);
  const command = generatePass(title, conf.edits(...linesOf(passMark)))?.command;
  return [{ title, kind: 'rewrite', edits: conf.edits(...linesOf('')), ...(command && { command }) }];
}

/** The repository in the manifest, its keys and the pass in a Secret that the cluster mounts. */
function copyInCluster(like: number, configuration: ClusterConfiguration, query: Query): Refactoring[] {
  const { scope, settings } = configuration;
  const index = freeIndex(settings, [scope]);
  if (index === undefined || configuration.confs.some((it) => it.conf.tree.hasOpaqueLines)) return [];
  const copied = settings.filter((it) => isCopied(it, like) && it.scope.command === undefined);
  const isKept = (it: Setting) => it.origin.kind === 'conf' || it.resolved.definition?.secure === true;
  const options = copied.filter((it) => !isKept(it)).map((it) => copiedOption(it, index));
  if (!copied.some((it) => it.resolved.name === 'repo-path'))
    options.unshift([`repo${index}-path`, `/pgbackrest/repo${index}`]);
  options.push([`repo${index}-cipher-type`, 'aes-256-cbc']);
  const declared = declareRepository(scope, { like, index, options });
  const receiver = secretReceiver(configuration, `repo${like}`, query);
  const lines = [
    ...new Set(copied.filter(isKept).map((it) => copiedOption(it, index).join('='))),
    `repo${index}-cipher-pass=`,
  ];
  // What a renderer fills would be filled for two.
  if (!declared || !receiver || !copied.every(canBeCopied) || copied.some((it) => isKept(it) && it.isOpaque)) return [];
  const title = titleOf(like, index);
  const edits = receiver.edits(lines);
  const file = receiver.asFile?.(lines);
  return [
    ...(edits ? [{ title, kind: 'rewrite' as const, edits: joined([...declared, ...edits]) }] : []),
    ...(file
      ? [
          {
            title: `${title} (the pass in a new file)`,
            kind: 'rewrite' as const,
            edits: joined([...declared, ...file.edits]),
            newFile: file.newFile,
          },
        ]
      : []),
  ];
}

function titleOf(like: number, index: number): string {
  return `Add an encrypted repository: repo${index}, otherwise as repo${like}`;
}

/** Everything of the repository but its cipher: that is new. */
function isCopied({ resolved, group }: Setting, like: number): boolean {
  return group === `repo${like}` && !resolved.problem && !/^repo-cipher-/.test(resolved.name);
}

/** A folder of its own can be made of it. */
function canBeCopied({ resolved, isOpaque, value }: Setting): boolean {
  return resolved.name !== 'repo-path' || isOpaque || value.startsWith('/');
}

function saysWhere({ resolved }: Setting): boolean {
  return /^repo-(?:path|type|host|s3-bucket|gcs-bucket|azure-container)$/.test(resolved.name);
}

/** Insertions at one place become one, in their order: editors differ about it. */
function joined(edits: readonly Edit[]): Edit[] {
  const out: Edit[] = [];
  for (const it of edits) {
    const { part, start, end } = it.at;
    const i = out.findIndex(({ at }) => at.part === part && at.start === start && at.end === end && start === end);
    if (i < 0) out.push(it);
    else out[i] = { at: it.at, newText: out[i]!.newText + it.newText };
  }
  return out;
}
