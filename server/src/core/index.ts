import { type Fact, isSameSymbol, type SymbolName } from './facts.ts';
import type { Conf } from './pgbackrest/conf.ts';
import type { Resource } from './resource.ts';

/**
 * The facts of all files, by name. Every bucket counts its changes, so that a finding that was made from some buckets is
 * known to be still true as long as their counts are the same.
 */
export class Index {
  readonly #buckets = new Map<
    string,
    {
      version: number;
      facts: Set<Fact>;
      resources: Set<Resource>;
      confs: Set<Conf>;
      /** Answers made from the others, as long as these do not change: a thousand objects of one name ask the same. */
      answers: Map<string, unknown>;
    }
  >();

  /** Answers made from several buckets. */
  readonly #made = new Map<string, { versions: readonly number[]; answer: unknown }>();

  addResource(resource: Resource): void {
    this.#bucket(kindKey(resource.manifestKind)).resources.add(resource);
    this.#touch(kindKey(resource.manifestKind));
    for (const it of resource.places) {
      this.#bucket(placeKey(it)).resources.add(resource);
      this.#touch(placeKey(it));
    }
    for (const it of resource.facts) {
      this.#bucket(symbolKey(it.symbol)).facts.add(it);
      this.#touch(symbolKey(it.symbol));
    }
  }

  removeResource(resource: Resource): void {
    this.#bucket(kindKey(resource.manifestKind)).resources.delete(resource);
    this.#touch(kindKey(resource.manifestKind));
    for (const it of resource.places) {
      this.#bucket(placeKey(it)).resources.delete(resource);
      this.#touch(placeKey(it));
    }
    for (const it of resource.facts) {
      this.#bucket(symbolKey(it.symbol)).facts.delete(it);
      this.#touch(symbolKey(it.symbol));
    }
  }

  addConf(conf: Conf): void {
    const key = folderKey(conf.part.uri);
    this.#bucket(key).confs.add(conf);
    this.#touch(key);
  }

  removeConf(conf: Conf): void {
    const key = folderKey(conf.part.uri);
    this.#bucket(key).confs.delete(conf);
    this.#touch(key);
  }

  /** What was made for a question, as long as none of some buckets changes. */
  made(question: string, keys: readonly string[], make: () => unknown): unknown {
    const versions = keys.map((it) => this.version(it));
    const known = this.#made.get(question);
    if (known && versions.every((it, i) => it === known.versions[i])) return known.answer;
    const answer = make();
    this.#made.set(question, { versions, answer });
    return answer;
  }

  version(key: string): number {
    return this.#buckets.get(key)?.version ?? 0;
  }

  bucket(key: string): {
    version: number;
    facts: ReadonlySet<Fact>;
    resources: ReadonlySet<Resource>;
    confs: ReadonlySet<Conf>;
    answers: Map<string, unknown>;
  } {
    return this.#buckets.get(key) ?? EMPTY;
  }

  #bucket(key: string) {
    let it = this.#buckets.get(key);
    if (!it) {
      it = { version: 0, facts: new Set(), resources: new Set(), confs: new Set(), answers: new Map() };
      this.#buckets.set(key, it);
    }
    return it;
  }

  #touch(key: string): void {
    const bucket = this.#bucket(key);
    bucket.version++;
    if (bucket.answers.size > 0) bucket.answers.clear();
  }
}

const EMPTY = {
  version: 0,
  facts: new Set<Fact>(),
  resources: new Set<Resource>(),
  confs: new Set<Conf>(),
  // Nothing is remembered about what is not there.
  answers: { get: () => undefined, set: () => undefined } as unknown as Map<string, unknown>,
};

export const symbolKey = (it: SymbolName): string => `${it.kind}|${it.owner ?? ''}|${it.name}`;
export const placeKey = (place: string): string => `place|${place}`;
export const kindKey = (manifestKind: string): string => `kind|${manifestKind}`;
export const folderKey = (uri: string): string => `folder|${uri.slice(0, uri.lastIndexOf('/'))}`;

/** Questions to the index. Remembers what was asked, so that the answer's reader knows when to ask again. */
export class Query {
  readonly asked = new Map<string, number>();
  /** How often something was asked, the same again included: who asked nothing in between needs no other file. */
  questions = 0;

  constructor(private readonly index: Index) {}

  /** For those who remember what they made of answers: giving it again is asking again. */
  again(): void {
    this.questions++;
  }

  /** Every definition that this name can mean, in no order. */
  definitionsOf(symbol: SymbolName): readonly Fact[] {
    return this.#facts(symbol, 'definition');
  }

  referencesTo(symbol: SymbolName): readonly Fact[] {
    return this.#facts(symbol, 'reference');
  }

  /**
   * The definition that a reference means. Of several (base and overlays, two namespaces left open), the one whose namespace
   * is the same beats one without, and the nearer file beats the farther.
   */
  resolve({ symbol, at }: Fact): Fact | undefined {
    const { uri } = at.part;
    const { answers } = this.#ask(symbolKey(symbol));
    const question = `nearest|${symbol.namespace ?? ''}|${uri}`;
    const known = answers.get(question) as { fact: Fact | undefined } | undefined;
    if (known) return known.fact;
    const fact = this.best(this.#facts(symbol, 'definition'), symbol, uri);
    answers.set(question, { fact });
    return fact;
  }

  best(candidates: readonly Fact[], symbol: SymbolName, nearUri: string): Fact | undefined {
    let best: Fact | undefined;
    let bestRank = Number.POSITIVE_INFINITY;
    for (const it of candidates) {
      const rank = rankOf(it, symbol, nearUri);
      if (rank < bestRank) [best, bestRank] = [it, rank];
      // The first of several in the same file wins: no other can be nearer.
      if (rank === 0) break;
    }
    return best;
  }

  /** Every definition that a name in this file can mean, the likeliest first. */
  ranked(symbol: SymbolName, nearUri: string): readonly Fact[] {
    const { answers } = this.#ask(symbolKey(symbol));
    const question = `ranked|${symbol.namespace ?? ''}|${nearUri}`;
    let found = answers.get(question) as readonly Fact[] | undefined;
    if (!found) {
      found = this.#facts(symbol, 'definition')
        .map((fact) => ({ fact, rank: rankOf(fact, symbol, nearUri) }))
        .sort((one, two) => one.rank - two.rank)
        .map((it) => it.fact);
      answers.set(question, found);
    }
    return found;
  }

  /** All objects of a manifest kind, e.g. `PerconaPGCluster`. */
  resources(...manifestKinds: string[]): readonly Resource[] {
    const lists = manifestKinds.map((it) => this.#ofKind(it)).filter((it) => it.length > 0);
    return lists.length === 1 ? lists[0]! : lists.flat();
  }

  #ofKind(manifestKind: string): readonly Resource[] {
    const { resources, answers } = this.#ask(kindKey(manifestKind));
    let found = answers.get('all') as readonly Resource[] | undefined;
    if (!found) {
      found = [...resources];
      answers.set('all', found);
    }
    return found;
  }

  /**
   * Something made of all references to a name, made once for all who ask until one of them changes: a thousand objects of
   * one name ask the same. `what` names it among the things that are made so.
   */
  fromReferences<T>(symbol: SymbolName, what: string, make: (references: readonly Fact[]) => T): T {
    return this.#made(symbolKey(symbol), `${what}|references|${symbol.namespace ?? ''}`, () =>
      make(this.referencesTo(symbol)),
    );
  }

  /** As `fromReferences`, of all definitions that a name can mean. */
  fromDefinitions<T>(symbol: SymbolName, what: string, make: (definitions: readonly Fact[]) => T): T {
    return this.#made(symbolKey(symbol), `${what}|definitions|${symbol.namespace ?? ''}`, () =>
      make(this.definitionsOf(symbol)),
    );
  }

  /** As `fromReferences`, of all objects of some manifest kinds; `make` must ask for nothing else. */
  fromResources<T>(manifestKinds: readonly string[], what: string, make: (resources: readonly Resource[]) => T): T {
    for (const it of manifestKinds) this.#ask(kindKey(it));
    return this.index.made(`${what}|${manifestKinds.join()}`, manifestKinds.map(kindKey), () =>
      make(this.resources(...manifestKinds)),
    ) as T;
  }

  /** All objects that use a place outside of the files: asking for one place costs nothing when there are many others. */
  usersOf(place: string): Resource[] {
    return [...this.#ask(placeKey(place)).resources];
  }

  /** The pgBackRest configurations that are files of this folder. */
  confsInFolder(folderUri: string): Conf[] {
    return [...this.#ask(`folder|${folderUri}`).confs];
  }

  isCurrent(): boolean {
    for (const [key, version] of this.asked) if (this.index.version(key) !== version) return false;
    return true;
  }

  #made<T>(key: string, question: string, make: () => T): T {
    const { answers } = this.#ask(key);
    const known = answers.get(question) as { made: T } | undefined;
    if (known) return known.made;
    const made = make();
    answers.set(question, { made });
    return made;
  }

  #facts(symbol: SymbolName, role: Fact['role']): readonly Fact[] {
    const { facts, answers } = this.#ask(symbolKey(symbol));
    const question = `${role}|${symbol.namespace ?? ''}`;
    let found = answers.get(question) as readonly Fact[] | undefined;
    if (!found) {
      found = [...facts].filter((it) => it.role === role && isSameSymbol(it.symbol, symbol));
      answers.set(question, found);
    }
    return found;
  }

  #ask(key: string) {
    this.questions++;
    this.asked.set(key, this.index.version(key));
    return this.index.bucket(key);
  }
}

/** The same namespace beats an open one, and the nearer file the farther. */
function rankOf(candidate: Fact, symbol: SymbolName, nearUri: string): number {
  const foreign = candidate.symbol.namespace === symbol.namespace ? 0 : 1_000;
  return foreign + distance(nearUri, candidate.at.part.uri);
}

/** How many folders lie between two files; two files of one folder are farther from each other than each from itself. */
function distance(a: string, b: string): number {
  if (a === b) return 0;
  const folder = a.lastIndexOf('/');
  if (folder === b.lastIndexOf('/') && a.slice(0, folder) === b.slice(0, folder)) return 0.5;
  const one = a.split('/').slice(0, -1);
  const two = b.split('/').slice(0, -1);
  let same = 0;
  while (same < one.length && same < two.length && one[same] === two[same]) same++;
  return 0.5 + one.length + two.length - 2 * same;
}
