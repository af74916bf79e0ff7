import { looksLikeConf } from '../pgbackrest/conf.ts';
import { valuePlace } from '../queries/selectedEntry.ts';
import { type SecretEntry, setText } from '../resources/secret.ts';
import { fix, fixture, rule } from '../rule.ts';
import { decodeBase64, utf8 } from '../text/base64.ts';

export default rule({
  id: 'secret-double-base64',
  summary: 'A value is encoded in base64 once below data, and never below stringData.',
  why: 'Kubernetes takes one layer off data and none off stringData or a ConfigMap: the program gets base64 where it expects the value, and pgBackRest finds no section in it.',
  severity: 'warning',
  confidence: 'likely',
  since: '0.1.0',
  product: 'Kubernetes',
  catalogue: ['P41', 'K16', 'pains P89'],
  kinds: ['Secret', 'ConfigMap'],
  bad: fixture`
    apiVersion: v1
    kind: Secret
    metadata: {name: app}
    stringData:
      password: aHVudGVyMi1odW50ZXIy
                ^^^^^^^^^^^^^^^^^^^^ warning secret-double-base64: password is base64 of a text, and stringData is not decoded
  `,
  good: fixture`
    apiVersion: v1
    kind: Secret
    metadata: {name: app}
    stringData:
      password: hunter2-hunter2
  `,
  check(owner, { report, query }) {
    for (const entry of owner.entries) {
      const inner = entry.isOpaque ? undefined : innerText(entry);
      if (inner === undefined) continue;
      const isConf = looksLikeConf(inner, entry.name.endsWith('.conf'));
      // Some programs want base64 inside, and say so in the name of the entry.
      if (!isConf && /b64|base64|encoded/i.test(entry.name)) continue;
      const users = query.referencesTo({
        kind: 'secretEntry',
        name: entry.name,
        owner: owner.name,
        namespace: owner.namespace,
      });
      // The rules of SGObjectStorage know what the value must be.
      if (users.some((it) => it.resource.manifestKind === 'SGObjectStorage')) continue;
      const what = isConf ? 'a pgBackRest configuration' : 'a text';
      const message =
        entry.container === 'data' || entry.container === 'binaryData'
          ? `${entry.name} is ${what} encoded twice: one layer of base64 stays on it`
          : `${entry.name} is base64 of ${what}, and ${owner.manifestKind === 'Secret' ? 'stringData' : 'the data of a ConfigMap'} is not decoded`;
      report(valuePlace(entry), message, {
        severity: isConf ? 'error' : 'warning',
        fix: fix('Take one layer of base64 off', setText(entry, inner)),
      });
    }
  },
});

const shortestInner = 9;

/** Printable text inside the value. Random letters come out as bytes: 9 of them are text once in 7,000 times. */
function innerText(entry: SecretEntry): string | undefined {
  const text = entry.text?.text.trim() ?? '';
  if (!/^[A-Za-z0-9+/\r\n]+={0,2}$/.test(text) || /^(?:[a-z]+|[A-Z]+|[0-9a-f]+|[0-9A-F]+)$/.test(text))
    return undefined;
  const { bytes, problem } = decodeBase64(text);
  if (problem || bytes.length < shortestInner) return undefined;
  const inner = utf8(bytes);
  return inner !== undefined && /^[\x20-\x7e\t\r\n]+$/.test(inner) ? inner : undefined;
}
