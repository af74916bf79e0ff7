/**
 * A test-restore beside pgbackrest itself: repositories of several kinds of one real cluster, read by both turn by turn,
 * so that what else the machine does slows both alike; the median of the rounds counts. And memory, on repositories that
 * are larger than the machine would like to store: a file that is one hole, and very many small files.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  cpSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Ended, median, timed } from './measured.ts';

export interface RepositoryMeasure {
  /** `aes-256-cbc, gz`. */
  kind: string;
  /** Of the data directory, and of what is stored for it. */
  bytes: number;
  storedBytes: number;
  verify: Duel;
  restore: Duel;
  /** Most memory of our process, in bytes. */
  memory: number;
}

/** Seconds. */
export interface Duel {
  ours: number;
  theirs: number;
}

export interface MemoryMeasure {
  what: string;
  memory: number;
  seconds: number;
}

interface Kind {
  compression: string;
  isEncrypted: boolean;
  isBundled: boolean;
}

const KINDS: Kind[] = [
  { compression: 'gz', isEncrypted: true, isBundled: false },
  { compression: 'lz4', isEncrypted: true, isBundled: false },
  { compression: 'zst', isEncrypted: true, isBundled: false },
  { compression: 'zst', isEncrypted: true, isBundled: true },
  { compression: 'none', isEncrypted: true, isBundled: false },
  { compression: 'none', isEncrypted: false, isBundled: true },
];

const binaries = [process.env.PGBIN, '/usr/lib/postgresql/15/bin'].find(
  (it) => it && existsSync(path.join(it, 'initdb')),
);

/** What keeps this from being measured here; undefined when nothing does. */
export function missingForRepositories(): string | undefined {
  if (!binaries) return 'PostgreSQL 15 (PGBIN may name its folder)';
  if (spawnSync('pgbackrest', ['version']).status !== 0) return 'pgbackrest';
  if (process.getuid?.() === 0 && spawnSync('id', ['postgres']).status !== 0) return 'a user postgres';
  return existsSync('dist/cli.js') ? undefined : 'dist/ (npm run build)';
}

export interface RepositoryBench {
  /** Of the data directory, about. */
  bytes: number;
  rounds: number;
  /** How large the file with a hole is, and how many small files there are. */
  largeFileBytes: number;
  smallFiles: number;
  /** Called with what is done, for someone who waits. */
  onStep?: (step: string) => void;
}

export async function measureRepositories(
  bench: RepositoryBench,
): Promise<{ repositories: RepositoryMeasure[]; memory: MemoryMeasure[] }> {
  const cluster = new BenchCluster();
  try {
    bench.onStep?.(`a cluster of ${Math.round(bench.bytes / 1e6)} MB`);
    const bytes = cluster.fill(bench.bytes);
    const repositories: RepositoryMeasure[] = [];
    let plain: Repository | undefined;
    for (const kind of KINDS) {
      const repository = cluster.backUp(kind);
      bench.onStep?.(repository.name);
      repositories.push(await cluster.duel(repository, bytes, bench.rounds));
      if (kind.isBundled && kind.compression === 'none') plain = repository;
      else cluster.forget(repository);
    }
    if (!plain) throw new Error('the kinds have no plain bundle');
    bench.onStep?.('memory');
    const memory = [
      await cluster.memoryOf(
        `a file of ${(bench.largeFileBytes / 1e9).toFixed(0)} GB`,
        withLargeFile(plain, bench.largeFileBytes),
      ),
      await cluster.memoryOf(`${bench.smallFiles.toLocaleString('en')} files`, withManyFiles(plain, bench.smallFiles)),
    ];
    return { repositories, memory };
  } finally {
    cluster.remove();
  }
}

interface Repository {
  name: string;
  path: string;
  conf: string;
  kind: Kind;
}

/** A cluster with tables of several kinds in a folder of its own, and repositories beside it. */
class BenchCluster {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'restorable-repositories-'));
  readonly #user = unprivileged();
  readonly #program: string;

  constructor() {
    chmodSync(this.#folder, 0o755);
    for (const name of ['log', 'lock', 'spool']) mkdirSync(this.#at(name));
    cpSync('dist', this.#at('dist'), { recursive: true, filter: (it) => !it.endsWith('.map') });
    this.#program = this.#at('dist/cli.js');
    if (this.#user) execFileSync('chown', ['-R', `${this.#user.uid}:${this.#user.gid}`, this.#folder]);
  }

  /** Returns the bytes of the data directory. */
  fill(bytes: number): number {
    this.#pg('initdb', ['-D', this.#at('pg'), '--data-checksums', '--locale=C', '-A', 'trust', '-U', 'postgres', '-N']);
    appendFileSync(
      this.#at('pg/postgresql.conf'),
      [
        "listen_addresses = ''",
        `unix_socket_directories = '${this.#folder}'`,
        'fsync = off',
        'autovacuum = off',
        'archive_mode = on',
        `archive_command = 'test ! -e ${this.#at('now.conf')} || pgbackrest --config=${this.#at('now.conf')} --stanza=demo archive-push %p'`,
        'max_wal_size = 4GB',
        '',
      ].join('\n'),
    );
    this.#pg('pg_ctl', ['-D', this.#at('pg'), '-l', this.#at('log/server.log'), '-w', 'start']);
    // Half rows with much air, a quarter text, a tenth what nothing compresses, and many small tables.
    const scale = Math.max(1, Math.round((bytes * 0.6) / 15e6));
    this.#pg('pgbench', ['-h', this.#folder, '-U', 'postgres', '-i', '-q', '-s', String(scale), 'postgres']);
    const rows = Math.round((bytes * 0.25) / 290);
    this.#sql(`create table texts as select i, md5(i::text) || md5((7 * i)::text)
      || repeat('lorem ipsum dolor ', i % 20) as words from generate_series(1, ${rows}) i`);
    this.#sql(`create table noise as select i, decode(string_agg(md5((100 * i + j)::text), ''), 'hex') as bytes
      from generate_series(1, ${Math.round((bytes * 0.1) / 1_000)}) i, generate_series(1, 60) j group by i`);
    this.#sql(
      `do $$ begin for i in 1..1000 loop execute format(
      'create table small_%s as select g, md5(g::text) m from generate_series(1, %s) g', i, (i %% 10) * 30);
      end loop; end $$`.replace('%%', '%'),
    );
    this.#sql('checkpoint');
    return Number(execFileSync('du', ['-sb', '--exclude=pg_wal', this.#at('pg')], { encoding: 'utf8' }).split('\t')[0]);
  }

  backUp(kind: Kind): Repository {
    const words = [kind.isEncrypted ? 'aes' : 'plain', kind.compression, ...(kind.isBundled ? ['bundle'] : [])];
    const name = words.join('-');
    const repository = { name, path: this.#at(name), conf: this.#at(`${name}.conf`), kind };
    const lines = [
      '[global]',
      `repo1-path=${repository.path}`,
      ...(kind.isEncrypted ? ['repo1-cipher-type=aes-256-cbc', 'repo1-cipher-pass=a pass for the bench'] : []),
      ...(kind.isBundled ? ['repo1-bundle=y'] : []),
      'repo1-retention-full=9',
      `compress-type=${kind.compression}`,
      `log-path=${this.#at('log')}`,
      `lock-path=${this.#at('lock')}`,
      `spool-path=${this.#at('spool')}`,
      'log-level-console=error',
      'log-level-file=off',
      'process-max=2',
      'start-fast=y',
      '[demo]',
      `pg1-path=${this.#at('pg')}`,
      `pg1-socket-path=${this.#folder}`,
      '',
    ];
    for (const file of [repository.conf, this.#at('now.conf')]) {
      writeFileSync(file, lines.join('\n'));
      chmodSync(file, 0o644);
    }
    this.#run('pgbackrest', [`--config=${repository.conf}`, '--stanza=demo', 'stanza-create']);
    this.#run('pgbackrest', [`--config=${repository.conf}`, '--stanza=demo', '--type=full', 'backup']);
    return repository;
  }

  async duel(repository: Repository, bytes: number, rounds: number): Promise<RepositoryMeasure> {
    const theirs = (command: string[]) =>
      this.#time('pgbackrest', [`--config=${repository.conf}`, '--stanza=demo', ...command]);
    const keys = repository.kind.isEncrypted ? ['--config', repository.conf] : [];
    const ours = (more: string[]) =>
      this.#time(process.execPath, [this.#program, 'test-restore', repository.path, ...keys, ...more]);
    const runs = { verify: { ours: [], theirs: [] }, restore: { ours: [], theirs: [] } } as Record<
      'verify' | 'restore',
      Record<'ours' | 'theirs', number[]>
    >;
    let memory = 0;
    const target = this.#at('target');
    for (let round = 0; round < rounds; round++) {
      runs.verify.theirs.push((await theirs(['verify'])).seconds);
      const verified = await ours([]);
      runs.verify.ours.push(verified.seconds);
      this.#emptyFolder(target);
      runs.restore.theirs.push((await theirs([`--pg1-path=${target}`, 'restore'])).seconds);
      rmSync(target, { recursive: true, force: true });
      spawnSync('sync');
      const restored = await ours(['--to', target]);
      runs.restore.ours.push(restored.seconds);
      rmSync(target, { recursive: true, force: true });
      spawnSync('sync');
      memory = Math.max(memory, verified.memory, restored.memory);
    }
    const { kind } = repository;
    const words = [kind.isEncrypted ? 'aes-256-cbc' : 'plain', kind.compression, ...(kind.isBundled ? ['bundle'] : [])];
    return {
      kind: words.join(', '),
      bytes,
      storedBytes: Number(execFileSync('du', ['-sb', repository.path], { encoding: 'utf8' }).split('\t')[0]),
      verify: { ours: median(runs.verify.ours), theirs: median(runs.verify.theirs) },
      restore: { ours: median(runs.restore.ours), theirs: median(runs.restore.theirs) },
      memory,
    };
  }

  async memoryOf(what: string, repository: Repository): Promise<MemoryMeasure> {
    const ended = await this.#time(process.execPath, [this.#program, 'test-restore', repository.path]);
    return { what, ...ended };
  }

  forget(repository: Repository): void {
    rmSync(repository.path, { recursive: true, force: true });
  }

  remove(): void {
    if (existsSync(this.#at('pg/postmaster.pid'))) {
      this.#pg('pg_ctl', ['-D', this.#at('pg'), '-m', 'immediate', '-w', 'stop']);
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #at(name: string): string {
    return path.join(this.#folder, name);
  }

  #emptyFolder(folder: string): void {
    rmSync(folder, { recursive: true, force: true });
    this.#run('mkdir', ['-m', '700', folder]);
    spawnSync('sync');
  }

  #sql(statement: string): void {
    this.#pg('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', this.#folder, '-U', 'postgres', '-c', statement]);
  }

  #pg(program: string, args: string[]): void {
    this.#run(path.join(binaries ?? '', program), args);
  }

  #run(program: string, args: string[]): void {
    const { status, stderr, stdout } = spawnSync(program, args, {
      ...this.#user,
      cwd: this.#folder,
      encoding: 'utf8',
      // A server that is started here goes on: it must not hold our pipes.
      stdio: program.endsWith('pg_ctl') ? 'ignore' : 'pipe',
    });
    if (status !== 0)
      throw new Error(`${program} ${args.join(' ')} ended with ${status}: ${stderr ?? ''}${stdout ?? ''}`);
  }

  /** @throws Error when it does not end with 0 */
  #time(program: string, args: string[]): Promise<Ended> {
    return timed(program, args, { ...this.#user, cwd: this.#folder });
  }
}

/** PostgreSQL refuses root. */
function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (option: string) => Number(execFileSync('id', [option, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** Adds a file that is one hole; in the manifest it is as large as it says. */
function withLargeFile(repository: Repository, bytes: number): Repository {
  const hash = createHash('sha1');
  const zeros = new Uint8Array(1024 * 1024);
  for (let left = bytes; left > 0; left -= zeros.length) hash.update(zeros.subarray(0, Math.min(left, zeros.length)));
  const name = 'pg_data/base/large';
  const object = path.join(newestBackup(repository), name);
  mkdirSync(path.dirname(object), { recursive: true });
  const descriptor = openSync(object, 'w', 0o644);
  ftruncateSync(descriptor, bytes);
  closeSync(descriptor);
  changeManifest(repository, [`${name}={"checksum":"${hash.digest('hex')}","size":${bytes},"timestamp":1700000000}`]);
  return repository;
}

/** Adds files that all lie in the same place of a bundle. */
function withManyFiles(repository: Repository, count: number): Repository {
  const manifest = readFileSync(path.join(newestBackup(repository), 'backup.manifest'), 'utf8');
  const [, version] = /^pg_data\/PG_VERSION=(\{.*\})$/m.exec(manifest) ?? [];
  if (!version) throw new Error('the manifest does not list PG_VERSION');
  const large = /^pg_data\/base\/large=.*\n/m;
  writeManifest(repository, manifest.replace(large, ''));
  rmSync(path.join(newestBackup(repository), 'pg_data/base/large'), { force: true });
  changeManifest(
    repository,
    Array.from({ length: count }, (_, index) => `pg_data/base/many/${index}=${version}`),
  );
  return repository;
}

function newestBackup({ path: root }: Repository): string {
  const folder = path.join(root, 'backup/demo');
  const label = readdirSync(folder)
    .filter((it) => /^\d{8}-\d{6}F$/.test(it))
    .at(-1);
  return path.join(folder, label ?? '');
}

function changeManifest(repository: Repository, entries: string[]): void {
  const text = readFileSync(path.join(newestBackup(repository), 'backup.manifest'), 'utf8');
  writeManifest(
    repository,
    text.replace('[target:file]\n', () => `[target:file]\n${entries.join('\n')}\n`),
  );
}

/** With the checksum that belongs to it: of all sections as one line of JSON. */
function writeManifest(repository: Repository, text: string): void {
  const hash = createHash('sha1').update('{');
  let section = '';
  let isFirst = true;
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('backrest-checksum=')) continue;
    if (line.startsWith('[')) {
      const name = line.slice(1, -1);
      if (name === section || (name === 'backrest' && section !== '')) continue;
      hash.update(`${section === '' ? '' : '},'}${JSON.stringify(name)}:{`);
      section = name;
      isFirst = true;
      continue;
    }
    const [, key = '', value = ''] = /^(.*?)=((?:["{[]|-?\d|true$|false$|null$).*)$/.exec(line) ?? [];
    hash.update(`${isFirst ? '' : ','}${JSON.stringify(key)}:${value}`);
    isFirst = false;
  }
  const checksum = hash.update('}}').digest('hex');
  const changed = text.replace(/backrest-checksum="[0-9a-f]*"/, `backrest-checksum="${checksum}"`);
  for (const name of ['backup.manifest', 'backup.manifest.copy']) {
    writeFileSync(path.join(newestBackup(repository), name), changed);
  }
}
