import type { Part } from '../part.ts';
import { Resource } from '../resource.ts';
import type { YamlNode } from '../yaml/node.ts';

/** A container with what it runs and the variables that it gets. */
export interface Container {
  node: YamlNode;
  /** `command` and `args`, one behind the other. */
  argv: YamlNode[];
  env: { name: string; nameNode: YamlNode | undefined; value: YamlNode | undefined; isFromElsewhere: boolean }[];
  hasEnvFrom: boolean;
}

/** Pods, and what makes Pods: Deployments, StatefulSets, Jobs, CronJobs and their like. */
export class WorkloadResource extends Resource {
  readonly kind = 'Workload' as const;
  containers: Container[] = [];
}

const POD_SPECS = ['spec.jobTemplate.spec.template.spec', 'spec.template.spec', 'spec'];

export function readWorkload(part: Part, node: YamlNode, apiVersion: string, kind: string): WorkloadResource {
  const workload = new WorkloadResource(part, node, apiVersion, kind);
  const pod = POD_SPECS.map((it) => node.get(it)).find((it) => it?.get('containers')?.isList);
  const lists = [pod?.get('initContainers'), pod?.get('containers')];
  workload.containers = lists.flatMap((list) => list?.items() ?? []).map(readContainer);
  return workload;
}

function readContainer(node: YamlNode): Container {
  return {
    node,
    argv: [...(node.get('command')?.items() ?? []), ...(node.get('args')?.items() ?? [])],
    env: (node.get('env')?.items() ?? []).map((it) => ({
      name: it.textAt('name') ?? '',
      nameNode: it.get('name'),
      value: it.get('value'),
      isFromElsewhere: it.get('valueFrom') !== undefined,
    })),
    hasEnvFrom: node.get('envFrom')?.isList === true,
  };
}
