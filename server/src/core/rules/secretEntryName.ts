import { isOpaque } from '../opaque.ts';
import { fix, fixture, rule } from '../rule.ts';
import { plainOrQuoted } from '../text/scalarText.ts';

export default rule({
  id: 'secret-entry-name',
  summary: 'The name of an entry is made of letters, digits, -, _ and .',
  why: 'The API server refuses the object: the name becomes a file name in the Pod. It has at most 253 characters and does not begin with two dots.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Kubernetes',
  catalogue: ['K12'],
  kinds: ['Secret', 'ConfigMap'],
  bad: fixture`
    apiVersion: v1
    kind: Secret
    metadata: {name: app}
    stringData:
      s3 conf: hunter2-hunter2
      ^^^^^^^ error secret-entry-name: an entry cannot be called s3 conf: letters, digits, -, _ and . are allowed
  `,
  good: fixture`
    apiVersion: v1
    kind: Secret
    metadata: {name: app}
    stringData:
      s3-conf: hunter2-hunter2
  `,
  check(owner, { report }) {
    for (const { name, keyPlace, node, container } of owner.entries) {
      if (isOpaque(name) || container === 'template') continue;
      const problem =
        name === ''
          ? 'an entry needs a name'
          : name.length > 253
            ? `the name of an entry has at most 253 characters, this one ${name.length}`
            : name === '.' || name.startsWith('..')
              ? 'the name of an entry must not be . and not begin with ..'
              : /[^-._a-zA-Z0-9]/.test(name)
                ? `an entry cannot be called ${name.slice(0, 60)}: letters, digits, -, _ and . are allowed`
                : undefined;
      if (!problem) continue;
      const allowed = name
        .replace(/[^-._a-zA-Z0-9]+/g, '-')
        .replace(/^-|-$|^\.{2,}/g, '')
        .slice(0, 253);
      report(keyPlace, problem, {
        fix:
          node?.key && allowed !== ''
            ? fix(`Call it ${allowed}`, [{ at: keyPlace, newText: plainOrQuoted(allowed) }])
            : undefined,
      });
    }
  },
});
