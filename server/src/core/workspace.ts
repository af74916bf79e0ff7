import type { Finding } from './finding.ts';
import { matchesGlob } from './glob.ts';
import { AskedHistory, type FileRecord } from './history.ts';
import { Index, Query } from './index.ts';
import { Asked, Examinations } from './keys/examinations.ts';
import type { OpenpgpExamination, PendingExamination } from './keys/openpgp.ts';
import { mayHoldManifest, passOver, readDocument, type Subject, type SubjectKind, type YamlDocument } from './kinds.ts';
import { inFile, Part } from './part.ts';
import { type Conf, confOfEntry, confOfFile, looksLikeConf } from './pgbackrest/conf.ts';
import type { Resource } from './resource.ts';
import { GlobalOptions, PostgresClusterResource } from './resources/postgresCluster.ts';
import { ConfigMapResource, SecretResource } from './resources/secret.ts';
import type { AnyRule, RuleContext, Targets } from './rule.ts';
import { isSettingsFile, noSettings, type Settings, SettingsFile } from './settings.ts';
import type { Script } from './shell/script.ts';
import { scriptFileKind, scriptsOfFile, scriptsOfResource } from './shell/scriptsOf.ts';
import { isSilenced, type Silence, Silences, silencesOf } from './silence.ts';
import { splitDocuments } from './yaml/parse.ts';

/**
 * The URI scheme of views (queries/entryView.ts): texts that are read for completion and hover, and are nothing but another
 * look at a file that is here already. They define nothing, and no rule looks at them.
 */
export const viewScheme = 'restorable-entry:';

/** What a file is, when its name does not say it: an editor's language id. */
export type FileLanguage = 'yaml' | 'conf' | 'shell' | 'settings' | 'other';

/** One part with everything that was read from it. */
interface Unit {
  part: Part;
  document: YamlDocument | undefined;
  resources: Resource[];
  confs: Conf[];
  scripts: Script[];
  settings: SettingsFile | undefined;
  silences: Silence[];
  findings: Finding[];
  /** Those of them for which their rules asked nothing beyond the part itself. */
  certain: ReadonlySet<Finding>;
  /** What the rules asked; undefined = not checked yet. */
  query: Query | undefined;
  /** The keys that the rules want to have examined. */
  asked: Asked | undefined;
  /** What they asked about the past. */
  history: AskedHistory | undefined;
}

interface FileState {
  uri: string;
  text: string;
  language: FileLanguage;
  units: Unit[];
  /** What was told last of the findings that its comments were held against. */
  told: { found: readonly Finding[]; settings: number; findings: Finding[] } | undefined;
}

/**
 * All files with their facts and findings. Offsets only, no protocol, no file system: whoever owns it tells it texts.
 * A change re-reads the parts whose text changed, and re-runs the rules that asked about names those parts define or use.
 */
export class Workspace {
  readonly index: Index;
  readonly #files = new Map<string, FileState>();
  readonly #examinations = new Examinations();
  /** What was asked for from outside; beats every settings file. */
  #own: Settings = noSettings();
  #settingsChanges = 0;
  /** By folder, with a slash at the end. */
  readonly #settingsFiles = new Map<string, SettingsFile>();
  /** The committed state of the files that differ from it. */
  #committed: Workspace | undefined;
  readonly #committedIndex = new Index();
  readonly #records = new Map<string, FileRecord>();
  readonly #ruleIds: readonly string[];
  /** By the kind of what they look at: most of two hundred rules have nothing to say about a given subject. */
  readonly #rulesOf = new Map<string, AnyRule[]>();

  constructor(
    readonly rules: readonly AnyRule[],
    index = new Index(),
  ) {
    this.index = index;
    this.#ruleIds = rules.map((it) => it.id);
    for (const rule of rules) {
      for (const kind of rule.kinds) this.#rulesOf.set(kind, [...(this.#rulesOf.get(kind) ?? []), rule]);
    }
  }

  get uris(): string[] {
    return [...this.#files.keys()];
  }

  text(uri: string): string | undefined {
    return this.#files.get(uri)?.text;
  }

  /** For the newest versions, but where somebody says otherwise: the settings from outside, then those of the nearest file. */
  targetsFor(uri: string): Targets {
    return { ...this.#settingsFileFor(uri)?.settings.targets, ...this.#own.targets };
  }

  get targets(): Targets {
    return this.#own.targets;
  }

  setTargets(targets: Targets): void {
    this.setSettings({ ...this.#own, targets });
  }

  /** Settings from outside, of an editor or of a command line: they beat those of files. */
  setSettings(settings: Settings): void {
    this.#own = settings;
    this.#recheck(() => true);
  }

  /** true where findings in a file are not told. */
  isIgnored(uri: string): boolean {
    const file = this.#settingsFileFor(uri);
    if (file && isBelow(uri, file.folder) && matchesAny(file.settings.ignore, uri.slice(file.folder.length)))
      return true;
    return this.#own.ignore.length > 0 && matchesAny(this.#own.ignore, uri.replace(/^[^/]*\/\/[^/]*\//, ''));
  }

  /**
   * The committed text of a file that differs from it or has gone; undefined: the file is as it was committed, or new.
   * Never the text of files that did not change: what is in here is taken for changed.
   */
  setCommitted(uri: string, text: string | undefined): void {
    this.#committed ??= new Workspace([], this.#committedIndex);
    if (text === undefined) this.#committed.deleteFile(uri);
    else this.#committed.setFile(uri, text);
  }

  get committedUris(): string[] {
    return this.#committed?.uris ?? [];
  }

  setRecord(uri: string, record: FileRecord | undefined): void {
    const before = this.#records.get(uri);
    if (before?.isTracked === record?.isTracked && before?.mode === record?.mode) return;
    if (record) this.#records.set(uri, record);
    else this.#records.delete(uri);
    for (const it of this.#files.get(uri)?.units ?? []) it.query = undefined;
  }

  /** Adds or replaces a file. `language` beats the file's name. */
  setFile(uri: string, text: string, language?: FileLanguage): void {
    const before = this.#files.get(uri);
    const kind = language ?? before?.language ?? languageOf(uri, text);
    if (before && before.text === text && before.language === kind) return;
    const pieces = kind === 'yaml' ? splitDocuments(text) : kind === 'other' ? [] : [{ start: 0, text }];
    const old = before && before.language === kind ? before.units : [];
    if (before && before.language !== kind) for (const it of before.units) this.#forget(it);

    // Parts above and below a change stay as they are; only their place in the file moves.
    let head = 0;
    while (head < old.length && head < pieces.length && old[head]!.part.text === pieces[head]!.text) head++;
    let tail = 0;
    while (
      tail < old.length - head &&
      tail < pieces.length - head &&
      old[old.length - 1 - tail]!.part.text === pieces[pieces.length - 1 - tail]!.text
    ) {
      tail++;
    }
    for (const it of old.slice(head, old.length - tail)) this.#forget(it);
    const tooMuch = kind === 'yaml' ? beyondLimit(pieces, text.length) : new Set();
    const [firstTooMuch] = tooMuch;
    const units = [
      ...old.slice(0, head),
      ...pieces
        .slice(head, pieces.length - tail)
        .map((it) =>
          this.#read(
            new Part(uri, it.text, it.start, kind === 'conf' || kind === 'shell' ? kind : 'yaml'),
            it === firstTooMuch,
            tooMuch.has(it),
          ),
        ),
      ...old.slice(old.length - tail),
    ];
    for (const [i, it] of units.entries()) it.part.start = pieces[i]!.start;
    this.#files.set(uri, { uri, text, language: kind, units, told: undefined });
  }

  deleteFile(uri: string): void {
    for (const it of this.#files.get(uri)?.units ?? []) this.#forget(it);
    this.#files.delete(uri);
  }

  /**
   * Every finding of every file, by the file it stands in, but those that a comment silences and those of ignored files.
   * Runs only the rules whose answer may have changed.
   */
  findings(): Map<string, Finding[]> {
    const byUri = new Map<string, Finding[]>();
    for (const uri of this.#files.keys()) if (!uri.startsWith(viewScheme)) byUri.set(uri, []);
    // Two storages that use one key have one mistake together, in the Secret.
    const elsewhere = new Set<string>();
    for (const file of this.#files.values()) {
      if (file.uri.startsWith(viewScheme)) continue;
      for (const unit of file.units) {
        if (!unit.query?.isCurrent() || !unit.history?.isCurrent()) this.#check(unit);
        for (const it of unit.findings) {
          if (it.at.part !== unit.part) {
            const { uri, start, end } = inFile(it.at);
            const same = `${it.rule} ${uri} ${start} ${end} ${it.message}`;
            if (elsewhere.has(same)) continue;
            elsewhere.add(same);
          }
          byUri.get(it.at.part.uri)?.push(it);
        }
      }
    }
    for (const [uri, found] of byUri) {
      if (this.isIgnored(uri)) byUri.set(uri, []);
      else if (this.#files.get(uri)?.units.some((it) => it.silences.length > 0)) byUri.set(uri, this.#told(uri, found));
    }
    return byUri;
  }

  /**
   * The findings of one file that are true whatever the other files say, to be told before those are read: of rules that
   * asked only the part at hand. The settings above the file must be known by then.
   */
  certainFindings(uri: string): Finding[] {
    const file = this.#files.get(uri);
    if (!file || uri.startsWith(viewScheme) || this.isIgnored(uri)) return [];
    const silences = file.units.flatMap((it) => it.silences);
    const found: Finding[] = [];
    for (const unit of file.units) {
      if (!unit.query?.isCurrent() || !unit.history?.isCurrent()) this.#check(unit);
      for (const it of unit.findings) {
        if (unit.certain.has(it) && it.at.part === unit.part && !isSilenced(it, silences)) found.push(it);
      }
    }
    return found;
  }

  /**
   * The keys that rules wait for, as of the last `findings()`. The owner examines them (server/src/keyExaminer.ts does), tells
   * `settle`, and asks for the findings again.
   */
  pendingExaminations(): PendingExamination[] {
    const pending = new Map<string, PendingExamination>();
    for (const file of this.#files.values()) {
      for (const unit of file.units) for (const it of unit.asked?.pending ?? []) pending.set(it.id, it);
    }
    return [...pending.values()];
  }

  /** The answer to one of `pendingExaminations`. An answer that nobody waits for any more does no harm. */
  settle(id: string, examination: OpenpgpExamination): void {
    this.#examinations.settle(id, examination);
    for (const file of this.#files.values()) {
      for (const unit of file.units) if (unit.asked?.has(id)) unit.query = undefined;
    }
  }

  /** The part at an offset of a file, with what was read from it. */
  unitAt(uri: string, offset: number): (Readonly<Unit> & { offset: number }) | undefined {
    const units = this.#files.get(uri)?.units ?? [];
    const unit = units.findLast((it) => it.part.start <= offset) ?? units[0];
    return unit && { ...unit, offset: offset - unit.part.start };
  }

  units(uri: string): readonly Readonly<Unit>[] {
    return this.#files.get(uri)?.units ?? [];
  }

  /** Questions outside of rules: completion, rename and their like. */
  query(): Query {
    return new Query(this.index);
  }

  #read(part: Part, isFirstTooMuch: boolean, isTooMuch: boolean): Unit {
    const unit: Unit = {
      part,
      document: undefined,
      resources: [],
      confs: [],
      scripts: [],
      settings: undefined,
      silences: [],
      findings: [],
      certain: new Set(),
      query: undefined,
      asked: undefined,
      history: undefined,
    };
    this.#readPart(unit, isFirstTooMuch, isTooMuch);
    unit.silences = silencesOf(part, unit.confs);
    return unit;
  }

  #readPart(unit: Unit, isFirstTooMuch: boolean, isTooMuch: boolean): void {
    const { part } = unit;
    if (isSettingsFile(part.uri)) {
      unit.settings = new SettingsFile(part);
      this.#settingsFiles.set(unit.settings.folder, unit.settings);
      this.#recheck((uri) => isBelow(uri, unit.settings!.folder));
      return;
    }
    if (part.language === 'conf') {
      const conf = confOfFile(part);
      unit.confs.push(conf);
      if (!part.uri.startsWith(viewScheme)) this.index.addConf(conf);
      return;
    }
    if (part.language === 'shell') {
      unit.scripts = scriptsOfFile(part);
      return;
    }
    if (isTooMuch) {
      if (isFirstTooMuch) unit.document = passOver(part);
      return;
    }
    if (part.uri.startsWith(viewScheme)) return;
    unit.document = readDocument(part);
    unit.resources = unit.document?.resources ?? [];
    for (const it of unit.resources) {
      this.index.addResource(it);
      unit.scripts.push(...scriptsOfResource(it));
      if (it instanceof SecretResource || it instanceof ConfigMapResource) {
        for (const entry of it.entries) {
          const conf = confOfEntry(entry);
          if (conf) unit.confs.push(conf);
        }
      }
    }
  }

  #forget(unit: Unit): void {
    for (const it of unit.resources) this.index.removeResource(it);
    if (unit.part.uri.startsWith(viewScheme)) return;
    for (const it of unit.confs) if (!it.entry) this.index.removeConf(it);
    if (!unit.settings) return;
    const { folder } = unit.settings;
    if (this.#settingsFiles.get(folder) === unit.settings) this.#settingsFiles.delete(folder);
    this.#recheck((uri) => isBelow(uri, folder));
  }

  #recheck(which: (uri: string) => boolean): void {
    this.#settingsChanges++;
    for (const file of this.#files.values()) if (which(file.uri)) for (const it of file.units) it.query = undefined;
  }

  /** The settings of the file's folder, or of the nearest one above it that has any. */
  #settingsFileFor(uri: string): SettingsFile | undefined {
    if (this.#settingsFiles.size === 0) return undefined;
    for (let end = uri.lastIndexOf('/'); end > 0; end = uri.lastIndexOf('/', end - 1)) {
      const found = this.#settingsFiles.get(uri.slice(0, end + 1));
      if (found) return found;
    }
    return undefined;
  }

  /** What is left of a file's findings when its comments have had their say, and what is to be said of the comments. */
  #told(uri: string, found: Finding[]): Finding[] {
    const file = this.#files.get(uri)!;
    const { units, told: before } = file;
    const isSame = before?.found.length === found.length && before.found.every((it, i) => it === found[i]);
    if (isSame && before?.settings === this.#settingsChanges) return before.findings;
    const silences = units.flatMap((it) => it.silences);
    for (const it of silences) for (const rule of it.rules) rule.hidden = 0;
    const told = found.filter((it) => !isSilenced(it, silences));
    for (const unit of units) {
      if (unit.silences.length === 0) continue;
      const about = this.#ask(unit, [new Silences(unit.part, unit.silences)]);
      told.push(...about.findings);
    }
    file.told = { found, settings: this.#settingsChanges, findings: told };
    return told;
  }

  #check(unit: Unit): void {
    const subjects: (Subject | Resource)[] = [...unit.resources, ...unit.confs, ...unit.scripts];
    for (const it of unit.resources) {
      if (it instanceof PostgresClusterResource)
        for (const scope of it.scopes) subjects.push(new GlobalOptions(it, scope));
    }
    if (unit.document) subjects.unshift(unit.document);
    if (unit.settings) subjects.push(unit.settings);
    const { findings, certain, query, asked, history } = this.#ask(unit, subjects);
    unit.findings = unit.document ? readable(findings, unit.document) : findings;
    unit.certain = certain;
    unit.query = query;
    unit.asked = asked;
    unit.history = history;
  }

  /** What the rules say about some subjects of one part, and what they asked for it. */
  #ask(unit: Unit, subjects: readonly (Subject | Resource)[]) {
    const query = new Query(this.index);
    const asked = new Asked(this.#examinations);
    const history = new AskedHistory(this.#committedIndex, this.#records);
    const target = this.targetsFor(unit.part.uri);
    const wanted = this.#settingsFileFor(unit.part.uri)?.settings.severity;
    const findings: Finding[] = [];
    const certain = new Set<Finding>();
    const told = new Set<string>();
    let rule: AnyRule;
    let severity: Finding['severity'] | undefined;
    const context: RuleContext = {
      query,
      keys: asked,
      target,
      history,
      ruleIds: this.#ruleIds,
      report: (at, message, options = {}) => {
        // An anchor gives one text to several entries: what is wrong with it is wrong once.
        const same = `${rule.id} ${at.part.uri} ${at.part.start + at.start} ${at.end - at.start} ${message}`;
        if (told.has(same)) return;
        told.add(same);
        const fixes = [options.fix, ...(options.fixes ?? [])].filter((it) => it !== undefined);
        findings.push({
          rule: rule.id,
          severity: severity ?? options.severity ?? rule.severity,
          at,
          message,
          fixes,
          related: options.related ?? [],
          tags: options.tags ?? [],
        });
      },
    };
    const questions = () => query.questions + asked.questions + history.questions;
    for (const subject of subjects) {
      for (rule of ('kind' in subject && this.#rulesOf.get(subject.kind as SubjectKind)) || []) {
        const wantedSeverity = this.#own.severity.get(rule.id) ?? wanted?.get(rule.id);
        if (wantedSeverity === 'off') continue;
        severity = wantedSeverity;
        const [before, first] = [questions(), findings.length];
        try {
          rule.check(subject as never, context);
        } catch (error) {
          // A rule that fails must cost neither the other rules nor the editor. Tests set this to see it.
          if (Workspace.onRuleError) Workspace.onRuleError(rule.id, error);
        }
        if (questions() === before) for (const it of findings.slice(first)) certain.add(it);
      }
    }
    return { findings, certain, query, asked, history };
  }

  static onRuleError: ((rule: string, error: unknown) => void) | undefined;
}

function isBelow(uri: string, folder: string): boolean {
  return uri.startsWith(folder);
}

function matchesAny(globs: readonly string[], path: string): boolean {
  let plain = path;
  try {
    plain = decodeURIComponent(path);
  } catch {
    // A name that is no UTF-8 is compared as it is written.
  }
  return globs.some((it) => matchesGlob(it, plain));
}

/** What is read of one file, so that it is parsed within a second: UTF-16 units of manifests, and how many of them. */
export const mostReadPerFile = 2_000_000;
const mostManifestsPerFile = 3_000;

/** The documents of ours that stand behind the limit, in order. */
function beyondLimit<T extends { text: string }>(pieces: readonly T[], length: number): Set<T> {
  const beyond = new Set<T>();
  if (length <= mostReadPerFile && pieces.length <= mostManifestsPerFile) return beyond;
  let read = 0;
  let manifests = 0;
  for (const it of pieces) {
    if (!mayHoldManifest(it.text)) continue;
    read += it.text.length;
    manifests++;
    if (read > mostReadPerFile || manifests > mostManifestsPerFile) beyond.add(it);
  }
  return beyond;
}

/** What a half-typed document says behind its first syntax error is the parser's guess: only the error itself is told. */
function readable(findings: Finding[], { part, parsed }: YamlDocument): Finding[] {
  const [error] = parsed.errors;
  if (!error) return findings;
  const cut = part.text.lastIndexOf('\n', error.at.start - 1) + 1;
  return findings.filter((it) => it.rule === 'yaml-syntax' || it.at.part !== part || it.at.start < cut);
}

/** `cluster.yaml.tpl` and `pgbackrest.conf.j2` without the renderer's ending: what a renderer leaves alone can be judged. */
export function withoutRenderer(name: string): string {
  return name.replace(/\.(?:j2|jinja2?|tmpl|tpl|tftpl|gotmpl|template|erb|in)$/i, '');
}

/** By name, and for `.conf` files by what stands in them. */
export function languageOf(uri: string, text: string): FileLanguage {
  if (isSettingsFile(uri)) return 'settings';
  if (/\.(?:ya?ml|json)$/i.test(withoutRenderer(uri)) || /\/Kustomization$/.test(uri)) return 'yaml';
  const name = withoutRenderer(uri.slice(uri.lastIndexOf('/') + 1));
  const isTelling = /pgbackrest/i.test(uri);
  if (/\.conf(?:\.example|\.sample|\.dist)?$/i.test(name) && looksLikeConf(text, isTelling)) return 'conf';
  // Written for conf.d, and never read there: its name is the mistake.
  if (/\/conf\.d\/[^/]+\.(?:cnf|ini|cfg|config|txt)$/i.test(uri) && looksLikeConf(text, false)) return 'conf';
  return scriptFileKind(uri, text) ? 'shell' : 'other';
}
