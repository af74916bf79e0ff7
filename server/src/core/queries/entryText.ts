/** What may be said about the value of a Secret's entry: kind, length and form, never a part of the value. */

import type { Query } from '../index.ts';
import { sodiumKeyProblem } from '../keys/sodiumKey.ts';
import { walgValue } from '../keys/walgValue.ts';
import { type Conf, confOfEntry } from '../pgbackrest/conf.ts';
import type { SecretEntry } from '../resources/secret.ts';
import { SecretResource } from '../resources/secret.ts';
import { ObjectStorageResource } from '../resources/stackgres.ts';
import { decodeBase64, utf8 } from '../text/base64.ts';
import { clustersThatMount } from './clusterConfiguration.ts';
import { code, count, shownValue } from './optionText.ts';
import { transformOf } from './sodiumKey.ts';

/** Kind, length and encoding of some bytes: `64 hex digits (32 bytes)`. */
export function describeBytes(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'empty';
  const text = utf8(bytes);
  if (text === undefined || text.includes('\0')) return `binary, ${count(bytes.length, 'byte')}`;
  const core = text.trim();
  const newline = core !== '' && /[\r\n]$/.test(text) && !core.includes('\n') ? ', with a line break at the end' : '';
  return `${shapeOf(core, bytes.length)}${newline}`;
}

function shapeOf(core: string, length: number): string {
  const armor = /^-----BEGIN ([A-Z0-9 ]+)-----/.exec(core)?.[1];
  if (armor)
    return `${armor.startsWith('PGP') ? armor.replace('PGP', 'OpenPGP').toLowerCase().replace('openpgp', 'OpenPGP') : `PEM ${armor.toLowerCase()}`}, ${count(length, 'byte')}`;
  if (core === '') return `only white space, ${count(length, 'byte')}`;
  if (/^(?:[0-9a-fA-F]{2})+$/.test(core) && core.length >= 16) {
    return `${core.length} hex digits (${count(core.length / 2, 'byte')})`;
  }
  if (/^[{[]/.test(core)) {
    return /"type"\s*:\s*"service_account"/.test(core)
      ? 'Google service account (JSON)'
      : `JSON, ${count(length, 'byte')}`;
  }
  if (core.length >= 16 && !/\s/.test(core)) {
    const { bytes, problem } = decodeBase64(core);
    if (!problem) return `base64 of ${count(bytes.length, 'byte')} (${count(core.length, 'character')})`;
  }
  const lines = core.split('\n').length;
  return lines > 1 ? `text, ${lines} lines, ${count(length, 'byte')}` : `text, ${count(core.length, 'character')}`;
}

/** What an entry is, who uses it as what, and for a conf its options with secrets masked. Markdown. */
export function entryText(entry: SecretEntry, query: Query): string {
  const { secret } = entry;
  const title = `**${entry.name}** in ${secret.title}`;
  const paragraphs = [title];
  const conf = confOfEntry(entry);
  if (entry.isOpaque && !conf) {
    paragraphs.push('Its value is filled in by somebody else; nothing can be said about it here.');
  } else if (entry.problem) {
    paragraphs.push(`Its value is not base64: the API server would refuse this ${secret.manifestKind}.`);
  } else if (conf) {
    paragraphs.push(...confText(conf, query));
  } else if (entry.bytes && secret instanceof SecretResource) {
    paragraphs.push(`${capital(describeBytes(entry.bytes))}.`);
  }
  const uses = usesOf(entry, query);
  if (uses.length > 0) paragraphs.push(uses.map((it) => `- ${it}`).join('\n'));
  return paragraphs.join('\n\n');
}

/** A conf as it may be shown. */
export function maskedConf(conf: Conf): string {
  const lines = conf.tree.sections.flatMap((section) => [
    `[${section.name}]`,
    ...section.options.map((option) => {
      const setting = conf.settings.find((it) => it.origin.kind === 'conf' && it.origin.option === option)!;
      const shown = shownValue(setting);
      return `${option.key}=${shown.startsWith('`') ? option.value.slice(0, 80) : shown}`;
    }),
  ]);
  const fence = lines.some((it) => it.includes('```')) ? '`````' : '```';
  return [`${fence}ini`, ...lines, fence].join('\n');
}

function confText(conf: Conf, query: Query): string[] {
  const clusters = clustersThatMount(conf, query).map((it) => it.cluster.title);
  const mounted = clusters.length > 0 ? `, mounted by ${[...new Set(clusters)].join(' and ')}` : '';
  return [`pgBackRest configuration${mounted}:`, maskedConf(conf)];
}

const ROLES: [RegExp, string][] = [
  [/encryption\.sodium\.key\./, 'libsodium key'],
  [/encryption\.openpgp\.key\./, 'OpenPGP private key'],
  [/encryption\.openpgp\.keyPassphrase\./, 'passphrase of the OpenPGP key'],
  [/accessKeyId\./, 'access key id'],
  [/secretAccessKey\./, 'secret access key'],
  [/caCertificate\./, 'certificate authority'],
  [/serviceAccountJSON\./, 'service account'],
  [/storageAccount\./, 'storage account'],
  [/accessKey\./, 'access key'],
];

function usesOf(entry: SecretEntry, query: Query): string[] {
  const { secret } = entry;
  const kind = secret instanceof SecretResource ? 'secretEntry' : 'configMapEntry';
  const symbol = { kind, name: entry.name, owner: secret.name, namespace: secret.namespace } as const;
  const lines = query.referencesTo(symbol).map(({ path, resource }) => {
    const role = ROLES.find(([pattern]) => pattern.test(path))?.[1];
    if (role === 'libsodium key' && resource instanceof ObjectStorageResource) {
      return `libsodium key of ${resource.title}${sodiumText(entry, resource)}`;
    }
    return `${role ?? 'used'} ${role ? 'of' : 'by'} ${resource.title}`;
  });
  return [...new Set(lines)];
}

function sodiumText(entry: SecretEntry, storage: ObjectStorageResource): string {
  const transform = transformOf(storage.encryption?.get('sodium.keyTransform'));
  if (!transform || !entry.bytes) return '';
  const { text } = walgValue(entry.bytes);
  if (text === '') return ': empty';
  const problem = sodiumKeyProblem(text, transform);
  return `, keyTransform ${code(transform)}: ${problem ? problem.message : '32 bytes, as libsodium needs'}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
