import type { Fix } from '../finding.ts';
import { isPartial } from '../queries/partialManifest.ts';
import { fix, fixture, rule } from '../rule.ts';
import { addEntry, removeEntry, replaceValue } from '../yaml/entryEdits.ts';
import type { YamlNode } from '../yaml/node.ts';

export default rule({
  id: 'encryption-section',
  summary: 'encryption.method names the one encryption section that is there.',
  why: 'The operator refuses a method without its section, and both sections with a method. Both sections without a method it accepts: then WAL-G encrypts with OpenPGP and ignores sodium.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G17', 'G18', 'G61', 'pains P38'],
  kinds: ['SGObjectStorage'],
  bad: fixture`
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: gcs
      gcs: {bucket: backups, gcpCredentials: {fetchCredentialsFromMetadataService: true}}
      encryption:
        method: sodium
                ^^^^^^ error encryption-section: method is sodium, but there is no sodium section, only openpgp
        openpgp:
          key: {name: backup-key, key: private.asc}
          keyPassphrase: {name: backup-key, key: passphrase}
  `,
  good: fixture`
    #- /storage.yaml
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: gcs
      gcs: {bucket: backups, gcpCredentials: {fetchCredentialsFromMetadataService: true}}
      encryption:
        method: sodium
        sodium:
          key: {name: backup-key, key: key}
          keyTransform: hex
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: backup-key, namespace: db}
    stringData:
      key: 3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded
  `,
  check(storage, { report, query }) {
    const encryption = storage.encryption;
    if (!encryption?.isMap || isPartial(storage, query)) return;
    const method = encryption.get('method');
    const sections = storage.encryptionSections;
    const isSet = method !== undefined && !method.isNull;
    if (!isSet) {
      if (sections.length < 2) return;
      report(encryption.get('sodium')!.keyPlace, 'openpgp is there too, and WAL-G prefers it: sodium is ignored', {
        fixes: sections.map((it) => keep(it, encryption, method)),
        related: [{ at: encryption.get('openpgp')!.keyPlace, message: 'backups are encrypted with this' }],
      });
      return;
    }
    const wanted = (['sodium', 'openpgp'] as const).find((it) => it === method.text);
    // Another name is the schema's to report.
    if (!wanted) return;
    const other = wanted === 'sodium' ? 'openpgp' : 'sodium';
    if (!sections.includes(wanted)) {
      const isOther = sections.includes(other);
      report(
        method.usePlace,
        `method is ${wanted}, but there is no ${wanted} section${isOther ? `, only ${other}` : ''}`,
        {
          fix: isOther ? fix(`Set method: ${other}`, replaceValue(method, other)) : undefined,
        },
      );
      return;
    }
    if (!sections.includes(other)) return;
    report(
      encryption.get(other)!.keyPlace,
      `method is ${wanted}: the sections sodium and openpgp must not both be there`,
      {
        fix: fix(`Remove the ${other} section`, removeEntry(encryption, encryption.get(other)!)),
        related: [{ at: method.usePlace, message: `method: ${wanted}` }],
      },
    );
  },
});

function keep(section: 'sodium' | 'openpgp', encryption: YamlNode, method: YamlNode | undefined): Fix | undefined {
  const other = encryption.get(section === 'sodium' ? 'openpgp' : 'sodium')!;
  const removal = removeEntry(encryption, other);
  const setting = method ? replaceValue(method, section) : addEntry(encryption, 'method', section);
  // Written at the end of what is taken away, the method would go with it.
  if (!removal || !setting || overlap(removal[0]!.at, setting[0]!.at)) return undefined;
  return fix(`Keep ${section} only`, [...setting, ...removal]);
}

function overlap(a: { start: number; end: number }, b: { start: number; end: number }): boolean {
  return a.start <= b.end && b.start <= a.end;
}
