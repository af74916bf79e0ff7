import type { Query } from '../index.ts';
import { isOpaque } from '../opaque.ts';
import type { Conf } from '../pgbackrest/conf.ts';
import { confOfEntry } from '../pgbackrest/conf.ts';
import { encryptsFor } from '../queries/encryptionKeys.ts';
import type { SecretResource } from '../resources/secret.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'committed-secret',
  summary: 'The key of the backups is not committed in clear.',
  why: 'Base64 is no encryption: whoever may read the repository, its mirrors and every clone has the key to all backups, and a later commit that removes it leaves it in the history. Ways out: seal it (SOPS, SealedSecret), name it in a vault (ExternalSecret), or keep the manifest out of git; then take a new key, which for backups means a new repository or storage. The old key has to be kept until the last backup made with it is gone.',
  severity: 'information',
  confidence: 'likely',
  since: '0.1.0',
  product: 'Kubernetes',
  catalogue: ['K25'],
  kinds: ['Secret', 'pgbackrest.conf'],
  isTracked: true,
  bad: fixture`
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: keys, namespace: db}
                     ^^^^ information committed-secret: Secret db/keys is committed in clear: its s3.conf opens the backups
    stringData:
      s3.conf: |
        [global]
        repo1-cipher-type=aes-256-cbc
        repo1-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
  `,
  good: fixture`
    #- /secret.yaml
    apiVersion: bitnami.com/v1alpha1
    kind: SealedSecret
    metadata: {name: keys, namespace: db}
    spec: {encryptedData: {s3.conf: AgBh8Q0Sd8bpZw4rXhT1uY6nEKf}}
  `,
  check(subject, { report, query, history }) {
    if (history.record(subject.part)?.isTracked !== true) return;
    if (subject.kind === 'pgbackrest.conf') {
      // The Secret says it for its entries.
      if (subject.entry) return;
      const pass = passOf(subject);
      if (pass && !subject.isExample) {
        report(pass.keyPlace, `${pass.key} is committed in clear: whoever reads the repository can read the backups`);
      }
      return;
    }
    if (subject.manifestKind !== 'Secret' || subject.isManagedElsewhere) return;
    const keys = keysOf(subject, query);
    if (keys.length === 0) return;
    report(
      subject.namePlace,
      `${subject.title} is committed in clear: its ${keys.join(' and ')} ${keys.length > 1 ? 'open' : 'opens'} the backups`,
    );
  },
});

function keysOf(secret: SecretResource, query: Query): string[] {
  const names = [...new Set(secret.entries.map((it) => it.name))];
  return names.filter((name) => {
    const entry = secret.entry(name);
    if (!entry || entry.isOpaque || entry.file !== undefined) return false;
    const conf = confOfEntry(entry);
    if (conf) return passOf(conf) !== undefined;
    const isFilled = (entry.text?.text.trim() ?? '') !== '' || (entry.bytes?.length ?? 0) > 0;
    return isFilled && encryptsFor(secret, name, query) !== undefined;
  });
}

function passOf(conf: Conf) {
  return conf.settings.find(
    (it) => it.resolved.name === 'repo-cipher-pass' && it.value !== '' && !it.isOpaque && !isOpaque(it.value),
  );
}
