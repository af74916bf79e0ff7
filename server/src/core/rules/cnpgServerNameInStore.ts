import type { Query } from '../index.ts';
import type { Edit } from '../part.ts';
import { CnpgClusterResource, type CnpgObjectStoreResource } from '../resources/cnpg.ts';
import { fix, fixture, rule } from '../rule.ts';
import { plainOrQuoted } from '../text/scalarText.ts';
import { addEntry, removeEntry } from '../yaml/entryEdits.ts';

export default rule({
  id: 'cnpg-server-name-in-store',
  summary: 'The server name is a parameter of the plugin in the Cluster, not a field of the ObjectStore.',
  why: 'The API server refuses the ObjectStore: "use the serverName plugin parameter in the Cluster resource". A store can serve many clusters, and each has its own folder in it.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'CloudNativePG',
  catalogue: ['N6'],
  kinds: ['CnpgObjectStore'],
  bad: fixture`
    apiVersion: barmancloud.cnpg.io/v1
    kind: ObjectStore
    metadata: {name: store, namespace: db}
    spec:
      configuration:
        destinationPath: s3://backups/main
        s3Credentials: {inheritFromIAMRole: true}
        serverName: main
        ^^^^^^^^^^ error cnpg-server-name-in-store: an ObjectStore has no serverName: it is a parameter of the plugin in the Cluster
  `,
  good: fixture`
    apiVersion: barmancloud.cnpg.io/v1
    kind: ObjectStore
    metadata: {name: store, namespace: db}
    spec:
      configuration:
        destinationPath: s3://backups/main
        s3Credentials: {inheritFromIAMRole: true}
  `,
  check(store, { report, query }) {
    const name = store.configuration?.get('serverName');
    if (!store.configuration || !name || name.isNull) return;
    const removal = removeEntry(store.configuration, name);
    const moved = removal && moveToCluster(store, name.text ?? '', query);
    report(name.keyPlace, 'an ObjectStore has no serverName: it is a parameter of the plugin in the Cluster', {
      fixes: [
        moved && fix(`Move it to ${moved.cluster}`, [...removal, ...moved.edits]),
        fix('Remove serverName', removal),
      ],
    });
  },
});

/** The parameter in the one Cluster that uses the store, where there is exactly one. */
function moveToCluster(
  store: CnpgObjectStoreResource,
  serverName: string,
  query: Query,
): { cluster: string; edits: Edit[] } | undefined {
  const symbol = { kind: 'objectStorage', name: store.name, namespace: store.namespace, owner: 'cnpg' } as const;
  const uses = query.referencesTo(symbol).filter((it) => it.path.startsWith('spec.plugins['));
  const cluster = uses[0]?.resource;
  if (uses.length !== 1 || !(cluster instanceof CnpgClusterResource)) return undefined;
  const parameters = cluster.plugins.find((it) => uses[0]!.path.startsWith(`${it.path}.`))?.node.get('parameters');
  if (!parameters || parameters.get('serverName')) return undefined;
  const edits = addEntry(parameters, 'serverName', plainOrQuoted(serverName));
  return edits && { cluster: cluster.title, edits };
}
