/** Changes of what is committed, for every numbered mistake that is one. */

const pass = 'Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/';
const other = 'x7Wn0uJk2RbTqYh5eMcV9aZpL4sGdFi8oXwB1rNyKtQmCvE6UjHlSgDzPfAI3O+/';
const plain = '[global]\nrepo1-path=/var/lib/pgbackrest\nrepo1-retention-full=2\n';
const encrypted = `${plain}repo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=${pass}\n`;

const indent = (text: string, by: number) => text.replace(/^(?=.)/gm, ' '.repeat(by));
const keys = (conf: string) =>
  `apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData:\n  s3.conf: |\n${indent(conf, 4)}`;
const cluster = (global: string) =>
  `apiVersion: pgv2.percona.com/v2\nkind: PerconaPGCluster\nmetadata: {name: prod}\nspec:\n  backups:\n    pgbackrest:\n      configuration: [{secret: {name: keys}}]\n      global:\n        repo1-retention-full: "2"\n${indent(global, 8)}      repos:\n        - name: repo1\n          s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}\n`;

const location =
  'apiVersion: stork.libopenstorage.org/v1alpha1\nkind: BackupLocation\nmetadata: {name: minio}\nlocation: {type: s3, path: b, secretConfig: keys, s3Config: {region: r, endpoint: e}}\n';
const stork = (key: string) =>
  `apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {encryptionKey: ${key}}\n`;

export const historyExamples: Record<string, { committed: string; now: string }> = {
  M11: { committed: plain, now: encrypted },
  P19: {
    committed: `#- /c.yaml\n${cluster('repo1-path: /a\n')}`,
    now: `#- /c.yaml\n${cluster('repo1-path: /b\n')}`,
  },
  P48: {
    committed: `#- /s.yaml\n${keys(`[global]\nrepo1-cipher-pass=${pass}\n`)}`,
    now: `#- /c.yaml\n${cluster('repo1-cipher-type: aes-256-cbc\n')}#- /s.yaml\n${keys(`[global]\nrepo1-cipher-pass=${other}\n`)}`,
  },
  P49: {
    committed: `#- /c.yaml\n${cluster('repo1-cipher-type: aes-256-cbc\n')}`,
    now: `#- /c.yaml\n${cluster('')}#- /s.yaml\n${keys('[global]\nrepo1-s3-key=x\n')}`,
  },
  G35: { committed: `#- /s.yaml\n${stork('one-key-that-is-long')}`, now: location },
  G70: {
    committed: `#- /s.yaml\n${stork('one-key-that-is-long')}`,
    now: `#- /l.yaml\n${location}#- /s.yaml\n${stork('another-key-that-is-long')}`,
  },
};
