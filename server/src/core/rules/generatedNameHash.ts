import { fix, fixture, rule } from '../rule.ts';
import { addEntry } from '../yaml/entryEdits.ts';

export default rule({
  id: 'generated-name-hash',
  summary: 'A generated Secret or ConfigMap that a custom resource names gets no hash behind its name.',
  why: 'Kustomize calls it backup-key-7k2h9, and mends only the references of kinds that it knows. The fields of StackGres, Percona and Crunchy are none of them: the operator looks for a Secret that does not exist.',
  severity: 'warning',
  confidence: 'likely',
  since: '0.1.0',
  product: 'Kubernetes',
  catalogue: ['K17'],
  kinds: ['Secret', 'ConfigMap'],
  bad: fixture`
    #- /kustomization.yaml
    apiVersion: kustomize.config.k8s.io/v1beta1
    kind: Kustomization
    secretGenerator:
      - name: backup-key
              ^^^^^^^^^^ warning generated-name-hash: Kustomize puts a hash behind this name, and SGObjectStorage db/backups asks for it without one
        files: [key=backup.key]
    #- /storage.yaml
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: gcs
      gcs: {bucket: backups, gcpCredentials: {fetchCredentialsFromMetadataService: true}}
      encryption:
        method: sodium
        sodium:
          key: {name: backup-key, key: key}
          keyTransform: hex
  `,
  good: fixture`
    #- /kustomization.yaml
    apiVersion: kustomize.config.k8s.io/v1beta1
    kind: Kustomization
    secretGenerator:
      - name: backup-key
        files: [key=backup.key]
        options: {disableNameSuffixHash: true}
    #- /storage.yaml
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: gcs
      gcs: {bucket: backups, gcpCredentials: {fetchCredentialsFromMetadataService: true}}
      encryption:
        method: sodium
        sodium:
          key: {name: backup-key, key: key}
          keyTransform: hex
  `,
  check(owner, { report, query }) {
    // A manifest has a kind; an entry of a generator has none.
    if (owner.node.get('kind') !== undefined || owner.name === '') return;
    const kustomization = query.resources('Kustomization').find((it) => it.part === owner.part)?.node;
    if (!kustomization) return;
    const isOff = [owner.node.get('options'), kustomization.get('generatorOptions')].some(
      (it) => it?.textAt('disableNameSuffixHash') === 'true',
    );
    // `configurations` may teach Kustomize the fields of custom resources.
    if (isOff || kustomization.get('configurations') !== undefined) return;
    const kind = owner.kind === 'Secret' ? ('secret' as const) : ('configMap' as const);
    const user = query.referencesTo({ kind, name: owner.name })[0];
    if (!user) return;
    const options = owner.node.get('options');
    report(
      owner.node.get('name')?.place ?? owner.namePlace,
      `Kustomize puts a hash behind this name, and ${user.resource.title} asks for it without one`,
      {
        fix: fix(
          'Switch the hash off',
          options?.isMap
            ? addEntry(options, 'disableNameSuffixHash', 'true')
            : addEntry(owner.node, 'options', '{disableNameSuffixHash: true}'),
        ),
        related: [{ at: user.at, message: `${user.resource.title} names it` }],
      },
    );
  },
});
