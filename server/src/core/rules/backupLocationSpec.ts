import type { Edit } from '../part.ts';
import { isPartial } from '../queries/partialManifest.ts';
import { fix, fixture, rule } from '../rule.ts';
import type { YamlNode } from '../yaml/node.ts';

export default rule({
  id: 'backup-location-spec',
  summary: 'location and cluster of a BackupLocation stand at the top, not below spec.',
  why: 'BackupLocation has no spec, and its CRD has no schema: the API server stores the block and Stork never reads it. The location is empty, its encryption key with it, and every backup fails with "Invalid BackupLocation type".',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Portworx and Stork',
  catalogue: ['W1'],
  kinds: ['BackupLocation'],
  bad: fixture`
    apiVersion: stork.libopenstorage.org/v1alpha1
    kind: BackupLocation
    metadata: {name: backups, namespace: kube-system}
    spec:
    ^^^^ error backup-location-spec: a BackupLocation has no spec; location stands at the top
      location:
        type: s3
        path: backups
        s3Config: {region: eu-central-1, endpoint: s3.eu-central-1.amazonaws.com, useIam: true}
  `,
  good: fixture`
    apiVersion: stork.libopenstorage.org/v1alpha1
    kind: BackupLocation
    metadata: {name: backups, namespace: kube-system}
    location:
      type: s3
      path: backups
      s3Config: {region: eu-central-1, endpoint: s3.eu-central-1.amazonaws.com, useIam: true}
  `,
  check(location, { report, query }) {
    const spec = location.node.get('spec');
    if (!spec) {
      if (location.location?.isMap || isPartial(location, query)) return;
      report(location.namePlace, 'the BackupLocation has no location: Stork has nowhere to put a backup');
      return;
    }
    const names = spec.entries().flatMap((it) => it.key?.text ?? []);
    const moved = names.filter((it) => it === 'location' || it === 'cluster');
    const rest = moved.length > 0 ? `; ${moved.join(' and ')} stand${moved.length > 1 ? '' : 's'} at the top` : '';
    const isClear = moved.length === names.length && moved.every((it) => location.node.get(it) === undefined);
    report(spec.keyPlace, `a BackupLocation has no spec${rest}`, {
      fix: isClear ? fix(`Move ${moved.join(' and ')} to the top`, moveUp(spec)) : undefined,
    });
  },
});

/** Takes `spec:` away and moves what stands below it to the left. */
function moveUp(spec: YamlNode): Edit[] | undefined {
  const first = spec.entries()[0];
  if (!spec.isMap || spec.isFlow || !first || first.column <= spec.column) return undefined;
  const { text } = spec.part;
  const { start } = spec.keyPlace;
  // From the next line, so that a comment above the first entry comes along.
  const from = text.indexOf('\n', start) + 1;
  if (from === 0 || from > first.keyPlace.start) return undefined;
  const { end } = spec.entryPlace;
  const indent = first.column - spec.column;
  const lines = text.slice(from, end).split('\n');
  const isBelow = (line: string) => line.startsWith(' '.repeat(first.column)) || /^\s*(?:#.*)?$/.test(line);
  if (!lines.every(isBelow)) return undefined;
  const moved = lines.map((it) => it.slice(Math.min(indent, it.length - it.trimStart().length))).join('\n');
  return [{ at: spec.part.place(start, end), newText: moved.slice(spec.column) }];
}
