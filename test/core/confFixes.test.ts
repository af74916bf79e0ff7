/** Every quick fix of every rule for confs, in every form in which a conf is written: the same text must come out. */

import { describe, expect, test } from 'vitest';
import type { Finding, Fix } from '../../server/src/core/finding.ts';
import { Part } from '../../server/src/core/part.ts';
import { confOfFile } from '../../server/src/core/pgbackrest/conf.ts';
import { SecretResource } from '../../server/src/core/resources/secret.ts';
import type { AnyRule } from '../../server/src/core/rule.ts';
import { allRules } from '../../server/src/core/rules/all.ts';
import { Workspace } from '../../server/src/core/workspace.ts';
import { applyFix, checkFix } from '../support/check.ts';
import { parseMarkup } from '../support/markup.ts';

const confRules = allRules.filter((it) => it.kinds.includes('pgbackrest.conf'));
const confOf = (text: string) => parseMarkup(text, '/pgbackrest.conf');
/** Rules whose `bad` is one file; the others have a manifest of their own. */
const plainRules = confRules.filter((it) => confOf(it.bad).every((file) => file.uri.endsWith('/pgbackrest.conf')));

const base64 = (text: string) => Buffer.from(text).toString('base64');
const head = 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n';
const indented = (text: string) => text.replace(/^(?=.)/gm, '    ');

interface Form {
  uri: string;
  write(conf: string): string;
  /** The conf that the host text holds. */
  read(host: string): string;
}

const ofSecret = (host: string) => {
  const workspace = new Workspace([]);
  workspace.setFile('file:///w/s.yaml', host);
  const secret = workspace.units('file:///w/s.yaml')[0]!.resources[0];
  if (!(secret instanceof SecretResource)) throw new Error(`no Secret any more:\n${host}`);
  return secret.entry('pgbackrest.conf')!.text!.text;
};

const forms: Record<string, Form> = {
  'a file': { uri: 'file:///w/pgbackrest.conf', write: (it) => it, read: (it) => it },
  'a file without a last line break': {
    uri: 'file:///w/pgbackrest.conf',
    write: (it) => it.replace(/\n$/, ''),
    read: (it) => it.replace(/\n?$/, '\n'),
  },
  'a file with CRLF': {
    uri: 'file:///w/pgbackrest.conf',
    write: (it) => it.replaceAll('\n', '\r\n'),
    read: (it) => {
      expect(it.replaceAll('\r\n', ''), 'a lone line feed').not.toMatch(/\n/);
      return it.replaceAll('\r\n', '\n');
    },
  },
  'a literal block': {
    uri: 'file:///w/s.yaml',
    write: (it) => `${head}stringData:\n  pgbackrest.conf: |\n${indented(it)}  other: x\n`,
    read: ofSecret,
  },
  'a literal block in a file with CRLF': {
    uri: 'file:///w/s.yaml',
    write: (it) => `${head}stringData:\n  pgbackrest.conf: |\n${indented(it)}  other: x\n`.replaceAll('\n', '\r\n'),
    read: (it) => {
      expect(it.replaceAll('\r\n', ''), 'a lone line feed').not.toMatch(/\n/);
      return ofSecret(it);
    },
  },
  base64: {
    uri: 'file:///w/s.yaml',
    write: (it) => `${head}data:\n  pgbackrest.conf: ${base64(it)}\n`,
    read: ofSecret,
  },
  'base64 of CRLF': {
    uri: 'file:///w/s.yaml',
    write: (it) => `${head}data:\n  pgbackrest.conf: ${base64(it.replaceAll('\n', '\r\n'))}\n`,
    read: (it) => ofSecret(it).replaceAll('\r\n', '\n'),
  },
  'double quotes': {
    uri: 'file:///w/s.yaml',
    write: (it) => `${head}stringData: {pgbackrest.conf: ${JSON.stringify(it)}}\n`,
    read: ofSecret,
  },
};

function findingsOf(rule: AnyRule, form: Form, conf: string): { workspace: Workspace; findings: Finding[] } {
  const workspace = new Workspace([rule]);
  if (rule.badTargets) workspace.setTargets(rule.badTargets);
  workspace.setFile(form.uri, form.write(conf));
  return { workspace, findings: [...workspace.findings().values()].flat() };
}

/** The conf after the fix of that number. */
function fixed(
  rule: AnyRule,
  form: Form,
  conf: string,
  number: number,
): { text: string; fix: Fix; left: number; before: number } {
  const { workspace, findings } = findingsOf(rule, form, conf);
  const fix = editing(findings)[number]!;
  applyFix(workspace, fix);
  const left = [...workspace.findings().values()].flat().length;
  return { text: form.read(workspace.text(form.uri)!), fix, left, before: findings.length };
}

function editing(findings: Finding[]): Fix[] {
  return findings.flatMap((it) => it.fixes).filter((it) => it.edits.length > 0);
}

describe('a fix makes the same conf wherever the conf is written', () => {
  for (const rule of plainRules) {
    const conf = confOf(rule.bad)[0]!.text;
    const plain = forms['a file']!;
    const { findings } = findingsOf(rule, plain, conf);
    for (const [number, { title }] of editing(findings).entries()) {
      const wanted = fixed(rule, plain, conf, number);
      for (const [name, form] of Object.entries(forms)) {
        // A fragment in a Secret is judged more quietly: compare where the same fix is offered.
        const offered = editing(findingsOf(rule, form, conf).findings);
        if (offered[number]?.title !== title || offered.length !== editing(findings).length) continue;
        test(`${rule.id}: ${title}, in ${name}`, () => {
          const done = fixed(rule, form, conf, number);
          expect(done.text.replace(/\n?$/, '\n')).toBe(wanted.text.replace(/\n?$/, '\n'));
          expect(done.left, 'the finding is still there').toBeLessThan(done.before);
        });
      }
    }
  }
});

describe('a fix brings nothing worse', () => {
  for (const rule of plainRules) {
    const conf = confOf(rule.bad)[0]!.text;
    const loud = (text: string) => {
      const workspace = new Workspace(allRules);
      workspace.setFile('file:///w/pgbackrest.conf', text);
      return [...workspace.findings().values()]
        .flat()
        .filter((it) => it.severity === 'error' || it.severity === 'warning');
    };
    const plain = forms['a file']!;
    for (const [number, { title }] of editing(findingsOf(rule, plain, conf).findings).entries()) {
      // What a removal leaves behind is for the author.
      if (/^(?:Remove|Keep|Make it a comment)/.test(title)) continue;
      test(`${rule.id}: ${title}`, () => {
        const before = loud(conf).length;
        const after = loud(fixed(rule, plain, conf, number).text);
        expect(after.length, after.map((it) => it.message).join('\n')).toBeLessThanOrEqual(before);
      });
    }
  }
});

describe('fixes, seen by a person', () => {
  const options = { defaultName: '/pgbackrest.conf' };

  test('a pass gets its type on the next line', () => {
    checkFix(
      'Add repo1-cipher-type=aes-256-cbc',
      '[global]\nrepo1-path=/b\nrepo1-cipher-pass=x\nlog-level-console=info\n',
      '[global]\nrepo1-path=/b\nrepo1-cipher-pass=x\nrepo1-cipher-type=aes-256-cbc\nlog-level-console=info\n',
      { ...options, rule: 'cipher-pass-without-type' },
    );
  });

  test('a comment behind a value moves above it, whatever mark it had', () => {
    checkFix(
      'Move the comment above',
      '[global]\nprocess-max=4 ; all cores\n',
      '[global]\n# all cores\nprocess-max=4\n',
      options,
    );
  });

  test('a comment behind a header moves above it', () => {
    checkFix(
      'comment of its own',
      '[global]\n[demo]   ; the shop\npg1-path=/d\n',
      '[global]\n# the shop\n[demo]\npg1-path=/d\n',
      {
        ...options,
        rule: 'section-header',
      },
    );
  });

  test('YAML in a conf becomes a conf', () => {
    checkFix(
      'Write it with =',
      'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  s3.conf: |\n    [global]\n    repo1-path: /b\n',
      'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  s3.conf: |\n    [global]\n    repo1-path=/b\n',
    );
  });

  test('all cipher options of a slipped index move together', () => {
    checkFix(
      'Rename to repo1-cipher-…',
      '[global]\nrepo1-path=/b\nrepo2-cipher-type=aes-256-cbc\nrepo2-cipher-pass=x\n',
      '[global]\nrepo1-path=/b\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=x\n',
      options,
    );
  });

  test('[repo1] with short names becomes [global] with whole ones', () => {
    checkFix(
      'Write the options as repo1-',
      '[repo1]\ntype=s3\ns3-bucket=b\nretention-full=2\n',
      '[global]\nrepo1-type=s3\nrepo1-s3-bucket=b\nrepo1-retention-full=2\n',
      { ...options, rule: 'unread-section' },
    );
  });

  test('a wrapped pass becomes one line, with or without a backslash', () => {
    const head = '[global]\nrepo1-path=/b\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=abcdEFGH1234abcdEFGH1234';
    for (const wrap of ['\n', '\\\n  '])
      checkFix(
        'Join the lines',
        `${head}${wrap}zzzzYYYY\n[demo]\npg1-path=/d\n`,
        `${head}zzzzYYYY\n[demo]\npg1-path=/d\n`,
        {
          ...options,
          rule: 'wrapped-cipher-pass',
        },
      );
  });

  test('a folded block becomes a literal one', () => {
    const secret = (mark: string) =>
      `apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  s3.conf: ${mark}\n    [global]\n    repo1-path=/b\n`;
    checkFix('Write | for >', secret('>-'), secret('|-'));
  });

  test('a pass is generated where text can be typed, and never inside base64', () => {
    const commands = (text: string, uri: string) => {
      const workspace = new Workspace(allRules);
      workspace.setFile(uri, text);
      return [...workspace.findings().values()]
        .flat()
        .flatMap((it) => it.fixes)
        .flatMap((it) => it.command ?? []);
    };
    const weak = '[global]\nrepo1-path=/b\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=secret\n';
    const [command] = commands(weak, 'file:///w/pgbackrest.conf');
    expect(command).toMatchObject({ id: 'generateKeyAt', arguments: { key: 'pgbackrest', before: '', after: '' } });
    const { start, end } = command!.arguments.at;
    expect(weak.slice(start, end)).toBe('secret');
    const missing = '[global]\nrepo1-path=/b\nrepo1-cipher-type=aes-256-cbc\n';
    expect(commands(missing, 'file:///w/pgbackrest.conf')[0]!.arguments).toMatchObject({
      before: '\nrepo1-cipher-pass=',
      after: '',
    });
    expect(commands(`${head}data:\n  pgbackrest.conf: ${base64(weak)}\n`, 'file:///w/s.yaml')).toEqual([]);
    expect(
      commands(`${head}stringData:\n  pgbackrest.conf: |\n${indented(missing)}`, 'file:///w/s.yaml')[0]!.arguments
        .before,
    ).toBe('\n    repo1-cipher-pass=');
  });
});

test('half-typed confs never upset a rule', () => {
  Workspace.onRuleError = (rule, error) => {
    throw new Error(`rule ${rule} threw`, { cause: error });
  };
  for (const rule of plainRules) {
    const text = confOf(rule.bad)[0]!.text;
    for (let end = 0; end < Math.min(text.length, 600); end += 7) {
      const workspace = new Workspace(confRules);
      workspace.setFile('file:///w/pgbackrest.conf', text.slice(0, end), 'conf');
      for (const finding of [...workspace.findings().values()].flat()) {
        expect(finding.at.start).toBeGreaterThanOrEqual(0);
        expect(finding.at.end).toBeLessThanOrEqual(end);
        expect(finding.at.start).toBeLessThanOrEqual(finding.at.end);
        expect(finding.message).not.toMatch(/\.$|undefined|NaN/);
      }
    }
  }
  expect(confOfFile(new Part('file:///w/x.conf', '', 0, 'conf')).settings).toEqual([]);
});
