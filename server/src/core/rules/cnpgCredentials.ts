import { isPartial } from '../queries/partialManifest.ts';
import { fixture, rule } from '../rule.ts';
import type { YamlNode } from '../yaml/node.ts';

export default rule({
  id: 'cnpg-credentials',
  summary: 'A store has the credentials of one provider, whole and from one source.',
  why: 'In a Cluster the webhook refuses the object. In an ObjectStore nobody looks: the API server takes it, and every WAL file and every backup fails.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'CloudNativePG',
  catalogue: ['N17'],
  kinds: ['CnpgCluster', 'CnpgObjectStore'],
  bad: fixture`
    apiVersion: barmancloud.cnpg.io/v1
    kind: ObjectStore
    metadata: {name: store, namespace: db}
    spec:
      configuration:
        destinationPath: s3://backups/main
        s3Credentials:
        ^^^^^^^^^^^^^ error cnpg-credentials: s3Credentials needs secretAccessKey beside accessKeyId
          accessKeyId: {name: s3, key: id}
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
  check(resource, { report, query }) {
    if (isPartial(resource, query)) return;
    for (const { node } of resource.stores) {
      const given = PROVIDERS.flatMap((it) => {
        const block = node.get(it);
        return block && !block.isNull ? [block] : [];
      });
      // Behind a placeholder or a merge anything may stand.
      if (given.some((it) => !it.isMap) || node.entries().some((it) => !/^\w+$/.test(it.key?.text ?? ''))) continue;
      if (given.length === 0) {
        report(node.keyPlace, 'the store has no credentials: s3Credentials, azureCredentials or googleCredentials');
        continue;
      }
      if (given.length > 1) {
        const names = given.map((it) => it.key?.text).join(' and ');
        report(given[1]!.keyPlace, `a store has the credentials of one provider, and this one has ${names}`);
        continue;
      }
      const block = given[0]!;
      const problem = JUDGES[block.key?.text as keyof typeof JUDGES](block);
      if (problem) report(block.keyPlace, problem);
    }
  },
});

const PROVIDERS = ['s3Credentials', 'azureCredentials', 'googleCredentials'] as const;

const JUDGES: Record<(typeof PROVIDERS)[number], (block: YamlNode) => string | undefined> = {
  s3Credentials(block) {
    const id = isSet(block, 'accessKeyId');
    const secret = isSet(block, 'secretAccessKey');
    const role = isTrue(block, 'inheritFromIAMRole');
    if (role && (id || secret)) return 's3Credentials has inheritFromIAMRole and keys: one of them must go';
    if (!role && !id && !secret)
      return 's3Credentials needs accessKeyId and secretAccessKey, or inheritFromIAMRole: true';
    if (id !== secret)
      return `s3Credentials needs ${id ? 'secretAccessKey' : 'accessKeyId'} beside ${id ? 'accessKeyId' : 'secretAccessKey'}`;
    return undefined;
  },
  azureCredentials(block) {
    const sources = [
      ...['storageKey', 'storageSasToken'].filter((it) => isSet(block, it)),
      ...['inheritFromAzureAD', 'useDefaultAzureCredentials'].filter((it) => isTrue(block, it)),
    ];
    if (isSet(block, 'connectionString')) {
      const rest = [...sources, ...(isSet(block, 'storageAccount') ? ['storageAccount'] : [])];
      return rest.length > 0
        ? `azureCredentials has connectionString, which stands alone, and ${rest.join(' and ')}`
        : undefined;
    }
    if (sources.length === 0)
      return 'azureCredentials needs connectionString, storageKey, storageSasToken, inheritFromAzureAD: true or useDefaultAzureCredentials: true';
    if (sources.length > 1) return `azureCredentials has ${sources.join(' and ')}: only one of them may stay`;
    if (/^storage/.test(sources[0]!) && !isSet(block, 'storageAccount'))
      return `azureCredentials needs storageAccount beside ${sources[0]}`;
    return undefined;
  },
  googleCredentials(block) {
    const gke = isTrue(block, 'gkeEnvironment');
    const key = isSet(block, 'applicationCredentials');
    if (gke && key) return 'googleCredentials has gkeEnvironment and applicationCredentials: one of them must go';
    if (!gke && !key) return 'googleCredentials needs applicationCredentials, or gkeEnvironment: true';
    return undefined;
  },
};

function isSet(block: YamlNode, name: string): boolean {
  return block.get(name)?.isNull === false;
}

/** Anything but a plain false: a placeholder may become true. */
function isTrue(block: YamlNode, name: string): boolean {
  return isSet(block, name) && block.textAt(name) !== 'false';
}
