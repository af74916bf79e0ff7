import { selectedEntry, valuePlace } from '../queries/selectedEntry.ts';
import { type SecretEntry, setText, withoutFinalBreak } from '../resources/secret.ts';
import { fix, fixture, rule } from '../rule.ts';
import { encodeBase64 } from '../text/base64.ts';
import { replaceValue } from '../yaml/entryEdits.ts';

export default rule({
  id: 'cnpg-value-newline',
  summary: 'Credentials of a store are text without a line break at the end.',
  why: 'The values become environment variables byte for byte: with a line break the signature of every request is wrong, a zero byte (UTF-16, as Windows tools write it) keeps Barman Cloud from starting at all.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'CloudNativePG',
  catalogue: ['N18', 'K9'],
  kinds: ['CnpgCluster', 'CnpgObjectStore'],
  bad: fixture`
    #- /store.yaml
    apiVersion: barmancloud.cnpg.io/v1
    kind: ObjectStore
    metadata: {name: store, namespace: db}
    spec:
      configuration:
        destinationPath: s3://backups/main
        s3Credentials:
          accessKeyId: {name: s3, key: id}
          secretAccessKey: {name: s3, key: secret}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: s3, namespace: db}
    stringData:
      id: AKIAXXXXXXXXXXXXXXXX
      secret: |
        abcdefghijabcdefghijabcdefghijabcdefghij
        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning cnpg-value-newline: secret ends with a line break, which becomes a part of it
  `,
  good: fixture`
    #- /store.yaml
    apiVersion: barmancloud.cnpg.io/v1
    kind: ObjectStore
    metadata: {name: store, namespace: db}
    spec:
      configuration:
        destinationPath: s3://backups/main
        s3Credentials:
          accessKeyId: {name: s3, key: id}
          secretAccessKey: {name: s3, key: secret}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: s3, namespace: db}
    stringData:
      id: AKIAXXXXXXXXXXXXXXXX
      secret: abcdefghijabcdefghijabcdefghijabcdefghij
  `,
  check(resource, { report, query }) {
    const seen = new Set<SecretEntry>();
    for (const selector of resource.selectors) {
      // Files may end with a line break.
      if (/endpointCA$|applicationCredentials$/.test(selector.path)) continue;
      const entry = selectedEntry(selector, query);
      if (!entry?.bytes || seen.has(entry)) continue;
      seen.add(entry);
      const related = [{ at: selector.node.place, message: `${resource.title} uses this value` }];
      if (entry.bytes.includes(0)) {
        const utf16 = textOfUtf16(entry.bytes);
        report(valuePlace(entry), `${entry.name} holds zero bytes${utf16 ? ': it is UTF-16, not UTF-8' : ''}`, {
          severity: 'error',
          fix: utf16 ? fix('Write it as UTF-8', written(entry, utf16)) : undefined,
          related,
        });
        continue;
      }
      const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(entry.bytes);
      if (text.trim() === '' || text === text.trim()) continue;
      const what = /\n\s*$/.test(text) ? 'a line break' : 'a blank';
      const where = text === text.trimEnd() ? 'begins' : 'ends';
      report(valuePlace(entry), `${entry.name} ${where} with ${what}, which becomes a part of it`, {
        fix: fix('Take it off', withoutSpace(entry, text), { isSafe: true }),
        related,
      });
    }
  },
});

function withoutSpace(entry: SecretEntry, text: string) {
  return text.trimStart() === text && /^[^\n]*\n+$/.test(text) ? withoutFinalBreak(entry) : setText(entry, text.trim());
}

/** UTF-16 has no text to be changed where it stands: the value is replaced whole. */
function written(entry: SecretEntry, text: string) {
  if (entry.container !== 'data' || !entry.node) return setText(entry, text);
  return replaceValue(entry.node, encodeBase64(new TextEncoder().encode(text)));
}

/** Of text that every second byte of which is zero. */
function textOfUtf16(bytes: Uint8Array): string | undefined {
  if (bytes.length < 4 || bytes.length % 2 !== 0) return undefined;
  const isLittle = bytes.every((it, i) => i % 2 === 0 || it === 0 || (i === 1 && it === 0xfe));
  if (!isLittle) return undefined;
  return new TextDecoder('utf-16le').decode(bytes).trim();
}
