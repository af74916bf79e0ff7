import { fix, fixture, rule } from '../rule.ts';
import { addEntry } from '../yaml/entryEdits.ts';
import type { YamlNode } from '../yaml/node.ts';

export default rule({
  id: 'backup-location-cluster-block',
  summary: 'cluster.secretConfig of a BackupLocation comes with the block of its provider.',
  why: 'Stork writes the credentials of the Secret into the block without looking whether there is one: it crashes, and with it every backup of the cluster.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Portworx and Stork',
  catalogue: ['W16'],
  kinds: ['BackupLocation'],
  bad: fixture`
    apiVersion: stork.libopenstorage.org/v1alpha1
    kind: BackupLocation
    metadata: {name: backups, namespace: kube-system}
    location:
      type: s3
      path: backups
      s3Config: {region: eu-central-1, endpoint: s3.eu-central-1.amazonaws.com, useIam: true}
    cluster:
      type: aws
      secretConfig: eks
      ^^^^^^^^^^^^ error backup-location-cluster-block: without awsClusterConfig Stork crashes on this Secret
  `,
  good: fixture`
    #- /location.yaml
    apiVersion: stork.libopenstorage.org/v1alpha1
    kind: BackupLocation
    metadata: {name: backups, namespace: kube-system}
    location:
      type: s3
      path: backups
      s3Config: {region: eu-central-1, endpoint: s3.eu-central-1.amazonaws.com, useIam: true}
    cluster:
      type: aws
      secretConfig: eks
      awsClusterConfig: {}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: eks, namespace: kube-system}
    stringData:
      accessKeyID: AKIAXXXXXXXXXXXXXXXX
      secretAccessKey: abcdefghijabcdefghijabcdefghijabcdefghij
  `,
  check(resource, { report }) {
    const cluster = resource.node.get('cluster');
    const secret = cluster?.get('secretConfig');
    const block = blockOf(cluster);
    if (!cluster || !secret?.text || !block || cluster.get(block)?.isNull === false) return;
    report(secret.keyPlace, `without ${block} Stork crashes on this Secret`, {
      fix: cluster.get(block) ? undefined : fix(`Add ${block}`, addEntry(cluster, block, '{}')),
    });
  },
});

function blockOf(cluster: YamlNode | undefined): string | undefined {
  const type = cluster?.textAt('type');
  return type === 'aws' || type === 'gcp' || type === 'azure' ? `${type}ClusterConfig` : undefined;
}
