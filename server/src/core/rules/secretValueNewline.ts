import { withoutFinalBreak } from '../resources/secret.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'secret-value-newline',
  summary: 'A password or key ends without a line break.',
  why: 'Most programs take the line break for a part of the value, and the login fails. `echo` and a literal block `|` add one, `echo -n`, `printf %s` and `|-` do not.',
  severity: 'warning',
  confidence: 'likely',
  since: '0.1.0',
  product: 'Kubernetes',
  catalogue: ['K9', 'pains P85'],
  kinds: ['Secret'],
  bad: fixture`
    apiVersion: v1
    kind: Secret
    metadata: {name: app}
    stringData:
      password: |
      ^^^^^^^^ warning secret-value-newline: password ends with a line break, which most programs take for a part of it
        hunter2-hunter2
  `,
  good: fixture`
    apiVersion: v1
    kind: Secret
    metadata: {name: app}
    stringData:
      password: |-
        hunter2-hunter2
  `,
  check(secret, { report, query }) {
    for (const entry of secret.entries) {
      if (entry.isOpaque || !NAME.test(entry.name) || !/^[^\n]+\n+$/.test(entry.text?.text ?? '')) continue;
      const users = query.referencesTo({
        kind: 'secretEntry',
        name: entry.name,
        owner: secret.name,
        namespace: secret.namespace,
      });
      // StackGres drops it: stackgres-value-newline.
      if (users.some((it) => it.resource.manifestKind === 'SGObjectStorage')) continue;
      report(entry.keyPlace, `${entry.name} ends with a line break, which most programs take for a part of it`, {
        fix: fix('Take the line break off the end', withoutFinalBreak(entry)),
      });
    }
  },
});

/** Names of single values; `password.txt` and its like are files, in which a line break at the end is usual. */
const NAME =
  /(?:pass(?:word|wd|phrase)?|user(?:name)?|token|access[-_.]?key(?:[-_.]?id)?|secret[-_.]?(?:access[-_.]?)?key|encryption[-_.]?key)$/i;
