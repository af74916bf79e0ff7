import type { Query } from '../index.ts';
import { resolvePath } from '../queries/clusterConfiguration.ts';
import type { Resource } from '../resource.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'name-prefix',
  summary: 'Kustomize gives a custom resource the names that it gives the Secrets.',
  why: 'namePrefix and nameSuffix rename every object, and the references that Kustomize knows: those of Pods and their like, not those of custom resources. The Secret is called prod-keys then, and the cluster goes on asking for keys: its Pods wait in ContainerCreating. nameReference in configurations teaches Kustomize the fields.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Kubernetes',
  catalogue: ['K18'],
  kinds: ['Kustomization'],
  bad: fixture`
    #- /kustomization.yaml
    namePrefix: prod-
    ^^^^^^^^^^ warning name-prefix: Kustomize renames Secret keys, and PostgresCluster db goes on asking for keys
    resources: [cluster.yaml, secret.yaml]
    #- /cluster.yaml
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: db}
    spec:
      backups:
        pgbackrest:
          configuration: [{secret: {name: keys}}]
          repos:
            - name: repo1
              s3: {bucket: backups, endpoint: s3.eu-west-1.amazonaws.com, region: eu-west-1}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: keys}
    stringData:
      s3.conf: |
        [global]
        repo1-s3-key=AKIAXXXXXXXXXXXXXXXX
        repo1-s3-key-secret=abcdefghijabcdefghijabcdefghijabcdefghij
  `,
  good: fixture`
    #- /kustomization.yaml
    namePrefix: prod-
    configurations: [names.yaml]
    resources: [cluster.yaml, secret.yaml]
    #- /cluster.yaml
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: db}
    spec:
      backups:
        pgbackrest:
          configuration: [{secret: {name: keys}}]
          repos:
            - name: repo1
              s3: {bucket: backups, endpoint: s3.eu-west-1.amazonaws.com, region: eu-west-1}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: keys}
    stringData:
      s3.conf: |
        [global]
        repo1-s3-key=AKIAXXXXXXXXXXXXXXXX
        repo1-s3-key-secret=abcdefghijabcdefghijabcdefghijabcdefghij
  `,
  check(kustomization, { report, query }) {
    const { node } = kustomization;
    const transformer = [node.get('namePrefix'), node.get('nameSuffix')].find((it) => it?.text);
    if (!transformer || node.get('configurations')) return;
    const uris = new Set(
      (node.get('resources')?.items() ?? []).map((it) => resolvePath(kustomization.part.uri, it.text ?? '')),
    );
    const renamed = secretsIn(uris, query);
    for (const resource of query.resources(...CUSTOM)) {
      if (!uris.has(resource.part.uri)) continue;
      const reference = resource.facts.find(
        (it) => it.role === 'reference' && it.symbol.kind === 'secret' && renamed.has(it.symbol.name),
      );
      if (!reference) continue;
      report(
        transformer.keyPlace,
        `Kustomize renames Secret ${reference.symbol.name}, and ${resource.title} goes on asking for ${reference.symbol.name}`,
        {
          related: [{ at: reference.at, message: 'this name stays' }],
        },
      );
      return;
    }
  },
});

const CUSTOM = ['PerconaPGCluster', 'PostgresCluster', 'SGObjectStorage', 'BackupLocation', 'ObjectStore'];

function secretsIn(uris: ReadonlySet<string>, query: Query): Set<string> {
  const secrets: readonly Resource[] = query.resources('Secret', 'SealedSecret', 'ExternalSecret');
  return new Set(secrets.filter((it) => uris.has(it.part.uri) && it.node.get('kind')).map((it) => it.name));
}
