/** A Kubernetes Secret that holds a new key, in the shape its product reads, with what else has to be said where. */

import { wrapWords } from './arguments.ts';

export interface SecretContents {
  kind: 'pgbackrest' | 'sodium' | 'openpgp';
  /** The key's text; only an armored key has several lines. */
  key: string;
  /** openpgp only. */
  passphrase?: string;
  name: string;
  namespace: string | undefined;
  /** The name of the entry; what the product's users expect when absent. */
  entry: string | undefined;
  /** pgbackrest only: the repository's number. */
  repo: number;
  encoding: 'hex' | 'base64' | undefined;
}

export function secretManifest(contents: SecretContents): string {
  const { name, namespace } = contents;
  const { comment, entries } = shapes[contents.kind](contents);
  return [
    ...comment.flatMap((it) => wrapWords(it, 76).map((line) => `# ${line}`)),
    'apiVersion: v1',
    'kind: Secret',
    'metadata:',
    `  name: ${quoteIfNeeded(name)}`,
    ...(namespace === undefined ? [] : [`  namespace: ${quoteIfNeeded(namespace)}`]),
    'type: Opaque',
    'stringData:',
    ...entries.flatMap(([entry, text]) => scalar(quoteIfNeeded(entry), text)),
    '',
  ].join('\n');
}

type Shape = (contents: SecretContents) => { comment: string[]; entries: [string, string][] };

const shapes: Record<SecretContents['kind'], Shape> = {
  pgbackrest: ({ key, entry, repo }) => ({
    comment: [
      `The cluster that mounts this Secret needs repo${repo}-cipher-type: aes-256-cbc in backups.pgbackrest.global: without it pgBackRest drops the pass silently and stores everything in plain text.`,
    ],
    entries: [[entry ?? `repo${repo}-encryption.conf`, `[global]\nrepo${repo}-cipher-pass=${key}\n`]],
  }),
  sodium: ({ key, entry, name, encoding = 'hex' }) => ({
    comment: [
      `For an SGObjectStorage: spec.encryption.method: sodium, and under spec.encryption.sodium`,
      `key: {name: ${name}, key: ${entry ?? 'key'}} and keyTransform: ${encoding}`,
    ],
    entries: [[entry ?? 'key', key]],
  }),
  // StackGres 1.16 to 1.18 stumbles over a missing keyPassphrase; an empty one does no harm.
  openpgp: ({ key, passphrase = '', entry = 'key', name }) => ({
    comment: [
      'For an SGObjectStorage: spec.encryption.method: openpgp, and under spec.encryption.openpgp',
      `key: {name: ${name}, key: ${entry}} and keyPassphrase: {name: ${name}, key: passphrase}`,
    ],
    entries: [
      [entry, key],
      ['passphrase', passphrase],
    ],
  }),
};

function scalar(name: string, text: string): string[] {
  // Always quoted: 64 hex digits can read as a number.
  if (!text.includes('\n')) return [`  ${name}: ${JSON.stringify(text)}`];
  const lines = text.replace(/\r\n/g, '\n').replace(/\n+$/, '').split('\n');
  return [`  ${name}: |`, ...lines.map((it) => (it === '' ? '' : `    ${it}`))];
}

/** Names of Kubernetes are plain YAML unless they read as another type: `1.5`, `null`, `on`. */
function quoteIfNeeded(name: string): string {
  return /^[a-z][-a-z0-9]*(?:\.[-a-z0-9]+)*$/.test(name) && !/^(?:null|true|false|yes|no|on|off|y|n)$/.test(name)
    ? name
    : JSON.stringify(name);
}
