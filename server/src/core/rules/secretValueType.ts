import { fix, fixture, rule } from '../rule.ts';
import { decodeBase64, encodeBase64 } from '../text/base64.ts';
import { replaceValue } from '../yaml/entryEdits.ts';

export default rule({
  id: 'secret-value-type',
  summary: 'Every value of a Secret or ConfigMap is text.',
  why: 'The API server refuses the object. kubectl reads YAML 1.1: y, no, on and off are booleans there, 010 is 8.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Kubernetes',
  catalogue: ['G45', 'Z8', 'K6', 'K7', 'K30'],
  kinds: ['Secret', 'ConfigMap'],
  bad: fixture`
    apiVersion: v1
    kind: Secret
    metadata: {name: app}
    stringData:
      port: 5432
            ^^^^ error secret-value-type: port is a number for kubectl: text needs quotes
  `,
  good: fixture`
    apiVersion: v1
    kind: Secret
    metadata: {name: app}
    stringData:
      port: "5432"
  `,
  check(owner, { report }) {
    for (const entry of owner.entries) {
      const { node, container } = entry;
      if (!node || node.hasForeignTag || container === 'template' || container === 'generator') continue;
      if (owner.node.get(fieldOf(owner.manifestKind, container))?.isMap !== true) continue;
      if (node.isMap || node.isList) {
        report(entry.keyPlace, `${entry.name} holds a ${node.isMap ? 'map' : 'list'}, and only text can stand here`);
        continue;
      }
      const type = node.type;
      if (type !== 'boolean' && type !== 'integer' && type !== 'float') continue;
      const what = type === 'boolean' ? 'true or false' : 'a number';
      const text = node.text ?? '';
      const quote = fix('Put it in quotes', replaceValue(node, JSON.stringify(text)), { isSafe: container !== 'data' });
      const isBase64 = container === 'data' || container === 'binaryData';
      report(
        node.place,
        `${entry.name} is ${what} for kubectl: ${isBase64 ? 'data holds base64 text' : 'text needs quotes'}`,
        {
          fixes: isBase64
            ? [
                fix('Encode it in base64', replaceValue(node, encodeBase64(new TextEncoder().encode(text)))),
                decodeBase64(text).problem ? undefined : quote,
              ]
            : [quote],
        },
      );
    }
  },
});

/** The entries of a ConfigMap's `data` are clear text, as those of a Secret's `stringData`. */
function fieldOf(manifestKind: string, container: string): string {
  return manifestKind === 'ConfigMap' && container === 'stringData' ? 'data' : container;
}
