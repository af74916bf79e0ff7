import { expect, test } from 'vitest';
import { inFile } from '../../server/src/core/part.ts';
import repoPassWithoutType from '../../server/src/core/rules/repoPassWithoutType.ts';
import { checkFix, workspaceOf } from '../support/check.ts';

const found = (workspace: ReturnType<typeof workspaceOf>['workspace']) =>
  [...workspace.findings().values()]
    .flat()
    .map((it) => `${it.rule} ${inFile(it.at).uri.split('/').at(-1)}:${inFile(it.at).start}`);

test('a finding in one file comes and goes when another file changes', () => {
  const { workspace, files } = workspaceOf(repoPassWithoutType.bad, { rules: [repoPassWithoutType] });
  const secret = files.find((it) => it.uri.endsWith('secret.yaml'))!;
  const cluster = files.find((it) => it.uri.endsWith('cluster.yaml'))!;
  const at = secret.text.indexOf('repo2-cipher-pass');
  expect(found(workspace)).toEqual([`repo-pass-without-type secret.yaml:${at}`]);

  workspace.setFile(
    cluster.uri,
    cluster.text.replace('      repos:', '      global: {repo2-cipher-type: aes-256-cbc}\n      repos:'),
  );
  expect(found(workspace)).toEqual([]);
  workspace.setFile(cluster.uri, cluster.text);
  expect(found(workspace)).toEqual([`repo-pass-without-type secret.yaml:${at}`]);

  workspace.deleteFile(secret.uri);
  expect(found(workspace)).toEqual([]);
  workspace.setFile(secret.uri, `# moved\n---\n${secret.text}`);
  expect(found(workspace)).toEqual([`repo-pass-without-type secret.yaml:${at + 12}`]);
});

test('text above a document moves its findings without reading it again', () => {
  const { workspace, files } = workspaceOf(repoPassWithoutType.bad.replace('#- /secret.yaml', '---'), {
    rules: [repoPassWithoutType],
  });
  const file = files[0]!;
  const before = workspace.units(file.uri)[1]!.part;
  const at = file.text.indexOf('repo2-cipher-pass');
  expect(found(workspace)).toEqual([`repo-pass-without-type cluster.yaml:${at}`]);
  workspace.setFile(file.uri, file.text.replace('prod}', 'production}'));
  expect(workspace.units(file.uri)[1]!.part).toBe(before);
  expect(found(workspace)).toEqual([`repo-pass-without-type cluster.yaml:${at + 6}`]);
});

test('the fix reaches into another file', () => {
  const clean = repoPassWithoutType.bad.replace(/^ *\^+ .*\n/m, '');
  checkFix(
    'Add repo2-cipher-type',
    clean,
    clean.replace(
      '      configuration:',
      '      global:\n        repo2-cipher-type: aes-256-cbc\n      configuration:',
    ),
    { rule: 'repo-pass-without-type' },
  );
});
