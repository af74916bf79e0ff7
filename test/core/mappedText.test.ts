import { describe, expect, test } from 'vitest';
import { readDocument } from '../../server/src/core/kinds.ts';
import { inFile, Part } from '../../server/src/core/part.ts';
import type { SecretResource } from '../../server/src/core/resources/secret.ts';
import type { MappedText } from '../../server/src/core/text/mappedText.ts';

const CONF = '[global]\nrepo2-cipher-pass=äöü😀=x#1\n# end\n';
const base64 = (text: string) => Buffer.from(text).toString('base64');

function secretText(manifest: string, entry = 's3.conf'): { text: MappedText; manifest: string } {
  const part = new Part('file:///w/s.yaml', manifest, 0, 'yaml');
  const secret = readDocument(part)?.resources[0] as SecretResource;
  return { text: secret.entry(entry)!.text!, manifest };
}

const head = 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n';
const forms: Record<string, string> = {
  'literal block': `${head}stringData:\n  s3.conf: |\n    [global]\n    repo2-cipher-pass=äöü😀=x#1\n    # end\n`,
  'literal block with blank lines, strip': `${head}stringData:\n  s3.conf: |-\n\n    [global]\n\n    repo2-cipher-pass=äöü😀=x#1\n`,
  'literal block with an indentation indicator': `${head}stringData:\n  s3.conf: |2\n    [global]\n    repo2-cipher-pass=äöü😀=x#1\n`,
  'folded block': `${head}stringData:\n  s3.conf: >\n    [global]\n\n    repo2-cipher-pass=äöü😀=x#1\n\n    # end\n`,
  'double quotes': `${head}stringData:\n  s3.conf: "[global]\\nrepo2-cipher-pass=\\u00e4ö\\xfc😀=x#1\\n# end\\n"\n`,
  'double quotes over lines': `${head}stringData:\n  s3.conf: "[global]\n\n    repo2-cipher-pass=\\\n    äöü😀=x#1\n\n    # end"\n`,
  'single quotes': `${head}stringData:\n  s3.conf: '[global]\n\n    repo2-cipher-pass=äöü😀=x#1''\n\n    # end'\n`,
  'base64 on one line': `${head}data:\n  s3.conf: ${base64(CONF)}\n`,
  'base64 in flow style': `${head}data: {s3.conf: ${base64(CONF)}, other: eA==}\n`,
  'base64 in quotes': `${head}data:\n  "s3.conf": "${base64(CONF)}"\n`,
  'base64 wrapped in a literal block': `${head}data:\n  s3.conf: |\n${base64(CONF).replace(/.{1,20}/g, '    $&\n')}`,
  'base64 with CRLF': `${head}data:\n  s3.conf: ${base64(CONF)}\n`.replaceAll('\n', '\r\n'),
  'base64 behind an anchor': `${head}data:\n  a: &conf ${base64(CONF)}\n  s3.conf: *conf\n`,
};

describe('every character of a hidden conf knows its place', () => {
  for (const [name, manifest] of Object.entries(forms)) {
    test(name, () => {
      const { text } = secretText(manifest);
      expect(text.isExact).toBe(true);
      const at = text.text.indexOf('repo2-cipher-pass');
      expect(at).toBeGreaterThan(0);
      const { start, end } = inFile(text.place(at, at + 'repo2-cipher-pass'.length));
      const host = manifest.slice(start, end);
      if (host.startsWith('repo2')) expect(host).toBe('repo2-cipher-pass');
      else {
        // base64: the place holds the characters that carry these bytes, and at most a neighbour's bits on each side.
        const groupStart = Math.floor(start - manifest.indexOf(base64(CONF).slice(0, 8))) % 4;
        expect(Buffer.from('A'.repeat(groupStart) + host.replace(/\s/g, ''), 'base64').toString('latin1')).toContain(
          'epo2-cipher-pas',
        );
      }
      for (let i = 0; i < text.text.length; i++) {
        const place = text.place(i, i + 1);
        expect(place.end).toBeGreaterThan(place.start);
        expect(place.end).toBeLessThanOrEqual(manifest.length);
        const back = text.indexAt(place.start);
        expect(Math.abs((back ?? -99) - i)).toBeLessThanOrEqual(2);
      }
    });

    test(`${name}: a change inside is written back and reads as the changed text`, () => {
      const { text } = secretText(manifest);
      const at = text.text.indexOf('repo2');
      const insertAt = text.text.indexOf('x#1') + 3;
      const wanted = `${text.text.slice(0, at)}repo1${text.text.slice(at + 5, insertAt)}\nrepo1-cipher-type=aes-256-cbc${text.text.slice(insertAt)}`;
      const edits = text.edits([
        { start: at, end: at + 5, newText: 'repo1' },
        { start: insertAt, end: insertAt, newText: '\nrepo1-cipher-type=aes-256-cbc' },
      ]);
      let changed = manifest;
      for (const it of edits
        .map((edit) => ({ ...inFile(edit.at), newText: edit.newText }))
        .toSorted((a, b) => b.start - a.start)) {
        changed = changed.slice(0, it.start) + it.newText + changed.slice(it.end);
      }
      expect(secretText(changed).text.text).toBe(wanted);
    });
  }
});
