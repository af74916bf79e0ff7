import type { Edit, Part, Place } from '../part.ts';
import type { SecretEntry } from '../resources/secret.ts';
import { MappedText } from '../text/mappedText.ts';
import type { Change } from './confChange.ts';
import { type ConfTree, parseConf } from './confFile.ts';
import { resolveOption } from './options.ts';
import { type Repository, repositoriesOf } from './repository.ts';
import { stanzasOf } from './sections.ts';
import { type Setting, settingOfOption } from './setting.ts';

/** A pgBackRest configuration, wherever it was written: a file, or an entry of a Secret or ConfigMap. */
export class Conf {
  readonly kind = 'pgbackrest.conf' as const;
  readonly tree: ConfTree;
  readonly settings: Setting[];

  constructor(
    readonly part: Part,
    readonly text: MappedText,
    /** The entry that holds it; undefined for a file. */
    readonly entry: SecretEntry | undefined,
  ) {
    this.tree = parseConf(text.text);
    this.settings = this.tree.sections.flatMap((section) => section.options.map((it) => settingOfOption(text, it)));
  }

  /** For messages: `pgbackrest.conf` or `s3.conf in Secret db/pgbackrest`. */
  get title(): string {
    if (!this.entry) return decodeURIComponent(this.part.uri.split('/').at(-1) ?? 'pgbackrest.conf');
    return `${this.entry.name} in ${this.entry.secret.title}`;
  }

  /** true for pgbackrest.conf.example and its like: what stands there is to be replaced. */
  get isExample(): boolean {
    return /\.(?:example|sample|dist|template|tmpl|tpl|j2|in)\b|example[^/]*$/i.test(
      this.part.uri.split('/').at(-1) ?? '',
    );
  }

  /** The stanzas that have a section, in order. */
  get stanzas(): string[] {
    return stanzasOf(this.tree.sections);
  }

  place(start: number, end: number): Place {
    return this.text.place(start, end);
  }

  /** Changes of the text as edits of the host file; together, since a conf in base64 is rewritten whole. */
  edits(...changes: Change[]): Edit[] {
    return this.text.edits(changes);
  }

  /** true for a setting that stands in this very conf, not in another one that is read with it. */
  holds(setting: Setting): boolean {
    return setting.origin.kind === 'conf' && setting.origin.text === this.text;
  }

  /** The repositories as commands with this --stanza see them; without one, as `info` sees them. */
  repositories(stanza?: string): Repository[] {
    return repositoriesOf(this.settings, stanza);
  }
}

export function confOfFile(part: Part): Conf {
  return new Conf(part, MappedText.plain(part), undefined);
}

/** An entry that holds a pgBackRest configuration: by its name, or by what stands in it. */
export function confOfEntry(entry: SecretEntry): Conf | undefined {
  if (!entry.text || entry.container === 'generator') return undefined;
  let conf = confs.get(entry);
  if (!conf && looksLikeConf(entry.text.text, entry.name.endsWith('.conf'))) {
    conf = new Conf(entry.secret.part, entry.text, entry);
    confs.set(entry, conf);
  }
  return conf;
}

/** An entry is asked for by every cluster that mounts it, and never changes. */
const confs = new WeakMap<SecretEntry, Conf>();

/** A configuration has some dozens of lines, in UTF-16 units; what is larger only bears its name. */
export const largestConf = 200_000;

/**
 * Other programs have `.conf` files too, and a `pgbackrest.conf` may hold something else: before a word is said, at least one
 * line must be an option of pgBackRest. With a name that speaks for it, a lone `[global]` will do.
 */
export function looksLikeConf(text: string, hasTellingName: boolean): boolean {
  if (text.length > largestConf || text.includes('\u0000')) return false;
  for (const line of text.matchAll(/^[\uFEFF \t]*([A-Za-z][A-Za-z0-9_-]*)[ \t]*=/gm)) {
    const resolved = resolveOption(line[1]!.toLowerCase().replaceAll('_', '-'));
    if (resolved.definition && (resolved.definition.group || hasTellingName)) return true;
    if (/^(?:repo|pg)\d*-|^cy?i?pher-/.test(line[1]!.toLowerCase())) return true;
  }
  return hasTellingName && /^[\uFEFF \t]*\[(?:global|stanza)\b/im.test(text);
}
