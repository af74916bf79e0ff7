/**
 * Files of real people, and the vendors' own samples, as data beside the checkout (`../shared/samples`). What is right must be
 * passed over in silence, what is wrong must be found. All rules take part: a failure names the rule that spoke, and where.
 */

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Finding, Severity } from '../../server/src/core/finding.ts';
import { inFile } from '../../server/src/core/part.ts';
import { allRules } from '../../server/src/core/rules/all.ts';
import { type FileLanguage, Workspace } from '../../server/src/core/workspace.ts';

const SAMPLES = fileURLToPath(new URL('../../../shared/samples', import.meta.url));
const REALWORLD = join(SAMPLES, 'realworld');
const isPresent = existsSync(join(REALWORLD, 'INDEX.tsv'));

/** Folders whose files raise neither an error nor a warning; each is a workspace of its own. */
const QUIET = [
  'percona',
  'percona/e2e',
  'percona/partial',
  'crunchy/kustomize',
  'crunchy/upstream',
  'templated',
  'cnpg',
  'zalando',
  'stork',
  'stackgres',
  'handmade/percona-encrypted',
  'handmade/crunchy-encrypted-kustomize',
  'handmade/secret-alternatives',
];

interface Sample {
  file: string;
  kind: string;
  templated: string;
  expected: string;
  severity: Severity | '';
  scope: string;
}

const samples: Sample[] = isPresent ? readIndex() : [];
const isMistake = (it: Sample) => it.expected.startsWith('has-mistake');
/** A renderer makes another text of it, or it is a page of a manual: silence is allowed. */
const mayBeSilent = (it: Sample) => it.file.endsWith('.md') || /helm|kuttl|hugo|gomplate/.test(it.templated);

describe.skipIf(!isPresent)('vendors’ samples are passed over in silence', () => {
  for (const folder of QUIET) {
    test(folder, () => {
      const workspace = workspaceOf(filesBelow(join(SAMPLES, folder)));
      expect(loud(workspace)).toEqual([]);
    });
  }
});

describe.skipIf(!isPresent)('vendors’ samples that their own schema refuses are found', () => {
  for (const path of isPresent ? filesBelow(join(SAMPLES, 'known-bad')) : []) {
    test(path.slice(SAMPLES.length + 1), () =>
      expect(all(workspaceOf([path])).map((it) => it.severity)).toContain('error'),
    );
  }
});

describe.skipIf(!isPresent)('what real people wrote right is passed over in silence', () => {
  for (const it of samples.filter((sample) => sample.expected === 'clean')) {
    test(it.file, () => expect(loud(workspaceOf(neighbours(it)))).toEqual([]));
  }
});

describe.skipIf(!isPresent)('templates are passed over in silence even where an editor calls them a conf', () => {
  for (const it of samples.filter((sample) => sample.kind === 'pgbackrest-template' && !isMistake(sample))) {
    test(it.file, () => expect(loud(workspaceOf([join(REALWORLD, it.file)], 'conf'))).toEqual([]));
  }
});

describe.skipIf(!isPresent)('what real people wrote wrong is found', () => {
  for (const it of samples.filter((sample) => isMistake(sample) && !mayBeSilent(sample))) {
    test(`${it.file}: ${it.expected.slice('has-mistake: '.length, 120)}`, () => {
      const findings = all(workspaceOf(neighbours(it)));
      const worst = findings.map((finding) => finding.severity).toSorted((a, b) => rank(a) - rank(b))[0];
      expect(worst, `nothing is said about: ${it.expected}`).toBeDefined();
      expect(rank(worst!), `only this is said:\n${findings.map(render).join('\n')}`).toBeLessThanOrEqual(
        rank(it.severity as Severity),
      );
    });
  }
});

describe.skipIf(!isPresent)('no secret of a sample stands in a message', () => {
  test('values of secret options', () => {
    const workspace = workspaceOf(samples.map((it) => join(REALWORLD, it.file)));
    const secrets = [...workspace.uris]
      .flatMap((uri) => [
        ...(workspace.text(uri) ?? '').matchAll(/(?:cipher-pass|key-secret|s3-key|azure-key)\s*[=:]\s*(\S{8,})/g),
      ])
      .map((it) => it[1]!)
      // Names of keys, and what a renderer fills, are no secrets.
      .filter((it) => !/^[A-Z_]+$|[{}$<>]/.test(it));
    expect(secrets.length).toBeGreaterThan(10);
    const said = all(workspace).flatMap((it) => [
      it.message,
      ...it.fixes.map((fix) => fix.title),
      ...it.related.map((related) => related.message),
    ]);
    for (const secret of new Set(secrets)) expect(said.filter((it) => it.includes(secret))).toEqual([]);
  });
});

function workspaceOf(paths: string[], language?: FileLanguage): Workspace {
  const workspace = new Workspace(allRules);
  Workspace.onRuleError = (rule, error) => {
    throw new Error(`rule ${rule} threw`, { cause: error });
  };
  for (const path of paths) workspace.setFile(uriOf(path), readFileSync(path, 'utf8'), language);
  return workspace;
}

function uriOf(path: string): string {
  return `file:///samples${path.slice(SAMPLES.length).split('/').map(encodeURIComponent).join('/')}`;
}

/** The file, with the one that it needs for its mistake to show. */
function neighbours(sample: Sample): string[] {
  const path = join(REALWORLD, sample.file);
  const pair = /^pair:(.+)$/.exec(sample.scope)?.[1];
  return pair ? [path, join(path, '..', pair)] : [path];
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return filesBelow(path);
    return [path];
  });
}

function all(workspace: Workspace): Finding[] {
  return [...workspace.findings().values()].flat();
}

/** Errors and warnings, as one reads them in a terminal. */
function loud(workspace: Workspace): string[] {
  return all(workspace)
    .filter((it) => rank(it.severity) <= rank('warning'))
    .map(render);
}

function render(finding: Finding): string {
  const { uri, start } = inFile(finding.at);
  const text = readFileSync(
    join(SAMPLES, ...uri.slice('file:///samples/'.length).split('/').map(decodeURIComponent)),
    'utf8',
  );
  const line = text.slice(0, start).split('\n').length;
  return `${uri.slice('file:///samples/'.length)}:${line} ${finding.severity} ${finding.rule}: ${finding.message}`;
}

function rank(severity: Severity): number {
  return ['error', 'warning', 'information', 'hint'].indexOf(severity);
}

function readIndex(): Sample[] {
  const [head = '', ...lines] = readFileSync(join(REALWORLD, 'INDEX.tsv'), 'utf8').trimEnd().split('\n');
  const columns = head.split('\t');
  return lines.map((line) => {
    const cells = line.split('\t');
    return Object.fromEntries(columns.map((name, i) => [name, cells[i] ?? ''])) as unknown as Sample;
  });
}
