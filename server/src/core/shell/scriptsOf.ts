/** Where scripts stand: files, cron tables, postgresql.conf, containers, entries of ConfigMaps. */

import { isOpaque } from '../opaque.ts';
import type { Part } from '../part.ts';
import type { Resource } from '../resource.ts';
import { ConfigMapResource, SecretResource } from '../resources/secret.ts';
import { type Container, WorkloadResource } from '../resources/workload.ts';
import { MappedText } from '../text/mappedText.ts';
import type { YamlNode } from '../yaml/node.ts';
import { type Script, scriptOfArguments, scriptOfText, type Variable, type Word } from './script.ts';

/** Programs that make, encrypt or open backups, and their variables: whatever names none of them is none of our business. */
const TELLING = /\b(?:gpg2?|openssl|pgbackrest|wal-g|pg_dump(?:all)?|pg_basebackup)\b|\bPGBACKREST_|\bWALG_/;

export function mayCallTools(text: string): boolean {
  return TELLING.test(text);
}

/** What kind of script a file is, by its name and its beginning; undefined for none. */
export function scriptFileKind(uri: string, text: string): 'script' | 'crontab' | 'postgresql.conf' | undefined {
  const name = uri.slice(uri.lastIndexOf('/') + 1);
  if (!mayCallTools(text)) return undefined;
  if (/\.(?:ba|k|z)?sh$/i.test(name) || /^#!\s*\S*(?:\/|env\s+)(?:ba|da|a|k|z)?sh\b/.test(text)) return 'script';
  if (/\/cron\.d\/[^/]+$/.test(uri) || name === 'crontab') return 'crontab';
  if (/\.conf(?:\.(?:sample|example))?$/i.test(name) && POSTGRES_COMMAND.test(text)) return 'postgresql.conf';
  return undefined;
}

const POSTGRES_COMMAND = /^[ \t]*(?:archive|restore|archive_cleanup|recovery_end)_command[ \t]*[= \t]/m;

export function scriptsOfFile(part: Part): Script[] {
  const kind = scriptFileKind(part.uri, part.text);
  const text = MappedText.plain(part);
  if (kind === 'script') return [scriptOfText(text)];
  if (kind === 'crontab') return cronScripts(part);
  return kind === 'postgresql.conf' ? postgresCommands(part) : [];
}

export function scriptsOfResource(resource: Resource): Script[] {
  if (resource instanceof WorkloadResource)
    return resource.containers.flatMap((it) => scriptsOfContainer(resource.part, it));
  if (resource instanceof ConfigMapResource || resource instanceof SecretResource) {
    return resource.entries.flatMap((entry) => {
      const text = entry.text;
      if (!text || entry.container === 'generator' || !mayCallTools(text.text)) return [];
      if (!/\.(?:ba|k|z)?sh$/.test(entry.name) && !/^#!\s*\S*(?:\/|env\s+)(?:ba|da|a|k|z)?sh\b/.test(text.text))
        return [];
      return [scriptOfText(text, { isUnattended: true })];
    });
  }
  return [];
}

function scriptsOfContainer(part: Part, container: Container): Script[] {
  const variables = container.env.flatMap((it): Variable[] => {
    const at = it.nameNode?.place;
    if (!at) return [];
    return [
      {
        name: it.name,
        value: it.value?.text ?? '',
        isLiteral: !it.isFromElsewhere && !isOpaque(it.value?.text ?? ''),
        at: it.value && !it.value.isNull ? it.value.place : at,
      },
    ];
  });
  const traits = { isUnattended: true, hasUnseenVariables: container.hasEnvFrom };
  const texts = container.argv.map((it) => it.text ?? '');
  const command = texts.findIndex((it, i) => i > 0 && /^-[a-z]*c$/.test(it));
  const source =
    command > 0 && /(?:^|\/)(?:ba|da|a|k|z)?sh$/.test(texts[0]!) ? container.argv[command + 1]?.mapped : undefined;
  if (source) {
    const flags = texts.slice(1, command + 1);
    const script = scriptOfText(
      source,
      { ...traits, hasPipefail: flags.includes('pipefail'), isPosix: /(?:^|\/)(?:da|a)?sh$/.test(texts[0]!) },
      variables,
    );
    return [script];
  }
  const words = container.argv.map(wordOfNode).filter((it) => it !== undefined);
  if (words.length === 0 && variables.length === 0) return [];
  return [scriptOfArguments(part, words, traits, variables)];
}

function wordOfNode(node: YamlNode): Word | undefined {
  const mapped = node.mapped;
  if (!mapped || node.text === undefined) return undefined;
  return {
    text: node.text,
    isLiteral: !/\$\(|\{\{/.test(node.text),
    at: node.place,
    placeOf: (start, end) => mapped.place(start, end),
    insertAfter: () => [],
  };
}

/** `30 2 * * * root command`: the times, and in /etc/cron.d the user, stand in front of the command. */
function cronScripts(part: Part): Script[] {
  const found: Script[] = [];
  for (const line of part.text.matchAll(/^[ \t]*(?:@\w+|(?:[-*/,\w]+[ \t]+){4}[-*/,\w]+)[ \t]+(?=\S)/gm)) {
    // A table of the system names a user behind the times.
    const user = /\/cron\.d\/[^/]+$|\/etc\/crontab$/.test(part.uri)
      ? (/^[-\w]+[ \t]+/.exec(part.text.slice(line.index + line[0].length)) ?? [''])[0]
      : '';
    const start = line.index + line[0].length + user.length;
    const end = part.text.indexOf('\n', start);
    const text = MappedText.plain(part, start, end < 0 ? part.text.length : end);
    const script = scriptOfText(text, { isUnattended: true, isPosix: true });
    found.push(script);
  }
  return found;
}

/** The commands that PostgreSQL hands to the shell; a quote in one is written twice. */
function postgresCommands(part: Part): Script[] {
  const found: Script[] = [];
  for (const line of part.text.matchAll(
    /^[ \t]*(?:archive|restore|archive_cleanup|recovery_end)_command[ \t]*=?[ \t]*'((?:[^'\n]|'')*)'/gm,
  )) {
    const start = line.index + line[0].length - 1 - line[1]!.length;
    found.push(
      scriptOfText(MappedText.plain(part, start, start + line[1]!.length), { isUnattended: true, isPosix: true }),
    );
  }
  return found;
}
