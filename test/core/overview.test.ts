import { describe, expect, test } from 'vitest';
import { overview } from '../../server/src/core/queries/overview.ts';
import { workspaceOf } from '../support/check.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

const markup = `#- /pgbackrest.conf
[global]
repo1-path=/x
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass=hush-hush-hush
repo2-path=/y
repo2-cipher-pass=hush-too
[demo]
pg1-path=/d
#- /cluster.yaml
apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: shop, namespace: db}
spec:
  backups:
    pgbackrest:
      configuration: [{secret: {name: s}}]
      repos:
        - name: repo1
          s3: {bucket: b, endpoint: e, region: r}
---
apiVersion: v1
kind: Secret
metadata: {name: s, namespace: db}
data:
  s3.conf: ${base64('[global]\nrepo1-cipher-pass=never-shown\n')}
  note: ${base64('never-shown-either')}
---
apiVersion: v1
kind: Secret
metadata: {name: of-others, namespace: db}
stringData: {password: x}
---
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: plain, namespace: db}
spec: {type: gcs, gcs: {bucket: b}}
---
apiVersion: stackgres.io/v1
kind: SGCluster
metadata: {name: nowhere, namespace: db}
spec: {configurations: {backups: [{sgObjectStorage: not-here}]}}
`;

describe('the workspace at a glance', () => {
  const { workspace } = workspaceOf(markup, { rules: [] });
  const found = overview(workspace);

  test('says of every repository and storage whether it is encrypted', () => {
    const lines = found.configurations.map((it) => [
      it.title,
      ...it.repositories.map((one) => `${one.state}: ${one.text}`),
    ]);
    expect(lines).toEqual([
      [
        'pgbackrest.conf, stanza demo',
        'encrypted: repo1: posix, encrypted (aes-256-cbc, pass from pgbackrest.conf), no retention',
        'pass-ignored: repo2: posix, NOT ENCRYPTED: the pass is ignored because repo2-cipher-type is not set, no retention',
      ],
      [
        'PerconaPGCluster db/shop',
        'pass-ignored: repo1: s3, NOT ENCRYPTED: the pass is ignored because repo1-cipher-type is not set, no retention',
      ],
      ['SGObjectStorage db/plain', 'plain: gcs b, NOT ENCRYPTED'],
      ['SGCluster db/nowhere', expect.stringMatching(/^unknown: /)],
    ]);
  });

  test('lists the Secrets that matter, and never a value', () => {
    expect(
      found.secrets.map(({ title, detail, entries }) => ({
        title,
        detail,
        entries: entries.map((it) => `${it.name}: ${it.text}`),
      })),
    ).toEqual([
      {
        title: 'Secret db/s',
        detail: 'used by 1 object',
        entries: ['s3.conf: pgBackRest configuration, 1 option', 'note: text, 18 characters'],
      },
    ]);
    expect(JSON.stringify(found, (key, value) => (key === 'part' ? undefined : value))).not.toMatch(/hush|never-shown/);
  });

  test('leads to the line that speaks of a repository, in whatever file of conf.d', () => {
    const several = workspaceOf(
      '#- /pgbackrest/pgbackrest.conf\n[global]\nrepo1-path=/x\n[demo]\npg1-path=/d\n#- /pgbackrest/conf.d/two.conf\n[global]\n# the second\nrepo2-path=/y\n',
      { rules: [] },
    );
    const [first] = overview(several.workspace).configurations;
    const places = first!.repositories.map(
      ({ at }) => `${at.part.uri.split('/').at(-1)}: ${at.part.text.slice(at.start, at.end)}`,
    );
    expect(places).toEqual(['pgbackrest.conf: repo1-path', 'two.conf: repo2-path']);
  });
});
