/**
 * A sheet of paper for the safe: the key as it is written, in groups that can be read aloud, its fingerprint, and what to do
 * with it when everything else is gone. One HTML file without a script, a picture or a link to anywhere.
 */

export interface KeySheet {
  kind: 'pgbackrest' | 'sodium' | 'openpgp';
  /** As it goes into the configuration; for openpgp the armored private key. */
  key: string;
  fingerprint: string;
  /** sodium only. */
  encoding?: 'hex' | 'base64';
  /** Where it was put, in words: `Secret databases/backup-keys, entry daily`. */
  place?: string;
  madeAt: Date;
}

const NAMES = {
  pgbackrest: 'pgBackRest cipher pass',
  sodium: 'libsodium key',
  openpgp: 'OpenPGP private key',
} as const;

/** Letters in a group, and groups in a line: what the eye can hold. */
const groupLength = 4;
const groupsPerLine = 8;

export function keySheet({ kind, key, fingerprint, encoding, place, madeAt }: KeySheet): string {
  const name = NAMES[kind] + (encoding ? `, ${encoding}` : '');
  const rows: [string, string][] = [
    ['Kind', name],
    ['Fingerprint', fingerprint],
    ['Made', madeAt.toISOString().slice(0, 10)],
    ['Length', kind === 'openpgp' ? `${key.trimEnd().split('\n').length} lines` : `${key.length} characters`],
  ];
  if (place !== undefined) rows.push(['Kept in', place]);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(name)} ${escaped(fingerprint)}</title>
<style>
body { font: 11pt/1.5 system-ui, sans-serif; max-width: 17cm; margin: 1.5cm auto; color: #000; background: #fff }
h1 { font-size: 16pt; margin: 0 0 .5em }
table { border-collapse: collapse; margin: 1em 0 }
th { text-align: left; padding: .1em 2em .1em 0; font-weight: normal; color: #444 }
td { font-family: ui-monospace, monospace }
pre { font: ${kind === 'openpgp' ? '7.5pt/1.25' : '13pt/1.8'} ui-monospace, monospace; border: 1px solid #000; padding: .8em 1em; white-space: pre-wrap; overflow-wrap: anywhere }
pre i { color: #777; font-style: normal; font-size: 8pt }
li { margin: .3em 0 }
.note { border-left: 3px solid #000; padding-left: 1em }
</style>
</head>
<body>
<h1>${escaped(NAMES[kind])}</h1>
<table>${rows.map(([label, value]) => `<tr><th>${escaped(label)}</th><td>${escaped(value)}</td></tr>`).join('')}</table>
<pre>${kind === 'openpgp' ? escaped(key.trimEnd()) : grouped(key)}</pre>
${kind === 'openpgp' ? '' : '<p>The blanks between the groups are not part of the key, nor are the numbers at the ends of the lines: they count the characters so far.</p>'}
<h2>When it is needed</h2>
<ol>
<li>Copy the backup to a machine that you trust.</li>
<li>Type or scan the key into a file${kind === 'openpgp' ? '' : ' of one line'}, and compare its fingerprint:<br><code>restorable inspect BACKUP --key-file key.txt${encoding ? ` --key-transform ${encoding}` : ''}</code></li>
<li>Restore:<br><code>restorable test-restore BACKUP --key-file key.txt${encoding ? ` --key-transform ${encoding}` : ''} --to NEW-FOLDER</code></li>
</ol>
<p class="note">Whoever holds this sheet can read the backups${kind === 'openpgp' ? ', unless the key has a passphrase, which is not on it' : ''}. Keep it where the loss of the cluster is not its loss. Delete the file once it is printed.</p>
</body>
</html>
`;
}

function grouped(key: string): string {
  const perLine = groupLength * groupsPerLine;
  const lines: string[] = [];
  for (let at = 0; at < key.length; at += perLine) {
    const line = key.slice(at, at + perLine);
    const groups = line.match(new RegExp(`.{1,${groupLength}}`, 'gs')) ?? [];
    lines.push(`${groups.map(escaped).join(' ')} <i>${at + line.length}</i>`);
  }
  return lines.join('\n');
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (it) => `&#${it.charCodeAt(0)};`);
}
