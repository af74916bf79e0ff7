import type { Place } from '../part.ts';
import type { Resource } from '../resource.ts';
import { hasSchema, type Path, type SchemaProblem, validate } from '../schema.ts';
import type { YamlNode } from '../yaml/node.ts';

/** A problem that the schema has with a value, with the node it stands at. */
export interface PlacedProblem {
  problem: SchemaProblem;
  node: YamlNode;
  at: Place;
}

/** What the schema of its kind refuses in an object. Secrets and ConfigMaps are judged by rules of their own. */
export function schemaProblems(resource: Resource): PlacedProblem[] {
  let problems = known.get(resource);
  if (!problems) {
    problems = findProblems(resource);
    known.set(resource, problems);
  }
  return problems;
}

/** Three rules ask, and a resource never changes. */
const known = new WeakMap<Resource, PlacedProblem[]>();

function findProblems(resource: Resource): PlacedProblem[] {
  if (!hasSchema(resource.manifestKind) || resource.manifestKind === 'Secret' || resource.manifestKind === 'ConfigMap')
    return [];
  // A text that could not be parsed to its end lacks what stands behind the error.
  const value = resource.node.toJS();
  if (value === undefined) return [];
  return validate(resource.manifestKind, value).map((problem) => {
    const node = nodeAt(resource.node, problem.path);
    const place = problem.at === 'key' ? node.keyPlace : node.place;
    return {
      problem,
      node,
      at: problem.path.length === 0 ? resource.namePlace : withoutLaterLines(place, node, problem),
    };
  });
}

/** The node at a path, or the nearest one above it that is there. */
function nodeAt(root: YamlNode, path: Path): YamlNode {
  let it = root;
  for (const step of path) {
    const next = it.get([step]);
    if (!next) return it;
    it = next;
  }
  return it;
}

/** A whole map or list is not worth underlining: its key is enough. */
function withoutLaterLines(place: Place, node: YamlNode, problem: SchemaProblem): Place {
  const isLong = place.part.text.slice(place.start, place.end).includes('\n');
  if (!isLong || problem.at === 'key') return place;
  if (node.key) return node.keyPlace;
  const first = node.entries()[0];
  return first?.keyPlace ?? place;
}
