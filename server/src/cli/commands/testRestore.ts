import { EXIT_CODE, type Failure } from '../../../../engine/src/failure.ts';
import type { KeyOffer, TestRestoreJob } from '../../../../engine/src/job.ts';
import type { Report } from '../../../../engine/src/report.ts';
import { type OptionTable, type OptionValues, type ParsedArguments, UsageError } from '../arguments.ts';
import { command } from '../command.ts';
import { type Configuration, readConfiguration } from '../configuration.ts';
import { ALLOW_OPTIONS, runAsking } from '../costly.ts';
import { KEY_OPTIONS, type KeyMaterial, readKeyMaterial, wipe } from '../keyMaterial.ts';
import { offersFor } from '../keyOffers.ts';
import { OPENSSL_OPTIONS, opensslParameters } from '../opensslOptions.ts';
import { askHidden } from '../prompt.ts';
import { reportOfError, summarize } from '../reportJson.ts';
import { restoreCommand } from '../restoreCommand.ts';
import { RESTORE_OPTIONS, restoreParts } from '../restoreOptions.ts';
import { describeReport, overall, signOf, whatNext } from '../restoreReport.ts';
import { runJob } from '../running.ts';
import type { Terminal } from '../terminal.ts';

const optionTable = {
  config: {
    kind: 'text',
    isList: true,
    value: 'PATH',
    help: "pgbackrest.conf, manifests, WAL-G's environment or folders of them: every key they hold is tried",
  },
  ...KEY_OPTIONS,
  stanza: { kind: 'text', value: 'S', help: 'the stanza of a pgBackRest repository (default: the only one)' },
  cluster: {
    kind: 'text',
    value: 'NAMESPACE/NAME',
    help: 'which of several clusters whose WAL-G archives are in one bucket',
  },
  backup: { kind: 'text', value: 'LABEL', help: 'a backup label or SGBackup, latest, or all (default: latest)' },
  to: { kind: 'text', value: 'DIR', help: 'write the files into this new or empty folder (default: write nothing)' },
  ...RESTORE_OPTIONS,
  wal: {
    kind: 'text',
    choices: ['stop', 'latest'],
    help: "how far the WAL is checked: to the backup's stop, or to the newest in the archive (default: stop)",
  },
  start: {
    kind: 'flag',
    help: 'have PostgreSQL of this machine start on a throw-away copy, recover, and read all of it; a dump is loaded into a new server, or PGlite',
  },
  'work-dir': {
    kind: 'text',
    value: 'DIR',
    help: 'with --start: where the throw-away copy goes (default: the folder for temporary files)',
  },
  'pg-bin': {
    kind: 'text',
    value: 'DIR',
    help: 'with --start: the folder with the programs of PostgreSQL (default: looked for)',
  },
  'max-expansion': {
    kind: 'text',
    value: 'N',
    help: 'how many times larger than what is stored the contents may be (default: 1000)',
  },
  json: { kind: 'flag', help: 'print the report as JSON' },
  ...ALLOW_OPTIONS,
  ...OPENSSL_OPTIONS,
} as const satisfies OptionTable;

type Options = OptionValues<typeof optionTable>;

export const testRestore = command({
  name: 'test-restore',
  summary: 'prove that an archive restores: decrypt it, decompress it, check everything',
  usage: [
    'test-restore ARCHIVE --config PATH... [OPTIONS]',
    'test-restore ARCHIVE --key-file FILE [--key-transform hex|base64|none] [OPTIONS]',
    'test-restore ARCHIVE --passphrase-file FILE [OPTIONS]',
  ],
  description: [
    'ARCHIVE is the root of a pgBackRest repository, a copy of a bucket that WAL-G (as in StackGres) writes to, one encrypted file (of gpg, openssl or WAL-G), or a folder that is one backup: of pg_basebackup, or of pg_dump in the directory format, its files encrypted or not. It is read on this machine, without the tool that made it, and nothing is written unless you say --to.',
    'The verdict has four ticks, each yes (✔), no (✘) or cannot be proven (?): decrypted, every byte came through; authentic, tampering would have been noticed; complete, nothing is missing; restorable, the contents agree with every recorded checksum, size and WAL range. What each format can prove is in docs/formats/verdicts.md.',
    '--start adds the last proof: PostgreSQL of the same version, which must be installed here, recovers a throw-away copy of a pgBackRest backup, answers, and reads everything; it has no network, never runs as root, and is removed. The folder of --to is not touched by it. A backup of pg_basebackup is started in the same way. A dump is loaded into a new server, by a role that may not run programs or read files, and counted; where no server is installed that is new enough, into PGlite, if its npm package is (docs/formats/pgdump.md).',
  ],
  options: optionTable,
  examples: [
    { line: 'restorable test-restore /mnt/repo1 --config /etc/pgbackrest', what: 'the latest backup of a repository' },
    {
      line: 'restorable test-restore bucket/ --config manifests/',
      what: "the latest backup of a StackGres bucket, keys from the cluster's Secrets",
    },
    {
      line: 'restorable test-restore shop.dump.gpg --passphrase-file pass.txt --to restored',
      what: 'and keep the result',
    },
  ],
  exitCodes: [
    { left: '0', help: 'restorable, or nothing contradicts it (the verdict says which)' },
    { left: '12', help: 'wrong key' },
    { left: '13', help: 'damaged' },
    { left: '14', help: 'cut off' },
    { left: '15', help: 'not encrypted, though the configuration says so' },
    { left: '16', help: 'a format or option that is not supported' },
    { left: '17', help: 'hostile: made to do harm' },
    { left: '18', help: 'cannot be read or written' },
    { left: '19', help: 'incomplete: something that the backup needs is missing' },
    { left: '2 130', help: 'wrong usage, stopped' },
  ],
  async run(parsed, terminal) {
    const { options } = parsed;
    const { archive, configPaths } = sortPaths(parsed);
    for (const it of ['work-dir', 'pg-bin'] as const) {
      if (options[it] !== undefined && !options.start) throw new UsageError(`--${it} is of use with --start only`);
    }
    const configuration = configPaths.length > 0 ? await readConfiguration(configPaths, archive) : undefined;
    const material = await readKeyMaterial(options, terminal);
    try {
      if (!configuration && !material.key && !material.passphrase) await askForKey(archive, material, terminal);
      const job = jobOf({ archive, options, configuration, material });
      if (!options.json) {
        const reports = await runAsking(job, terminal, { failureIn: costlyIn });
        const hasTypedKey = material.key !== undefined && !options['key-file'] && !options['key-env'];
        const [first] = reports;
        const command = first && restoreCommand(first, { configPaths, options, hasTypedKey });
        await terminal.print(describe(reports, command, terminal));
        return exitCodeOf(reports);
      }
      const reports = await runJob(job, terminal).catch((error: unknown) => [reportOfError(error, archive)]);
      await terminal.print(`${JSON.stringify(summarize(reports), undefined, 2)}\n`);
      return exitCodeOf(reports);
    } finally {
      wipe(material.key, material.passphrase);
      for (const it of configuration?.offers ?? []) wipeOffer(it);
    }
  },
});

/** `--config a b` names two paths; without an archive before it, the last of them is the archive. */
function sortPaths({ options, positionals }: ParsedArguments<typeof optionTable>): {
  archive: string;
  configPaths: string[];
} {
  const configPaths = [...options.config];
  const archives: string[] = [];
  for (const { value, after } of positionals) (after === 'config' ? configPaths : archives).push(value);
  if (archives.length === 0 && configPaths.length > options.config.length) archives.push(configPaths.pop()!);
  const [archive, ...more] = archives;
  if (archive === undefined) throw new UsageError('test-restore needs an ARCHIVE: a file, or the root of a repository');
  if (more.length > 0) throw new UsageError(`test-restore takes one ARCHIVE; ${more[0]} is one too many`);
  return { archive, configPaths };
}

/** Only at a terminal, and only when the archive is not plainly unencrypted. */
async function askForKey(archive: string, material: KeyMaterial, terminal: Terminal): Promise<void> {
  if (!terminal.stdinIsTty) return;
  const { isEncrypted, opensWith } = await runJob({ kind: 'inspect', archive }, terminal);
  if (isEncrypted === false) return;
  if (opensWith.length > 0) terminal.say(`It opens with ${opensWith.join(', ')}.`);
  const typed = await askHidden('Key or passphrase:', terminal);
  if (typed.bytes.length > 0) material.key = typed;
}

function jobOf(from: {
  archive: string;
  options: Options;
  configuration: Configuration | undefined;
  material: KeyMaterial;
}): TestRestoreJob {
  const { archive, options, configuration, material } = from;
  const passphrase = material.passphrase?.bytes;
  const configured = (configuration?.offers ?? []).map((it) =>
    it.kind === 'openpgp' && !it.passphrase && passphrase ? { ...it, passphrase: passphrase.slice() } : it,
  );
  return {
    kind: 'test-restore',
    archive,
    keys: [...configured, ...offersFor(material, options['key-transform'])],
    ...(options.stanza !== undefined && { stanza: options.stanza }),
    ...(options.cluster !== undefined && { cluster: options.cluster }),
    ...(options.backup !== undefined && { backup: options.backup }),
    ...(configuration && configuration.known.length > 0 && { known: configuration.known }),
    ...(options.to !== undefined && { to: options.to }),
    ...restoreParts(options, options.to),
    ...(options.wal === 'latest' && { wal: options.wal }),
    ...(options.start && { start: { workFolder: options['work-dir'], postgres: options['pg-bin'] } }),
    ...(configuration?.isEncrypted && { expectEncrypted: true }),
    ...(options['max-expansion'] !== undefined && { mostExpansion: expansion(options['max-expansion']) }),
    ...(options['allow-unauthenticated'] && { allowUnauthenticated: true }),
    ...(options['allow-costly'] && { allowCostly: true }),
    ...opensslParameters(options),
  };
}

function costlyIn(reports: readonly Report[]): Failure | undefined {
  return reports.find((it) => it.failure?.reason === 'costly')?.failure ?? undefined;
}

function expansion(text: string): number {
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
  throw new UsageError('--max-expansion takes a whole number', 'It is 1000 when left out.');
}

function describe(reports: readonly Report[], command: string | undefined, terminal: Terminal): string {
  const all = reports.map((it) => describeReport(it, terminal)).join('\n');
  const [first] = reports;
  if (first && reports.length === 1) return all + whatNext(first, terminal, command);
  const lines = reports.map((it) => `  ${signOf(overall(it))} ${it.backup?.label ?? it.format}`);
  return `${all}\n${lines.join('\n')}\n`;
}

function exitCodeOf(reports: readonly Report[]): number {
  const failed = reports.find((it) => it.failure);
  return failed?.failure ? EXIT_CODE[failed.failure.code] : 0;
}

function wipeOffer({ bytes, passphrase }: KeyOffer): void {
  bytes.fill(0);
  passphrase?.fill(0);
}
