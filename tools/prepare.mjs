// Runs when somebody installs from git (`npm install -g git+…`, pre-commit): the bundles are not committed, so they are made
// here. npm does not install the development packages for a global installation from git, although it runs this script; then
// they are installed first. After `npm ci` in a checkout there is nothing to do: every script builds what it needs.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const isInstalledFromGit = process.env.npm_config_global === 'true' || root.includes(`${sep}_cacache${sep}`);

if (isInstalledFromGit && !existsSync(join(root, 'dist', 'cli.js'))) {
  if (!existsSync(join(root, 'node_modules', 'esbuild'))) {
    // What npm was called with reaches its scripts as npm_config_*: another npm must not take that for its own.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_config_/i.test(name)));
    execFileSync('npm', ['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: root,
      env,
      stdio: 'inherit',
      shell: process.platform === 'win32',
    });
  }
  execFileSync(process.execPath, [join(root, 'tools', 'build.mjs'), '--production'], { cwd: root, stdio: 'inherit' });
}
