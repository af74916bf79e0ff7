import { EXIT_CODE } from '../../../../engine/src/failure.ts';
import { type OptionTable, type ParsedArguments, UsageError } from '../arguments.ts';
import { command } from '../command.ts';
import { readConfiguration } from '../configuration.ts';
import { KEY_OPTIONS, readKeyMaterial, wipe } from '../keyMaterial.ts';
import { offersFor } from '../keyOffers.ts';
import { runJob } from '../running.ts';

const optionTable = {
  archive: {
    kind: 'text',
    value: 'PATH',
    help: 'the archive: the root of a pgBackRest repository, or a copy of a bucket of WAL-G',
  },
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
} as const satisfies OptionTable;

/** To PostgreSQL, a status of restore_command above 125 is an error, and every other one but 0 the end of the archive. */
const severe = 200;
const notInArchive = 1;

export const archiveGet = command({
  name: 'archive-get',
  summary: 'give PostgreSQL one WAL file out of an archive, as its restore_command',
  usage: [
    'archive-get WALFILE TARGET --archive PATH --config PATH... [OPTIONS]',
    'archive-get WALFILE TARGET --archive PATH --key-file FILE [OPTIONS]',
  ],
  description: [
    'PostgreSQL runs it for every file that a recovery needs. The file is decrypted, decompressed and compared with its checksum, and has its name only when it is whole. Everything but 0 and 1 makes PostgreSQL stop, so that a wrong key or a damaged file is never taken for the end of the archive.',
    'It is to be called from the data directory, as PostgreSQL does: where several clusters archived into one stanza, global/pg_control tells which one is meant.',
  ],
  options: optionTable,
  examples: [
    {
      line: `restore_command = 'restorable archive-get %f "%p" --archive /mnt/repo1 --config /etc/pgbackrest.conf'`,
      what: 'in postgresql.conf, beside an empty file recovery.signal',
    },
  ],
  exitCodes: [
    { left: '0', help: 'served' },
    { left: '1', help: 'the archive has no such file: recovery ends here' },
    { left: '202', help: 'wrong usage, or an error of the program itself' },
    { left: '212', help: 'wrong key' },
    { left: '213', help: 'damaged' },
    { left: '214', help: 'cut off' },
    { left: '215', help: 'not encrypted, though the configuration says so' },
    { left: '216', help: 'a format or option that is not supported' },
    { left: '217', help: 'hostile: made to do harm' },
    { left: '218', help: 'cannot be read or written' },
    { left: '219', help: 'incomplete: a part of the repository is missing' },
    { left: '130', help: 'stopped' },
  ],
  exitCodeOf: (code) => (code === EXIT_CODE.cancelled ? code : severe + code),
  async run(parsed, terminal) {
    const { options } = parsed;
    const { file, target, configPaths } = sortPaths(parsed);
    if (options.archive === undefined) throw new UsageError('archive-get needs --archive PATH');
    const configuration = configPaths.length > 0 ? await readConfiguration(configPaths, options.archive) : undefined;
    const material = await readKeyMaterial(options, terminal);
    const keys = [...(configuration?.offers ?? []), ...offersFor(material, options['key-transform'])];
    try {
      const { isServed } = await runJob(
        {
          kind: 'archive-get',
          archive: options.archive,
          keys,
          file,
          target,
          ...(options.stanza !== undefined && { stanza: options.stanza }),
          ...(options.cluster !== undefined && { cluster: options.cluster }),
          ...(configuration && configuration.known.length > 0 && { known: configuration.known }),
        },
        terminal,
      );
      return isServed ? 0 : notInArchive;
    } finally {
      wipe(material.key, material.passphrase);
      for (const it of keys) {
        it.bytes.fill(0);
        it.passphrase?.fill(0);
      }
    }
  },
});

/** `--config a b FILE TARGET`: the last two are the file and its target, wherever the options stand. */
function sortPaths({ options, positionals }: ParsedArguments<typeof optionTable>): {
  file: string;
  target: string;
  configPaths: string[];
} {
  const own = positionals.filter((it) => it.after !== 'config');
  const claimed = positionals.filter((it) => it.after === 'config');
  const files = own.length === 0 ? claimed.splice(-2) : own;
  const [file, target, ...more] = files.map((it) => it.value);
  if (file === undefined || target === undefined) {
    throw new UsageError('archive-get needs a WALFILE and a TARGET: %f and "%p" in restore_command');
  }
  if (more.length > 0) throw new UsageError(`archive-get takes one WALFILE and one TARGET; ${more[0]} is one too many`);
  return { file, target, configPaths: [...options.config, ...claimed.map((it) => it.value)] };
}
