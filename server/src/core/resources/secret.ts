import type { Edit, Part, Place } from '../part.ts';
import { isOpaque } from '../pgbackrest/values.ts';
import { Resource } from '../resource.ts';
import { type Base64Problem, decodeBase64, decodedText } from '../text/base64.ts';
import { withoutFinalFeeds } from '../text/lineBreaks.ts';
import type { MappedText } from '../text/mappedText.ts';
import type { YamlNode } from '../yaml/node.ts';

/**
 * A Secret, or what makes one: SealedSecret, ExternalSecret, a Kustomize secretGenerator, the Vault operator's kinds …
 * Whoever mounts it sees named entries; what a vault or a renderer still has to fill is opaque.
 */
export class SecretResource extends Resource {
  readonly kind = 'Secret' as const;
  readonly entries: SecretEntry[] = [];
  /** false for a plain Secret in clear text; true where the values come from elsewhere (sealed, external, SOPS). */
  isManagedElsewhere = false;
  /** true where there may be entries that nobody can list here (`dataFrom`, Vault). */
  hasUnknownEntries = false;
  /** The name the Secret gets, where it is not `metadata.name`. */
  secretName = '';

  override get name(): string {
    return this.secretName || super.name;
  }

  /** The entry that counts: stringData wins over data, the later of two equal names wins. */
  entry(name: string): SecretEntry | undefined {
    const all = this.entries.filter((it) => it.name === name);
    return all.filter((it) => it.container === 'stringData').at(-1) ?? all.at(-1);
  }
}

export interface SecretEntry {
  name: string;
  secret: SecretResource | ConfigMapResource;
  container: 'data' | 'stringData' | 'binaryData' | 'template' | 'generator';
  keyPlace: Place;
  /** The scalar in the manifest; undefined for a literal of a generator or an entry known by name only. */
  node: YamlNode | undefined;
  /** true where the value is filled elsewhere: no judgement about it is possible. */
  isOpaque: boolean;
  /** The scalar's text as it stands in the file, with places; for a literal, what stands behind the `=`. */
  source: MappedText | undefined;
  /**
   * The value as text with places; undefined when not decodable or binary. An opaque value has one only where it is a file
   * whose visible lines can be judged.
   */
  text: MappedText | undefined;
  /** The bytes a Pod gets; undefined when opaque or not decodable. */
  bytes: Uint8Array | undefined;
  /** What keeps `data` from being decoded. */
  problem: Base64Problem | undefined;
  /** For a generator's `files:` entry: the file that holds the value, relative to the kustomization. */
  file?: string;
}

/** Writes another value into an entry, encoded as the entry wants it. Undefined where the value has no text here. */
export function setText(entry: SecretEntry, newText: string): Edit[] | undefined {
  const text = entry.text;
  if (!text) return undefined;
  if (entry.container === 'data' || entry.container === 'binaryData')
    return text.edits([{ start: 0, end: text.text.length, newText }]);
  // The line break at the end of a block scalar is also the end of its line.
  const end = withoutFinalFeeds(text.text).length;
  return text.edits([{ start: 0, end, newText: end < text.text.length ? withoutFinalFeeds(newText) : newText }]);
}

/** Takes the line breaks off the end of a value. */
export function withoutFinalBreak(entry: SecretEntry): Edit[] | undefined {
  const text = entry.text;
  if (!text) return undefined;
  const part = entry.secret.part;
  const start = entry.node?.place.start;
  const header = start === undefined ? undefined : /^[|>][1-9]?[+-]?/.exec(part.text.slice(start))?.[0];
  if (start !== undefined && header && entry.container !== 'data' && entry.container !== 'binaryData') {
    const bare = header.replace(/[+-]/, '');
    return [{ at: part.place(start, start + header.length), newText: `${bare}-` }];
  }
  return text.edits([{ start: 0, end: text.text.length, newText: withoutFinalFeeds(text.text) }]);
}

export class ConfigMapResource extends Resource {
  readonly kind = 'ConfigMap' as const;
  readonly entries: SecretEntry[] = [];
  isManagedElsewhere = false;

  entry(name: string): SecretEntry | undefined {
    return this.entries.filter((it) => it.name === name).at(-1);
  }
}

export function readSecret(part: Part, node: YamlNode, apiVersion: string, kind: string): SecretResource {
  const secret = new SecretResource(part, node, apiVersion, kind);
  secret.secretName = node.textAt('metadata.name') ?? '';
  const isSops = node.get('sops')?.isMap === true;
  secret.isManagedElsewhere = isSops;
  readEntries(secret, node.get('data'), 'data', isSops);
  readEntries(secret, node.get('stringData'), 'stringData', isSops);
  defineSecret(secret, node.get('metadata.name'));
  return secret;
}

export function readConfigMap(part: Part, node: YamlNode, apiVersion: string, kind: string): ConfigMapResource {
  const map = new ConfigMapResource(part, node, apiVersion, kind);
  const isSops = node.get('sops')?.isMap === true;
  map.isManagedElsewhere = isSops;
  for (const it of node.get('data')?.entries() ?? []) map.entries.push(entryOf(map, it, 'stringData', isSops));
  for (const it of node.get('binaryData')?.entries() ?? []) map.entries.push(entryOf(map, it, 'binaryData', isSops));
  map.define({ kind: 'configMap', name: map.name }, node.get('metadata.name'), 'metadata.name');
  for (const it of map.entries) {
    map.define({ kind: 'configMapEntry', name: it.name, owner: map.name }, it.node?.key, `data.${it.name}`);
  }
  return map;
}

/** Kinds that end as a Secret in the cluster. Where their entry names stand differs; the values are never here. */
export function readSecretStandIn(part: Part, node: YamlNode, apiVersion: string, kind: string): SecretResource {
  const secret = new SecretResource(part, node, apiVersion, kind);
  secret.isManagedElsewhere = true;
  const name =
    kind === 'ExternalSecret' || kind === 'ClusterExternalSecret'
      ? (node.get('spec.target.name') ?? node.get('spec.externalSecretSpec.target.name'))
      : kind === 'SealedSecret'
        ? node.get('spec.template.metadata.name')
        : (node.get('spec.destination.name') ??
          node.get('spec.managedSecret.name') ??
          node.get('spec.managedSecretReference.secretName'));
  const nameNode = name && !name.isNull ? name : node.get('metadata.name');
  secret.secretName = nameNode?.text ?? '';
  const spec = node.get('spec.externalSecretSpec') ?? node.get('spec');
  switch (kind) {
    case 'SealedSecret':
      for (const it of spec?.get('encryptedData')?.entries() ?? []) secret.entries.push(opaqueEntry(secret, it));
      readTemplate(secret, spec?.get('template.data'));
      readTemplate(secret, spec?.get('template.stringData'));
      break;
    case 'ExternalSecret':
    case 'ClusterExternalSecret': {
      const template = spec?.get('target.template.data');
      readTemplate(secret, template);
      // A template replaces the fetched keys unless it says Merge.
      if (!template || spec?.textAt('target.template.mergePolicy') === 'Merge') {
        for (const it of spec?.get('data')?.items() ?? []) {
          const key = it.get('secretKey');
          if (key) secret.entries.push({ ...opaqueEntry(secret, key), name: key.text ?? '' });
        }
      }
      secret.hasUnknownEntries =
        (spec?.get('dataFrom') !== undefined && !template) || spec?.get('target.template.templateFrom') !== undefined;
      break;
    }
    case 'SecretProviderClass':
      for (const it of spec?.get('secretObjects')?.items() ?? []) {
        secret.define(
          { kind: 'secret', name: it.textAt('secretName') ?? '' },
          it.get('secretName'),
          'spec.secretObjects',
        );
      }
      secret.hasUnknownEntries = true;
      return secret;
    default:
      secret.hasUnknownEntries = true;
  }
  defineSecret(secret, nameNode);
  return secret;
}

/** One `secretGenerator` or `configMapGenerator` entry of a kustomization. */
export function readGenerator(part: Part, node: YamlNode, kind: 'Secret' | 'ConfigMap'): SecretResource {
  const secret = new SecretResource(part, node, 'kustomize.config.k8s.io/v1beta1', kind);
  const name = node.get('name');
  secret.secretName = name?.text ?? '';
  const add = (entry: string, at: YamlNode, more: Partial<SecretEntry>) =>
    secret.entries.push({
      name: entry,
      secret,
      container: 'generator',
      keyPlace: at.place,
      node: undefined,
      isOpaque: true,
      source: undefined,
      text: undefined,
      bytes: undefined,
      problem: undefined,
      ...more,
    });
  for (const it of node.get('files')?.items() ?? []) {
    const text = it.text ?? '';
    const equals = text.indexOf('=');
    const file = equals < 0 ? text : text.slice(equals + 1);
    add(equals < 0 ? (file.split('/').at(-1) ?? file) : text.slice(0, equals), it, { file });
  }
  for (const it of node.get('literals')?.items() ?? []) {
    const text = it.text ?? '';
    const equals = text.indexOf('=');
    if (equals < 0) continue;
    const value = literalValue(it.mapped, equals + 1);
    const hidden = value === undefined || isFilledLater(value.text);
    add(text.slice(0, equals), it, {
      keyPlace: it.mapped?.place(0, equals) ?? it.place,
      isOpaque: hidden,
      source: value,
      text: hidden ? undefined : value,
      bytes: hidden ? undefined : new TextEncoder().encode(value.text),
    });
  }
  secret.hasUnknownEntries = (node.get('envs') ?? node.get('env')) !== undefined;
  secret.isManagedElsewhere =
    kind === 'Secret' && secret.entries.length > 0 && secret.entries.every((it) => it.isOpaque);
  secret.define({ kind: kind === 'Secret' ? 'secret' : 'configMap', name: secret.secretName }, name, 'name');
  for (const it of secret.entries) {
    secret.facts.push({
      role: 'definition',
      symbol: { kind: kind === 'Secret' ? 'secretEntry' : 'configMapEntry', name: it.name, owner: secret.secretName },
      at: it.keyPlace,
      path: 'files',
      resource: secret,
    });
  }
  return secret;
}

/** The part of a literal behind its `=`; Kustomize takes one pair of quotes off it. */
function literalValue(literal: MappedText | undefined, start: number): MappedText | undefined {
  if (!literal) return undefined;
  const isQuoted = /^(['"])[\s\S]*\1$/.test(literal.text.slice(start)) && literal.text.length > start + 1;
  const from = isQuoted ? start + 1 : start;
  const text = literal.text.slice(from, literal.text.length - (isQuoted ? 1 : 0));
  const head = literal.text.slice(0, from);
  const tail = isQuoted ? literal.text.slice(-1) : '';
  return literal.layer({
    text,
    from: Int32Array.from({ length: text.length }, (_, i) => from + i),
    to: Int32Array.from({ length: text.length }, (_, i) => from + i + 1),
    encode: (it) => head + it + tail,
  });
}

function readEntries(
  secret: SecretResource,
  map: YamlNode | undefined,
  container: 'data' | 'stringData',
  isSops: boolean,
): void {
  for (const it of map?.entries() ?? []) secret.entries.push(entryOf(secret, it, container, isSops));
}

function entryOf(
  secret: SecretResource | ConfigMapResource,
  node: YamlNode,
  container: 'data' | 'stringData' | 'binaryData',
  isSops: boolean,
): SecretEntry {
  const source = node.mapped;
  const raw = source?.text ?? '';
  const isElsewhere = isSops || raw.startsWith('ENC[') || node.hasForeignTag;
  const hidden = isElsewhere || isFilledLater(raw);
  const entry: SecretEntry = {
    name: node.key?.text ?? '',
    secret,
    container,
    keyPlace: node.keyPlace,
    node,
    isOpaque: hidden,
    source,
    text: undefined,
    bytes: undefined,
    problem: undefined,
  };
  if (node.isMap || node.isList) return entry;
  if (hidden) {
    // Lines of a file in which single values are filled later: what is visible around them can be judged.
    if (container === 'stringData' && !isElsewhere && raw.trim().includes('\n')) entry.text = source;
    if (container !== 'stringData' && !isElsewhere) entry.problem = visibleProblem(raw);
    return entry;
  }
  if (container === 'stringData') {
    entry.text = node.isNull ? undefined : source;
    entry.bytes = new TextEncoder().encode(node.isNull ? '' : raw);
    return entry;
  }
  const decoded = decodeBase64(node.isNull ? '' : raw);
  entry.problem = decoded.problem;
  if (decoded.problem) return entry;
  entry.text = source && decodedText(source);
  // Some renderers (argocd-vault-plugin) look into the base64 too.
  entry.isOpaque = entry.text !== undefined && isFilledLater(entry.text.text);
  if (!entry.isOpaque) entry.bytes = decoded.bytes;
  return entry;
}

/** Whatever a renderer fills in, the text around it will not become base64. */
function visibleProblem(raw: string): Base64Problem | undefined {
  const visible = raw.trim().replace(/\{\{[^{}]*\}\}|\{%[^{}]*%\}|\$\{[^{}]*\}|\$\([^()]*\)|<[^<>]*>/g, '');
  if (isOpaque(visible) || !/[^A-Za-z0-9+/=\s]/.test(visible)) return undefined;
  const start = raw.search(/[^A-Za-z0-9+/=\s]/);
  return { code: 'character', start, end: start + 1 };
}

/** Programs write `Comment: User-ID: Ann <ann@example.org>` into an armored key: that is no placeholder. */
function isFilledLater(text: string): boolean {
  const bare = text.trim();
  return isOpaque(bare.startsWith('-----BEGIN PGP') ? bare.replace(/^(?:Comment|Version):.*$/gm, '') : bare);
}

/** A template's values are clear text in which single expressions are filled later. */
function readTemplate(secret: SecretResource, map: YamlNode | undefined): void {
  for (const it of map?.entries() ?? []) {
    const source = it.mapped;
    secret.entries.push({
      ...opaqueEntry(secret, it),
      container: 'template',
      isOpaque: source === undefined || isOpaque(source.text.trim()),
      text: source,
    });
  }
}

function opaqueEntry(secret: SecretResource, node: YamlNode): SecretEntry {
  return {
    name: node.key?.text ?? '',
    secret,
    container: 'data',
    keyPlace: node.keyPlace,
    node,
    isOpaque: true,
    source: node.mapped,
    text: undefined,
    bytes: undefined,
    problem: undefined,
  };
}

function defineSecret(secret: SecretResource, nameNode: YamlNode | undefined): void {
  secret.define({ kind: 'secret', name: secret.secretName }, nameNode, 'metadata.name');
  for (const it of secret.entries) {
    secret.define(
      { kind: 'secretEntry', name: it.name, owner: secret.secretName },
      it.node?.key ?? it.node,
      `${it.container}.${it.name}`,
    );
  }
}
