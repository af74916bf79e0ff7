import type { Fact, SymbolName } from './facts.ts';
import type { Part, Place } from './part.ts';
import type { YamlNode } from './yaml/node.ts';

/** What every Kubernetes object has in common, and the facts that its reader collects. */
export class Resource {
  readonly facts: Fact[] = [];
  /** What this object uses outside of all files and should have for itself, as `s3 endpoint bucket folder`; indexed. */
  readonly places: string[] = [];

  constructor(
    readonly part: Part,
    readonly node: YamlNode,
    readonly apiVersion: string,
    /** The manifest's own `kind`. */
    readonly manifestKind: string,
  ) {
    this.#name = node.textAt('metadata.name') ?? '';
    this.namespace = node.textAt('metadata.namespace') || undefined;
  }

  // Rules that look for a near name ask every object for its own.
  readonly #name: string;
  readonly namespace: string | undefined;

  get name(): string {
    return this.#name;
  }

  /** Where a finding about the object as such belongs: its name, else its kind. */
  get namePlace(): Place {
    return this.node.get('metadata.name')?.place ?? this.node.get('kind')?.place ?? this.part.whole;
  }

  /** `SGObjectStorage db/backups`, for messages. */
  get title(): string {
    return `${this.manifestKind} ${this.namespace ? `${this.namespace}/` : ''}${this.name}`;
  }

  define(symbol: Omit<SymbolName, 'namespace'>, at: YamlNode | undefined, path: string): void {
    this.fact('definition', { ...symbol, namespace: this.namespace }, at, path);
  }

  /** An absent node is no reference; an empty one is: its name is ''. */
  refer(
    symbol: Omit<SymbolName, 'name' | 'namespace'> & { namespace?: string },
    at: YamlNode | undefined,
    path: string,
  ): Fact | undefined {
    if (!at || at.isMap || at.isList) return undefined;
    return this.fact('reference', { namespace: this.namespace, ...symbol, name: at.text ?? '' }, at, path);
  }

  private fact(role: Fact['role'], symbol: SymbolName, at: YamlNode | undefined, path: string): Fact {
    const fact = { role, symbol, at: at ? inner(at) : this.namePlace, path, resource: this };
    this.facts.push(fact);
    return fact;
  }
}

/** The name itself without the quotes around it. */
function inner(node: YamlNode): Place {
  const mapped = node.mapped;
  return mapped?.isExact && mapped.text.length > 0 ? mapped.place(0, mapped.text.length) : node.place;
}
