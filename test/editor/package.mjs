// What the .vsix carries: nothing that it does not need, and everything that its manifest names.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { maximumBytes, packageExtension, TARGETS } from '../../tools/package.mjs';
import { unpack } from './unpack.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** @param {{ vsix: string, extension: string }} paths the package, and the folder it was unpacked into */
export function packageTests({ vsix, extension }) {
  const files = () =>
    readdirSync(extension, { recursive: true, withFileTypes: true })
      .filter((it) => it.isFile())
      .map((it) => relative(extension, join(it.parentPath, it.name)).replaceAll('\\', '/'))
      .sort();
  const manifest = () => JSON.parse(readFileSync(join(extension, 'package.json'), 'utf8'));

  return {
    'the package holds what the extension needs and nothing else': async () => {
      const texts = ['README.md', 'CHANGELOG.md', 'LICENSE'].filter((it) => existsSync(join(root, it)));
      const names = { 'README.md': 'readme.md', 'CHANGELOG.md': 'changelog.md', LICENSE: 'LICENSE.txt' };
      assert.deepEqual(
        files(),
        [
          ...texts.map((it) => names[it]),
          'package.json',
          'package.nls.json',
          'l10n/bundle.l10n.json',
          'client/language-configuration.json',
          'client/syntaxes/pgbackrest-conf-in-yaml.tmLanguage.json',
          'client/syntaxes/pgbackrest-conf.tmLanguage.json',
          'dist/client.js',
          'dist/server.js',
          'dist/cipherLane.js',
          'dist/restoreLane.js',
          'dist/walgLane.js',
          'dist/worker.js',
          ...['client', 'engine', 'server'].map((it) => `dist/web/${it}.js`),
          'media/icon.png',
          'media/view.svg',
          ...['check', 'key', 'proof', 'secret'].map((it) => `media/walkthrough/${it}.svg`),
        ].sort(),
      );
    },

    'the package is small enough to be downloaded everywhere': async () => {
      assert.ok(statSync(vsix).size <= maximumBytes, `${statSync(vsix).size} bytes`);
    },

    'no bundle carries a source map or a path of the machine that built it': async () => {
      for (const name of ['client', 'server', 'worker', 'web/client', 'web/server', 'web/engine']) {
        const text = readFileSync(join(extension, 'dist', `${name}.js`), 'utf8');
        assert.ok(!/^\/\/# sourceMappingURL=/m.test(text), `${name}.js has a source map`);
        assert.ok(!text.includes(root), `${name}.js names the folder of the checkout`);
        assert.ok(homedir().length < 4 || !text.includes(`${homedir()}/`), `${name}.js names the home folder`);
      }
    },

    'the manifest is free of what only a checkout needs, and every file it names is there': async () => {
      const shipped = manifest();
      for (const part of ['scripts', 'dependencies', 'devDependencies', 'private'])
        assert.equal(shipped[part], undefined, part);
      const { contributes, icon, main, browser } = shipped;
      const named = [
        icon,
        main,
        browser,
        ...contributes.languages.map((it) => it.configuration).filter((it) => it !== undefined),
        ...contributes.grammars.map((it) => it.path),
        ...contributes.viewsContainers.activitybar.map((it) => it.icon),
        ...contributes.walkthroughs.flatMap((it) => it.steps).map((it) => it.media.svg),
      ];
      assert.deepEqual(
        named.filter((it) => !existsSync(join(extension, it))),
        [],
      );
      assert.equal(shipped.capabilities.untrustedWorkspaces.supported, 'limited');
      assert.ok(shipped.capabilities.virtualWorkspaces.supported);
    },

    'every command that writes or reads keys is off in a restricted workspace': async () => {
      const harmless = [
        ...['openWalkthrough', 'restartServer', 'chooseTargets', 'showOutput', 'showReport', 'saveReport'],
        ...['refreshOverview', 'forgetProof'],
      ];
      const open = manifest()
        .contributes.commands.filter((it) => !it.enablement?.includes('isWorkspaceTrusted'))
        .map((it) => it.command.replace('restorable.', ''));
      assert.deepEqual(open.sort(), harmless.sort());
    },

    'the package for a platform decrypts libsodium with its own machine code': async () => {
      const target = `${process.platform}-${process.arch}`;
      if (!TARGETS.includes(target)) return;
      const folder = mkdtempSync(join(tmpdir(), 'restorable-target-'));
      try {
        const own = await packageExtension({ out: join(folder, 'own.vsix'), target });
        assert.ok(statSync(own).size <= maximumBytes, `${statSync(own).size} bytes`);
        const unpacked = unpack(own, join(folder, 'unpacked'));
        assert.equal(readFileSync(join(unpacked, '..', 'extension.vsixmanifest'), 'utf8').includes(target), true);
        const built = readdirSync(unpacked, { recursive: true }).filter((it) => it.endsWith('.node'));
        assert.deepEqual(built, [join('dist', 'node_modules', 'sodium-native', 'sodium-native.node')]);
        const script = join(root, 'test', 'editor', 'loadedLibraries.mjs');
        const loaded = execFileSync(process.execPath, [script, join(unpacked, 'dist', 'worker.js'), folder], {
          encoding: 'utf8',
          timeout: 60_000,
        });
        assert.match(loaded, /^decrypted$/m);
        assert.ok(loaded.includes(join(unpacked, built[0])), loaded);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}
