import { describe, expect, test } from 'vitest';
import { completion, withoutPlaces } from '../../server/src/core/queries/completion.ts';
import { allRules } from '../../server/src/core/rules/all.ts';
import { Workspace } from '../../server/src/core/workspace.ts';

/** What a person fills in for the words in angle brackets. */
const FILLED: Record<string, string> = {
  'openssl rand -base64 48': 'Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/',
  'openssl rand -hex 32': '3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded',
  'access key id': 'AKIAXXXXXXXXXXXXXXXX',
  'secret access key': 'abcdefghijabcdefghijabcdefghijabcdefghij',
  bucket: 'shop-backups',
  cluster: 'shop',
};

/** A file in an editor, and somebody who accepts what is offered and types the rest. */
class Typist {
  readonly workspace = new Workspace(allRules);

  constructor(
    readonly uri: string,
    public text = '',
  ) {
    this.#tell();
  }

  #tell(): void {
    this.workspace.setFile(this.uri, this.text, this.uri.endsWith('.conf') ? 'conf' : 'yaml');
  }

  /** Types at the end of the file. */
  type(text: string): this {
    this.text += text;
    this.#tell();
    return this;
  }

  /** Accepts an item at the end of the file. */
  accept(label: string): this {
    const items = completion(this.workspace, this.uri, this.text.length);
    const item = items.find((it) => it.label === label);
    if (!item)
      throw new Error(
        `${label} is not offered behind: ${this.text.slice(-60)}\n${items.map((it) => it.label).join(' | ')}`,
      );
    const newText = item.isSnippet ? withoutPlaces(item.newText) : item.newText;
    this.text = this.text.slice(0, item.at.part.start + item.at.start) + newText;
    this.#tell();
    return this;
  }

  fill(): this {
    this.text = this.text.replace(/<([^<>]+)>/g, (whole, word: string) => FILLED[word] ?? whole);
    expect(this.text).not.toMatch(/[<>]/);
    this.#tell();
    return this;
  }

  /** All of them, hints too. */
  findings(): string[] {
    return [...this.workspace.findings().values()].flat().map((it) => `${it.severity} ${it.rule}: ${it.message}`);
  }
}

const DOCUMENTS = [
  'SGObjectStorage, encrypted with libsodium',
  'PerconaPGCluster with an encrypted repository',
  'PostgresCluster with an encrypted repository',
  'Cluster of CloudNativePG with an encrypted ObjectStore',
  'Pod environment of Zalando’s operator, encrypted with libsodium',
  'BackupLocation, encrypted',
];

describe('one snippet in an empty file, filled in, leaves nothing to find', () => {
  test.each(DOCUMENTS)('%s', (label) => {
    const typist = new Typist('file:///deploy/backup.yaml').accept(label).type('\n');
    // Before it is filled in, what is to be filled in is no mistake yet.
    expect(typist.findings().filter((it) => /^(?:error|warning)/.test(it) && !it.includes('placeholder'))).toEqual([]);
    expect(typist.fill().findings()).toEqual([]);
  });

  test('every snippet for a whole document is tried above, or is a part of one', () => {
    const { workspace, uri } = new Typist('file:///deploy/backup.yaml');
    const labels = completion(workspace, uri, 0).map((it) => it.label);
    expect(labels).toEqual([...DOCUMENTS, 'Secret with a pgBackRest cipher pass']);
  });
});

describe('word by word', () => {
  test('a pgbackrest.conf with a snippet', () => {
    for (const label of ['repo1 encrypted on a folder', 'repo1 encrypted on S3']) {
      const typist = new Typist('file:///etc/pgbackrest/pgbackrest.conf')
        .accept('[global]')
        .type('\n')
        .accept(label)
        .type('\n\n')
        .type('[shop]\n')
        .accept('pg1-path')
        .type('/var/lib/postgresql/17/main\n');
      expect(typist.fill().findings()).toEqual([]);
    }
  });

  test('a pgbackrest.conf option by option', () => {
    const typist = new Typist('file:///etc/pgbackrest/pgbackrest.conf')
      .type('[gl')
      .accept('[global]')
      .type('\nrepo1-pa')
      .accept('repo1-path')
      .type('/backup\nrepo1-ciph')
      .accept('repo1-cipher-type')
      .accept('aes-256-cbc')
      .type('\n')
      .accept('repo1-cipher-pass')
      .type('<openssl rand -base64 48>\nret')
      .accept('repo1-retention-full')
      .type('2\n[main]\n')
      .accept('pg1-path')
      .type('/var/lib/postgresql/17/main\n');
    expect(typist.fill().findings()).toEqual([]);
  });

  test('the encryption of an SGObjectStorage that is there', () => {
    const [storage] = withoutEncryption('SGObjectStorage, encrypted with libsodium');
    const typist = new Typist('file:///deploy/storage.yaml', storage)
      .type('  ')
      .accept('encryption with libsodium')
      .type(
        '\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: backup-encryption, namespace: databases}\nstringData:\n  ',
      )
      .accept('key')
      .type('"<openssl rand -hex 32>"\n');
    expect(
      typist
        .fill()
        .findings()
        .filter((it) => !it.includes('secret-not-here')),
    ).toEqual([]);
  });

  test('and field by field', () => {
    const [storage] = withoutEncryption('SGObjectStorage, encrypted with libsodium');
    const typist = new Typist('file:///deploy/storage.yaml', storage)
      .type('  enc')
      .accept('encryption')
      .accept('method')
      .accept('sodium')
      .type('\n    ')
      .accept('sodium')
      .accept('keyTransform')
      .accept('hex')
      .type('\n      ')
      .accept('key')
      .accept('name')
      .type('keys\n        ')
      .accept('key')
      .type('shop\n---\napiVersion: v1\nkind: Secret\nmetadata:\n  namespace: databases\n  name: ')
      .accept('keys')
      .type('\nstringData:\n  ')
      .accept('shop')
      .type('"<openssl rand -hex 32>"\n');
    expect(typist.text).toContain(
      '  encryption:\n    method: sodium\n    sodium:\n      keyTransform: hex\n      key:\n        name: keys\n        key: shop\n',
    );
    expect(
      typist
        .fill()
        .findings()
        .filter((it) => !it.includes('secret-not-here')),
    ).toEqual([]);
  });

  test('the encryption of a cluster of Percona that has a repository', () => {
    const typist = new Typist(
      'file:///deploy/cluster.yaml',
      `apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: shop, namespace: databases}
spec:
  crVersion: 2.7.0
  postgresVersion: 17
  instances: [{name: instance1, replicas: 3, dataVolumeClaimSpec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 20Gi}}}}]
  proxy: {pgBouncer: {replicas: 2}}
  backups:
    pgbackrest:
      repos:
        - `,
    )
      .accept('repo1 on S3')
      .type('\n      ')
      .accept('repo1 encrypted: global and configuration')
      .type('\n        ')
      .accept('repo1-path')
      .type('/pgbackrest/shop\n        ')
      .accept('repo1-retention-full')
      .type('"2"\n---\n')
      .accept('Secret with a pgBackRest cipher pass')
      .type('\n    ')
      .accept('repo1-s3-key')
      .type('<access key id>\n    ')
      .accept('repo1-s3-key-secret')
      .type('<secret access key>\n');
    expect(typist.fill().findings()).toEqual([]);
  });
});

/** The storage of the snippet up to where its encryption begins, and the rest. */
function withoutEncryption(label: string): [string, string] {
  const { text } = new Typist('file:///deploy/backup.yaml').accept(label);
  const at = text.indexOf('  encryption:');
  return [text.slice(0, at), text.slice(at)];
}
