/** What is told of a file before the others are read stays true when they are. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Finding } from '../../server/src/core/finding.ts';
import { inFile } from '../../server/src/core/part.ts';
import { allRules } from '../../server/src/core/rules/all.ts';
import { Workspace } from '../../server/src/core/workspace.ts';
import { folders } from '../corpus/twins.ts';
import { parseMarkup } from '../support/markup.ts';

interface File {
  uri: string;
  text: string;
}

const shown = (it: Finding) => `${it.rule} ${inFile(it.at).start} ${it.severity} ${it.message}`;

/** For each file: what is certain of it alone, among all findings of the whole. @returns how many are certain */
function compare(files: readonly File[]): number {
  const whole = new Workspace(allRules);
  for (const { uri, text } of files) whole.setFile(uri, text);
  const all = whole.findings();
  let count = 0;
  for (const { uri, text } of files) {
    const alone = new Workspace(allRules);
    // Settings are read before anything is told.
    for (const it of files) if (/\.restorablerc/.test(it.uri) && it.uri !== uri) alone.setFile(it.uri, it.text);
    alone.setFile(uri, text);
    const certain = alone.certainFindings(uri).map(shown);
    const known = new Set((all.get(uri) ?? []).map(shown));
    expect(
      certain.filter((it) => !known.has(it)),
      uri,
    ).toEqual([]);
    count += certain.length;
  }
  return count;
}

describe('certain findings', () => {
  test('of the examples of all rules stay true', () => {
    let count = 0;
    for (const rule of allRules) {
      for (const markup of [rule.bad, rule.good]) count += compare(parseMarkup(markup, '/file'));
    }
    expect(count).toBeGreaterThan(15);
  }, 120_000);

  test('of whole folders and of the example workspace stay true', () => {
    for (const it of folders) compare(parseMarkup(it.files, '/file'));
    expect(compare(below('examples'))).toBeGreaterThan(0);
  }, 120_000);

  test('are told of one file alone, without what depends on others', () => {
    const workspace = new Workspace(allRules);
    const uri = 'file:///cluster.yaml';
    workspace.setFile(
      uri,
      `apiVersion: stackgres.io/v1
kind: SGCluster
metadata: {name: main, namespace: db}
spec:
  configurations:
    backups:
      - sgObjectStorage: elsewhere
        cronSchedule: [every night]
`,
    );
    const rules = (found: readonly Finding[]) => found.map((it) => it.rule);
    expect(rules(workspace.findings().get(uri)!)).toContain('unknown-object-storage');
    expect(rules(workspace.certainFindings(uri))).not.toContain('unknown-object-storage');
    expect(rules(workspace.certainFindings(uri))).toContain('field-value');
  });

  test('heed comments and ignored files', () => {
    const workspace = new Workspace(allRules);
    const text = 'apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {key: not base64!}\n';
    const [finding] = certainIn(workspace, 'file:///a.yaml', text);
    expect(finding).toBeDefined();
    expect(certainIn(workspace, 'file:///b.yaml', `# restorable-ignore-file ${finding!.rule}\n${text}`)).toEqual([]);
    workspace.setFile('file:///c/.restorablerc', 'ignore: ["*.yaml"]\n');
    expect(certainIn(workspace, 'file:///c/c.yaml', text)).toEqual([]);
  });
});

function certainIn(workspace: Workspace, uri: string, text: string): Finding[] {
  workspace.setFile(uri, text);
  return workspace.certainFindings(uri);
}

function below(folder: string): File[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((it) => {
    const path = join(folder, it.name);
    if (it.isDirectory()) return below(path);
    return /\.(?:ya?ml|conf|sh)$|\.restorablerc$/.test(it.name)
      ? [{ uri: `file:///${path}`, text: readFileSync(path, 'utf8') }]
      : [];
  });
}
