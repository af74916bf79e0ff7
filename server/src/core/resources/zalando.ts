import type { Part } from '../part.ts';
import { Resource } from '../resource.ts';
import type { YamlNode } from '../yaml/node.ts';
import type { Selector } from './stackgres.ts';

/** One entry of `spec.env`. */
export interface ClusterVariable {
  name: string;
  node: YamlNode;
  /** Where the value comes from an entry of a Secret. */
  selector: Selector | undefined;
}

/** Zalando's `postgresql`: backups come by environment variables of its Pods, clone and standby by fields. */
export class ZalandoClusterResource extends Resource {
  readonly kind = 'ZalandoCluster' as const;
  readonly env: ClusterVariable[] = [];
  readonly selectors: Selector[] = [];
  /** Variables of its own, or references to them. */
  hasEnvironment = false;
}

/** The operator's own configuration, which names the environment of all Pods. */
export class ZalandoOperatorResource extends Resource {
  readonly kind = 'ZalandoOperator' as const;
}

export function readZalandoCluster(
  part: Part,
  node: YamlNode,
  apiVersion: string,
  kind: string,
): ZalandoClusterResource {
  const cluster = new ZalandoClusterResource(part, node, apiVersion, kind);
  cluster.define({ kind: 'cluster', name: cluster.name, owner: 'zalando' }, node.get('metadata.name'), 'metadata.name');
  for (const [i, it] of (node.get('spec.env')?.items() ?? []).entries()) {
    const path = `spec.env[${i}].valueFrom.secretKeyRef`;
    const reference = it.get('valueFrom.secretKeyRef');
    const name = reference?.get('name');
    const selector: Selector | undefined = reference?.isMap
      ? {
          path,
          node: reference,
          secret: cluster.refer({ kind: 'secret' }, name, `${path}.name`),
          entry: cluster.refer({ kind: 'secretEntry', owner: name?.text ?? '' }, reference.get('key'), `${path}.key`),
        }
      : undefined;
    if (selector && reference?.textAt('optional') !== 'true') cluster.selectors.push(selector);
    cluster.env.push({ name: it.textAt('name') ?? '', node: it, selector });
  }
  for (const [i, it] of (node.get('spec.envFrom')?.items() ?? []).entries()) {
    for (const [field, symbol] of [
      ['secretRef', 'secret'],
      ['configMapRef', 'configMap'],
    ] as const) {
      cluster.refer({ kind: symbol }, it.get(`${field}.name`), `spec.envFrom[${i}].${field}.name`);
    }
  }
  cluster.hasEnvironment = cluster.env.length > 0 || cluster.facts.some((it) => it.path.startsWith('spec.envFrom['));
  return cluster;
}

export function readZalandoOperator(
  part: Part,
  node: YamlNode,
  apiVersion: string,
  kind: string,
): ZalandoOperatorResource {
  return new ZalandoOperatorResource(part, node, apiVersion, kind);
}
