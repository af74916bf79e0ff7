/**
 * Configurations of pgBackRest as people write them, and as they should not: from a seed, the same ones every time.
 * What is generated is only text; whether it is right is the program's business (confComparison.ts asks it).
 */

import {
  allOptions,
  commandLineOnly,
  definitionAt,
  fullName,
  type OptionDefinition,
  type Release,
} from '../../server/src/core/pgbackrest/options.ts';

export interface ConfCase {
  seed: number;
  /** pgbackrest.conf; undefined where there is none. */
  main: string | undefined;
  /** Files of conf.d, by name; only *.conf are read. */
  fragments: Record<string, string>;
  /** PGBACKREST_*. */
  environment: Record<string, string>;
  command: string;
  stanza: string | undefined;
}

/** Commands that end before they reach for a repository or a cluster (confComparison.ts sees to that). */
const quickCommands = [
  'backup',
  'backup',
  'archive-push',
  'archive-push',
  'expire',
  'archive-get',
  'stanza-create',
  'stanza-upgrade',
];
/** Commands that look into the repositories at once: only where those are on this disk. */
const lookingCommands = ['info', 'restore', 'verify', 'repo-ls', 'check'];

export function generateCase(seed: number, release: Release): ConfCase {
  return new Author(seed, release).write();
}

/** A generator of numbers that is the same on every machine (mulberry32). */
export function numbersFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

class Author {
  readonly #next: () => number;
  readonly #options: OptionDefinition[];

  constructor(
    private readonly seed: number,
    release: Release,
  ) {
    this.#next = numbersFrom(seed * 2_654_435_761 + 97);
    this.#options = allOptions()
      .map((it) => definitionAt(it, release))
      .filter((it) => it !== undefined)
      // Between pgBackRest's own processes only; in a file they break its assertions.
      .filter((it) => !/^(?:repo|pg)-local$/.test(it.name));
  }

  write(): ConfCase {
    const stanzas = this.#some(['demo', 'main', 'db', 'prod-1', 'payments'], this.#weighted([1, 1, 1, 2, 3]));
    const sections = new Map<string, string[]>([['global', []]]);
    const lines = (section: string) => {
      if (!sections.has(section)) sections.set(section, []);
      return sections.get(section)!;
    };
    const repositories = this.#some([1, 2, 3, 4, 7], this.#weighted([0, 1, 1, 1, 1, 2, 2, 3]));
    if (this.#chance(0.85) && !repositories.includes(1)) repositories.unshift(1);
    for (const index of repositories) {
      lines(this.#chance(0.9) ? 'global' : stanzas[0]!).push(...this.#repository(index));
      const cipher = this.#cipher(index);
      if (cipher.length > 0) {
        const where = this.#chance(0.85)
          ? 'global'
          : this.#chance(0.5)
            ? stanzas[0]!
            : `global:${this.#pick(COMMANDS)}`;
        lines(where).push(...cipher);
      }
    }
    for (const stanza of stanzas) lines(stanza).push(...this.#cluster());
    for (let i = this.#below(5); i > 0; i--) {
      const section = this.#pick([
        'global',
        'global',
        'global',
        ...stanzas,
        ...stanzas,
        `global:${this.#pick(COMMANDS)}`,
        `${this.#pick(stanzas)}:${this.#pick(COMMANDS)}`,
      ]);
      lines(section).push(...this.#anyOption(repositories));
    }
    let main = this.#print(sections);
    const fragments: Record<string, string> = {};
    if (this.#chance(0.2)) main = this.#moveToFragments(main, fragments);
    for (let i = this.#weighted([0, 0, 0, 1, 1, 1, 2, 3]); i > 0; i--) main = this.#spoil(main);
    if (this.#chance(0.04)) main = main.replaceAll('\n', '\r\n');
    if (this.#chance(0.01)) main = `\ufeff${main}`;
    const environment: Record<string, string> = {};
    if (this.#chance(0.15)) this.#environ(environment, repositories);
    const isOnThisDisk = !/^[^#\n]*(?:type|host)\s*[=:]/m.test(Object.values(fragments).join('\n') + main);
    const command = isOnThisDisk && this.#chance(0.25) ? this.#pick(lookingCommands) : this.#pick(quickCommands);
    const needsNone = command === 'info' || command === 'repo-ls';
    return {
      seed: this.seed,
      main: this.#chance(0.01) ? undefined : main,
      fragments,
      environment,
      command,
      stanza: needsNone && this.#chance(0.5) ? undefined : this.#pick(stanzas),
    };
  }

  #repository(index: number): string[] {
    const repo = `repo${index}`;
    const kind = this.#pick([
      'posix',
      'posix',
      'posix',
      'posix',
      's3',
      's3',
      'azure',
      'gcs',
      'cifs',
      'host',
      'nothing',
    ]);
    const path = `${repo}-path=${this.#pick(['/nowhere/backup', '/nowhere/repo', '/nowhere/repo/', `/nowhere/${index}`])}`;
    const lines: string[] = [];
    switch (kind) {
      case 'posix':
        lines.push(path);
        break;
      case 'cifs':
        lines.push(path, `${repo}-type=cifs`);
        break;
      case 's3':
        lines.push(
          `${repo}-type=s3`,
          `${repo}-s3-bucket=${this.#pick(['acme-backup', 'acme.backup'])}`,
          `${repo}-s3-endpoint=s3.invalid`,
          `${repo}-s3-region=eu-west-1`,
          `${repo}-s3-key=AKIA0`,
          `${repo}-s3-key-secret=abc/def+0=`,
        );
        if (this.#chance(0.3)) lines.push(`${repo}-s3-uri-style=${this.#pick(['path', 'host'])}`);
        if (this.#chance(0.2)) lines.push(`${repo}-storage-verify-tls=${this.#pick(['n', 'y'])}`);
        if (this.#chance(0.2)) lines.push(`${repo}-s3-key-type=${this.#pick(['auto', 'shared', 'web-id'])}`);
        break;
      case 'azure':
        lines.push(
          `${repo}-type=azure`,
          `${repo}-azure-account=acme`,
          `${repo}-azure-container=b`,
          `${repo}-azure-key=YWJj`,
        );
        break;
      case 'gcs':
        lines.push(`${repo}-type=gcs`, `${repo}-gcs-bucket=b`, `${repo}-gcs-key=/nowhere/key.json`);
        break;
      case 'host':
        lines.push(`${repo}-host=repository.invalid`);
        if (this.#chance(0.4)) lines.push(`${repo}-host-user=backup`);
        if (this.#chance(0.3)) lines.push(`${repo}-host-type=${this.#pick(['tls', 'ssh'])}`);
        break;
    }
    if (this.#chance(0.15)) lines.splice(this.#below(lines.length + 1), lines.length > 0 ? 1 : 0);
    if (this.#chance(0.6)) lines.push(`${repo}-retention-full=${1 + this.#below(9)}`);
    if (this.#chance(0.2)) lines.push(`${repo}-bundle=y`);
    return lines;
  }

  #cipher(index: number): string[] {
    if (this.#chance(0.35)) return [];
    const type = `repo${index}-cipher-type=${this.#pick(['aes-256-cbc', 'aes-256-cbc', 'aes-256-cbc', 'none'])}`;
    const pass = `repo${index}-cipher-pass=${this.#pick(['correct horse battery', 'Zk3/vS+8==', 'a#b', 'x'.repeat(60)])}`;
    if (this.#chance(0.12)) return [pass];
    if (this.#chance(0.06)) return [type];
    if (this.#chance(0.08)) return [type, pass.replace(/\d+/, (it) => String(Number(it) + 1))];
    return this.#chance(0.5) ? [type, pass] : [pass, type];
  }

  #cluster(): string[] {
    const lines = [`pg1-path=/nowhere/pg${this.#below(3)}`];
    if (this.#chance(0.3)) lines.push(`pg1-port=${this.#pick(['5432', '5433'])}`);
    if (this.#chance(0.2)) lines.push('pg2-path=/nowhere/standby');
    if (this.#chance(0.1)) lines.push('pg2-host=standby.invalid');
    if (this.#chance(0.04)) lines.shift();
    return lines;
  }

  /** Any option of the table, with a value that is mostly right. */
  #anyOption(repositories: readonly number[]): string[] {
    if (this.#chance(0.03)) return [`${this.#pick(commandLineOnly().map((it) => it.name))}=y`];
    const definition = this.#pick(this.#options);
    const index = definition.group === 'repo' ? this.#pick([...repositories, 1, 2]) : this.#pick([1, 1, 1, 2, 3]);
    let key = fullName(definition, index);
    const old = definition.deprecated?.[0];
    if (old && this.#chance(0.3)) {
      key =
        old.index === 'required' || (old.index === 'optional' && this.#chance(0.3))
          ? old.name.replace('-', `${index}-`)
          : old.name;
    }
    const count = definition.multi ? 1 + this.#below(3) : 1;
    return Array.from({ length: count }, () => `${key}=${this.#value(definition)}`);
  }

  #value(definition: OptionDefinition): string {
    const isOdd = this.#chance(0.12);
    const from = (right: readonly string[], odd: readonly string[]) => this.#pick(isOdd ? odd : right);
    if (definition.allow)
      return from(definition.allow, [
        'x',
        definition.allow[0]!.toUpperCase(),
        `${definition.allow[0]} # why`,
        `"${definition.allow[0]}"`,
      ]);
    switch (definition.type) {
      case 'boolean':
        return from(['y', 'n'], ['yes', 'no', 'true', 'Y', '1', 'on', 'y # yes', '"y"']);
      case 'integer':
        return from(
          [...(definition.range ?? ['1', '2', '5432']), '2', '3'],
          ['0', '-1', '1k', '0x1', '999999999', '1 # one', '+3', '03', '1.0', '99999999999999999999'],
        );
      case 'size':
        return from(
          ['64KiB', '1MiB', '1048576', '20m', '2GB', ...(definition.range ?? [])],
          ['1.5MiB', '1 MiB', '-1', '64kk', '9PiB', '0', 'x'],
        );
      case 'time':
        return from(['30', '60', '1800', '120.5'], ['1m', '500ms', 'x', '-1', '0', '99999999', '1 # s', '.5', '0x10']);
      case 'path':
        return from(
          ['/nowhere/x', '/nowhere/with blank', '/nowhere/x/', '/'],
          ['x', '/a//b', '"/a"', '~/x', '/nowhere/x # why'],
        );
      case 'hash':
        return from(['16385=/nowhere/ts', 'a=b', 'a=b=c', 'ts=/nowhere/a b'], ['a', '=b', 'a=', 'a']);
      default:
        return from(['x', 'x y', 'abc.invalid', '/nowhere/f'], ['"x"', 'x # why', "'x'", 'a=b', 'é€', '--x']);
    }
  }

  #print(sections: Map<string, string[]>): string {
    const text: string[] = [];
    const names = [...sections.keys()];
    if (this.#chance(0.3)) names.reverse();
    for (const name of names) {
      const lines = sections.get(name)!;
      if (lines.length === 0 && this.#chance(0.8)) continue;
      if (this.#chance(0.2)) text.push(this.#pick(['# comment', '', '   # repo1-path=/x', '#repo1-cipher-pass=x']));
      text.push(`[${name}]`);
      for (const line of lines) {
        const styled = this.#chance(0.1) ? line.replace('=', this.#pick([' = ', '= ', ' =', '\t=\t'])) : line;
        text.push(
          this.#chance(0.05) ? `${this.#pick([' ', '\t', '    '])}${styled}${this.#pick(['', ' ', '\t'])}` : styled,
        );
      }
      if (this.#chance(0.5)) text.push('');
    }
    return text.join('\n') + (this.#chance(0.9) ? '\n' : '');
  }

  #moveToFragments(main: string, fragments: Record<string, string>): string {
    const pieces = main.split(/^(?=\[)/m);
    const kept: string[] = [];
    for (const piece of pieces) {
      if (!this.#chance(0.5)) {
        kept.push(piece);
        continue;
      }
      const name = this.#pick([
        '10-repo.conf',
        '20-stanza.conf',
        'secrets.conf',
        'Z.conf',
        '.hidden.conf',
        'old.conf.bak',
        'x.cnf',
      ]);
      fragments[name] = (fragments[name] ?? '') + piece;
    }
    if (this.#chance(0.1)) fragments['empty.conf'] = this.#pick(['', '\n', '# nothing\n', '[global]\n']);
    if (this.#chance(0.05)) fragments['headless.conf'] = 'repo1-retention-full=2\n';
    return kept.join('');
  }

  #spoil(text: string): string {
    const lines = text.split('\n');
    const at = this.#below(lines.length);
    const line = lines[at]!;
    const options = lines.flatMap((it, i) => (/^[^#[\n]+=/.test(it) ? [i] : []));
    const headers = lines.flatMap((it, i) => (it.startsWith('[') ? [i] : []));
    const option = options.length > 0 ? this.#pick(options) : at;
    const header = headers.length > 0 ? this.#pick(headers) : at;
    const change = (i: number, to: (it: string) => string) => {
      lines[i] = to(lines[i]!);
    };
    const index = this.#pick(['0', '2', '3', '01', '257', '256', '']);
    const spoilers: (() => void)[] = [
      () => lines.splice(at, 1),
      () => lines.splice(option, 1),
      () => lines.splice(this.#below(lines.length + 1), 0, lines[option]!),
      () => lines.splice(option, 0, lines[option]!),
      () => lines.splice(this.#below(lines.length + 1), 0, line),
      () => change(option, (it) => it.replace(/\d+(?=-)/, index)),
      () => change(option, (it) => it.replace(/\d+(?=-)/, index)),
      () => change(option, (it) => it.replace('-', '_')),
      () => change(option, (it) => it.replace(/^(\w)/, (letter) => letter.toUpperCase())),
      () => change(option, (it) => it.replace(/^([^=]*?)(\w)(\w)(?==)/, '$1$3$2')),
      () =>
        change(option, (it) =>
          it.replace('cipher', this.#pick(['cypher', 'chiper', 'encryption', 'Cipher', 'cipher-'])),
        ),
      () => change(option, (it) => it.replace(/=.*/, '=')),
      () => change(option, (it) => it.replace('=', this.#pick([': ', ' ', '==', ' : ']))),
      () => change(option, (it) => `${it}${this.#pick([' # note', ' ; note', ' // note', '#x'])}`),
      () => change(option, (it) => it.replace(/=(.*)/, this.#pick(['="$1"', "='$1'"]))),
      () =>
        change(
          option,
          (it) => `${this.#pick(['no-', 'reset-', '#', ';', '; ', '// ', '-', '--', '1', 'export '])}${it}`,
        ),
      () =>
        change(option, (it) =>
          it.replace(
            /=.*/,
            `=${this.#pick(['yes', 'no', 'true', 'none', 'aes-256-cbc', 'AES-256-CBC', 'aes256', 's3', '0', '-1', '/'])}`,
          ),
        ),
      () => change(header, (it) => it.replace('[', this.#pick(['[ ', '[Global', '[', '[[', '[:']))),
      () =>
        change(header, (it) =>
          it.replace(']', this.#pick(['', '] # x', ' ]', ':', ':backup]', ':bakcup]', ']]', '] '])),
        ),
      () =>
        change(header, () =>
          this.#pick([
            '[]',
            '[GLOBAL]',
            '[global ]',
            '[stanza]',
            '[repo1]',
            '[global:]',
            '[:backup]',
            '[global:archive-push]',
            '[default]',
            '[stanza:demo]',
          ]),
        ),
      () => lines.splice(header, 1),
      () =>
        lines.splice(
          at,
          0,
          this.#pick([
            'text',
            '= x',
            '=',
            '{',
            'include /nowhere',
            'repo1-path',
            '[global]',
            '[demo]',
            `[global:${this.#pick(COMMANDS)}]`,
            '\t',
            `${'a'.repeat(70)}=x`,
          ]),
        ),
      () => lines.splice(at, 0, ...this.#anyOption([1, 2])),
      () => lines.splice(at, 0, ...this.#cipher(this.#pick([1, 2, 5]))),
      () => lines.splice(option, 0, lines[option]!.replace(/^repo1-/, 'repo-')),
      () => lines.splice(option, 0, lines[option]!.replace(/^(repo|pg)(\d)-/, '$10$2-')),
    ];
    if (this.#chance(0.003))
      spoilers.splice(0, spoilers.length, () =>
        lines.splice(at, 0, `# ${'x'.repeat(this.#pick([65_000, 65_600, 70_000]))}`),
      );
    this.#pick(spoilers)();
    return lines.join('\n');
  }

  #environ(environment: Record<string, string>, repositories: readonly number[]): void {
    for (let i = 1 + this.#below(2); i > 0; i--) {
      const index = this.#pick([...repositories, 1, 2]);
      const [key, value] = this.#pick<[string, string]>([
        [`REPO${index}_CIPHER_PASS`, 'from the environment'],
        [`REPO${index}_CIPHER_PASS`, 'from the environment'],
        [`REPO${index}_CIPHER_TYPE`, 'aes-256-cbc'],
        [`REPO${index}_CIPHER_TYPE`, 'none'],
        [`REPO${index}_PATH`, '/nowhere/elsewhere'],
        [`REPO${index}_CIPHER_PASS`, ''],
        [`REPO${index}_S3_KEY_SECRET`, 'x'],
        ['PG1_PATH', '/nowhere/pg'],
        ['START_FAST', this.#pick(['y', 'yes'])],
        ['EXCLUDE', 'a:b'],
        ['NO_ARCHIVE_CHECK', 'y'],
        ['REPO_CIPHER_PASS', 'old spelling'],
        ['BOGUS_OPTION', 'x'],
        ['COMPRESS_LEVEL', '99'],
        ['repo1_bundle', 'y'],
      ]);
      environment[`PGBACKREST_${key}`] = value;
    }
  }

  #chance(of: number): boolean {
    return this.#next() < of;
  }

  #below(limit: number): number {
    return Math.floor(this.#next() * limit);
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#below(from.length)]!;
  }

  #weighted(from: readonly number[]): number {
    return this.#pick(from);
  }

  /** That many different ones, in their order. */
  #some<T>(from: readonly T[], count: number): T[] {
    const chosen = new Set<T>();
    while (chosen.size < Math.min(count, from.length)) chosen.add(this.#pick(from));
    return from.filter((it) => chosen.has(it));
  }
}

const COMMANDS = ['backup', 'archive-push', 'archive-get', 'restore', 'expire', 'stanza-create', 'info', 'check'];
