import type { Resource } from '../resource.ts';
import { ObjectStorageResource, STORAGE_TYPES, StackGresClusterResource } from '../resources/stackgres.ts';
import type { YamlNode } from '../yaml/node.ts';

/** Every `encryption` of a StackGres object where nothing reads it. */
export function misplacedEncryption(resource: Resource): YamlNode[] {
  const at = (...paths: (YamlNode | undefined)[]) => paths.flatMap((it) => it?.get('encryption') ?? []);
  const { node } = resource;
  if (resource instanceof ObjectStorageResource) return at(node, ...STORAGE_TYPES.map((it) => node.get(`spec.${it}`)));
  if (resource instanceof StackGresClusterResource)
    return at(
      node.get('spec'),
      node.get('spec.configurations'),
      node.get('spec.configurations.backups'),
      ...resource.backups,
    );
  return [];
}
