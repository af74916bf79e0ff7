import type { Part, Place } from '../part.ts';
import { Resource } from '../resource.ts';
import type { YamlNode } from '../yaml/node.ts';

/** One statement of a bucket policy as it is written; judging it is for queries/bucketPolicy.ts. */
export interface PolicyStatement {
  node: YamlNode;
  /** `Sid`, or its number in the policy. */
  name: string;
  at: Place;
  isDeny: boolean;
  /** `Principal` is everybody. */
  isForAll: boolean;
  actions: string[];
  notActions: string[] | undefined;
  resources: string[];
  conditions: { operator: string; key: string; values: string[] }[];
}

/** An S3 bucket policy in a file of its own (JSON, which is YAML too). */
export class BucketPolicyResource extends Resource {
  readonly kind = 'BucketPolicy' as const;
  readonly statements: PolicyStatement[] = [];

  /** The file's name, for messages. */
  get fileName(): string {
    const { uri } = this.part;
    return decodeURIComponent(uri.slice(uri.lastIndexOf('/') + 1));
  }
}

/** Whether a document without kind looks like a policy: `Statement` with an `Effect`. */
export function isBucketPolicy(node: YamlNode): boolean {
  if (node.get('kind') !== undefined || node.get('apiVersion') !== undefined) return false;
  return listOf(node.get('Statement')).some((it) => /^(?:Deny|Allow)$/.test(it.textAt('Effect') ?? ''));
}

export function readBucketPolicy(part: Part, node: YamlNode): BucketPolicyResource {
  const policy = new BucketPolicyResource(part, node, '', 'BucketPolicy');
  for (const [i, it] of listOf(node.get('Statement')).entries()) {
    const sid = it.get('Sid');
    policy.statements.push({
      node: it,
      name: sid?.text || `statement ${i + 1}`,
      at: (sid ?? it.get('Condition') ?? it.get('Effect') ?? it).keyPlace,
      isDeny: it.textAt('Effect') === 'Deny',
      isForAll: isEverybody(it.get('Principal')),
      actions: textsOf(it.get('Action')),
      notActions: it.get('NotAction') && textsOf(it.get('NotAction')),
      resources: textsOf(it.get('Resource')),
      conditions: (it.get('Condition')?.entries() ?? []).flatMap((operator) =>
        operator.entries().map((key) => ({
          operator: operator.key?.text ?? '',
          key: key.key?.text ?? '',
          values: textsOf(key),
        })),
      ),
    });
  }
  return policy;
}

function isEverybody(principal: YamlNode | undefined): boolean {
  return textsOf(principal?.isMap ? principal.get('AWS') : principal).includes('*');
}

function textsOf(node: YamlNode | undefined): string[] {
  return listOf(node).flatMap((it) => it.text ?? []);
}

function listOf(node: YamlNode | undefined): readonly YamlNode[] {
  if (!node) return [];
  return node.isList ? node.items() : [node];
}
