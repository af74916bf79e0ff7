import { clearTextCures, encodedSource } from '../queries/clearText.ts';
import { valuePlace } from '../queries/selectedEntry.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'secret-data-clear-text',
  summary: 'A value below data is encoded, not the value itself.',
  why: 'Words, access keys and hex digits of the right length are base64 by accident: the API server takes them, and the program gets bytes that nobody meant.',
  severity: 'warning',
  confidence: 'likely',
  since: '0.1.0',
  product: 'Kubernetes',
  catalogue: ['K5', 'pains P88'],
  kinds: ['Secret'],
  bad: fixture`
    apiVersion: v1
    kind: Secret
    metadata: {name: app}
    data:
      password: changeme
                ^^^^^^^^ warning secret-data-clear-text: data decodes to 6 bytes that are no text: is this the value itself?
  `,
  good: fixture`
    apiVersion: v1
    kind: Secret
    metadata: {name: app}
    data:
      password: Y2hhbmdlbWU=
  `,
  check(secret, { report, query }) {
    for (const entry of secret.entries) {
      if (
        entry.container !== 'data' ||
        entry.isOpaque ||
        !entry.bytes ||
        !entry.source ||
        entry.node?.type !== 'string'
      )
        continue;
      const raw = entry.source.text.trim();
      if (isText(entry.text?.text) || !looksLikeValue(entry.name, raw)) continue;
      // The key of a storage is judged by sodium-key-binary, which knows what it must be.
      const users = query.referencesTo({
        kind: 'secretEntry',
        name: entry.name,
        owner: secret.name,
        namespace: secret.namespace,
      });
      if (users.some((it) => it.path.includes('.encryption.'))) continue;
      report(
        valuePlace(entry),
        `data decodes to ${entry.bytes.length} bytes that are no text: is this the value itself?`,
        {
          fixes: clearTextCures(entry, encodedSource(entry)),
        },
      );
    }
  },
});

function isText(text: string | undefined): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters tell text from bytes
  return text !== undefined && !/[\u0000-\u0008\u000e-\u001f\u007f]/.test(text);
}

/** Base64 of binary is a mix of upper and lower case and digits, and mostly longer or padded. */
function looksLikeValue(name: string, raw: string): boolean {
  if (/^(?:[a-z0-9]{4,20}|[A-Z0-9]{4,20}|[A-Z][a-z]+[0-9]*)$/.test(raw)) return true;
  if (/^(?:[0-9a-f]{32,}|[0-9A-F]{32,})$/.test(raw)) return true;
  return TEXT_NAME.test(name) && /^[A-Za-z0-9+/]+$/.test(raw) && raw.length <= 64;
}

/** Entries of these names hold text, never bytes. */
const TEXT_NAME =
  /(?:pass(?:word|wd|phrase)?|user(?:name)?|access[-_.]?key(?:[-_.]?id)?|secret[-_.]?access[-_.]?key|endpoint|bucket|region)$/i;
