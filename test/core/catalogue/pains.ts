/** A text for those cases of people who were hurt that have no number elsewhere. */

const gpg = 'gpg --batch --yes --trust-model always -r 0123456789ABCDEF0123456789ABCDEF01234567 -e';
const script = (body: string, pipefail = true) =>
  `#- /backup.sh\n#!/bin/bash\n${pipefail ? 'set -o pipefail\n' : ''}${body}\n`;

export const painExamples: Record<string, string> = {
  'pains P13': script('pgbackrest --stanza=main --repo1-s3-key-secret=x backup'),
  'pains P40':
    'apiVersion: stork.libopenstorage.org/v1alpha1\nkind: BackupLocation\nmetadata: {name: minio}\nlocation: {type: s3, path: b, encryptionKey: x, s3Config: {region: r, endpoint: e}}',
  'pains P56': script('export WALG_LOG_LEVEL=DEVEL WALG_LIBSODIUM_KEY_PATH=/k\nwal-g backup-push /data'),
  'pains P61': script('openssl enc -aes-256-cbc -pass file:/p -in dump.gz -out dump.enc'),
  'pains P62': script(
    'openssl enc -aes-256-cbc -pbkdf2 -pass file:/p -in a -out b\nopenssl enc -d -aes-256-cbc -md sha512 -pbkdf2 -pass file:/p -in b -out a',
  ),
  'pains P64': script('pg_dump app | openssl enc -aes-256-cbc -pbkdf2 -pass file:/p > x'),
  'pains P65': script('tar c /srv | openssl smime -encrypt -binary -outform DER -out x cert.pem'),
  'pains P67': script('openssl rand -out /p 32\nopenssl enc -aes-256-cbc -pbkdf2 -pass file:/p -in a -out b'),
  'pains P70': script('pg_dump app | gpg --passphrase-fd 3 -c > x 3</p'),
  'pains P71': script('gpg --batch --yes -r backup@example.com -e dump'),
  'pains P73': script(`pg_dump app | ${gpg.replace('--yes ', '')} -o /tmp/dump.gpg`),
  'pains P74': script(`pg_dump app | ${gpg} > dump.gpg`, false),
  'pains P77': script('gpg --batch -d dump.gpg | psql app', false),
  'pains P85': script('KEY=$(openssl rand -hex 32)\necho "$KEY" | base64'),
};
