import type { GeneratedKey, KeySpecification } from '../../../../engine/src/job.ts';
import { keySheet } from '../../../../engine/src/keys/keySheet.ts';
import { type OptionValues, oneOf, UsageError } from '../arguments.ts';
import { command } from '../command.ts';
import { PASSPHRASE_OPTIONS, readPassphrase, wipe } from '../keyMaterial.ts';
import { writeNewFiles } from '../newFile.ts';
import { runJob } from '../running.ts';
import { secretManifest } from '../secretManifest.ts';
import type { Terminal } from '../terminal.ts';

const kinds = ['pgbackrest', 'sodium', 'openpgp'] as const;

const options = {
  encoding: {
    kind: 'text',
    choices: ['hex', 'base64'],
    help: 'sodium (default: hex) and pgbackrest (default: base64)',
  },
  out: { kind: 'text', value: 'FILE', help: 'a new file, readable by you only; - prints the key, even to a terminal' },
  secret: { kind: 'text', value: 'NAME', help: 'write a Kubernetes Secret of this name that holds the key' },
  namespace: { kind: 'text', value: 'NS', help: 'the namespace of the Secret' },
  entry: { kind: 'text', value: 'KEY', help: "the Secret's entry (default: what the product expects)" },
  repo: { kind: 'text', value: 'N', help: 'pgbackrest with --secret: the number of the repository (default: 1)' },
  name: { kind: 'text', value: 'NAME', help: 'openpgp: whose key it is (default: Database backup)' },
  email: { kind: 'text', value: 'ADDRESS', help: 'openpgp: an e-mail address' },
  type: {
    kind: 'text',
    choices: ['rsa4096', 'curve25519'],
    help: 'openpgp (default: rsa4096, which every tool reads)',
  },
  sheet: {
    kind: 'text',
    value: 'FILE',
    help: 'a new HTML file to print for the safe: the key, its fingerprint, what to do',
  },
  ...PASSPHRASE_OPTIONS,
} as const;

type Options = OptionValues<typeof options>;

export const keygen = command({
  name: 'keygen',
  summary: 'make a key, into a file or a Kubernetes Secret',
  usage: [`keygen ${kinds.join('|')} [--out FILE | --secret NAME] [OPTIONS]`],
  description: [
    'pgbackrest: 48 random bytes in base64, for repoN-cipher-pass. sodium: 32 random bytes, for StackGres and WAL-G. openpgp: a key pair; the private key is what has to be kept.',
    'A key is never shown on a terminal unless you ask for it with --out -, and nothing is ever overwritten. With --secret and no --out the manifest goes to stdout, for kubectl or sops to take.',
  ],
  options,
  examples: [
    { line: 'restorable keygen pgbackrest --out repo1-cipher-pass', what: 'into a file' },
    {
      line: 'restorable keygen sodium --secret backup-key --namespace db --out secret.yaml',
      what: 'a manifest for an SGObjectStorage with keyTransform: hex',
    },
    { line: 'restorable keygen sodium --secret backup-key | kubectl apply -f -', what: 'straight into the cluster' },
    { line: 'restorable keygen openpgp --name "Backup team" --out team.asc', what: 'a key pair in two files' },
  ],
  async run({ options, positionals }, terminal) {
    const [first, ...more] = positionals.map((it) => it.value);
    if (first === undefined || more.length > 0)
      throw new UsageError(`keygen needs one kind of key: ${kinds.join(', ')}`);
    const kind = oneOf(kinds, first, 'the kind of key');
    refuseForeignOptions(kind, options);
    if (options.out === undefined && terminal.stdoutIsTty) {
      throw new UsageError(
        'a key is not shown on a terminal unasked',
        'Write it with --out FILE, or show it with --out -.',
      );
    }
    const passphrase = await readPassphrase(options, terminal);
    let generated: GeneratedKey | undefined;
    try {
      // The worker gets a copy without the line end of the passphrase file.
      generated = await runJob({ kind: 'keygen', key: specification(kind, options, passphrase?.bytes) }, terminal);
      if (kind === 'pgbackrest' && options.encoding === 'hex') toHex(generated);
      await put(generated, kind, options, passphrase?.bytes, terminal);
    } finally {
      generated?.secret.fill(0);
      wipe(passphrase);
    }
    return 0;
  },
});

function refuseForeignOptions(kind: (typeof kinds)[number], options: Options): void {
  const foreign = (names: readonly (keyof Options)[], of: string) => {
    const given = names.find((it) => options[it] !== undefined);
    if (given) throw new UsageError(`--${given} is for ${of} only`);
  };
  if (kind !== 'openpgp') foreign(['name', 'email', 'type', 'passphrase-file', 'passphrase-env'], 'keygen openpgp');
  if (kind === 'openpgp') foreign(['encoding'], 'keygen sodium and keygen pgbackrest');
  if (kind !== 'pgbackrest') foreign(['repo'], 'keygen pgbackrest');
  if (options.secret === undefined) foreign(['namespace', 'entry', 'repo'], '--secret');
  if (options.repo !== undefined && !/^(?:[1-9]\d?|1\d\d|2[0-4]\d|25[0-6])$/.test(options.repo)) {
    throw new UsageError('--repo is a number from 1 to 256, as in repo1-cipher-pass');
  }
  const isName = (it: string, most: number) => it.length <= most && /^[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$/.test(it);
  if (options.secret !== undefined && !isName(options.secret, 253)) {
    throw new UsageError(`--secret: Kubernetes names have small letters, digits, - and . only`);
  }
  if (options.namespace !== undefined && (!isName(options.namespace, 63) || options.namespace.includes('.'))) {
    throw new UsageError(`--namespace: a namespace has small letters, digits and - only`);
  }
  if (options.entry !== undefined && !/^[-._A-Za-z0-9]{1,253}$/.test(options.entry)) {
    throw new UsageError(`--entry: an entry's name has letters, digits, -, _ and . only`);
  }
}

function specification(kind: (typeof kinds)[number], options: Options, passphrase?: Uint8Array): KeySpecification {
  switch (kind) {
    case 'pgbackrest':
      return { kind };
    case 'sodium':
      return { kind, encoding: options.encoding ?? 'hex' };
    case 'openpgp': {
      const line = passphrase && firstLine(passphrase);
      return {
        kind,
        type: options.type ?? 'rsa4096',
        name: options.name ?? 'Database backup',
        ...(options.email !== undefined && { email: options.email }),
        ...(line && { passphrase: line }),
      };
    }
  }
}

/** As gpg reads a passphrase file. */
function firstLine(bytes: Uint8Array): Uint8Array {
  const end = bytes.findIndex((it) => it === 0x0a || it === 0x0d);
  const line = Uint8Array.from(end < 0 ? bytes : bytes.subarray(0, end));
  if (line.length === 0) throw new UsageError('the passphrase is empty', 'Leave the option out for a key without one.');
  return line;
}

function toHex(generated: GeneratedKey): void {
  const raw = Buffer.from(Buffer.from(generated.secret).toString('latin1'), 'base64');
  generated.secret.fill(0);
  generated.secret = Buffer.from(raw.toString('hex'), 'latin1');
  raw.fill(0);
}

async function put(
  generated: GeneratedKey,
  kind: (typeof kinds)[number],
  options: Options,
  passphrase: Uint8Array | undefined,
  terminal: Terminal,
): Promise<void> {
  const bytes =
    options.secret === undefined
      ? generated.secret
      : Buffer.from(
          secretManifest(
            {
              key: kind,
              name: options.secret,
              namespace: options.namespace,
              entry: options.entry,
              repo: Number(options.repo ?? 1),
              encoding: options.encoding,
              hasPassphraseEntry: true,
            },
            Buffer.from(generated.secret).toString('utf8'),
            passphrase ? Buffer.from(firstLine(passphrase)).toString('utf8') : '',
          ),
        );
  const sheet = options.sheet === undefined ? [] : [{ path: options.sheet, bytes: sheetOf(generated, kind, options) }];
  if (options.out === undefined || options.out === '-') {
    await writeNewFiles(sheet);
    await terminal.print(bytes);
    // A line end behind a bare key would become part of it wherever it is piped to.
    if (terminal.stdoutIsTty && bytes.at(-1) !== 0x0a) await terminal.print('\n');
  } else {
    const publicPath = `${options.out.replace(/(?:\.private)?\.asc$/, '')}.public.asc`;
    const hasPublicFile = generated.publicKey !== undefined && options.secret === undefined;
    await writeNewFiles([
      { path: options.out, bytes },
      ...(hasPublicFile ? [{ path: publicPath, bytes: generated.publicKey! }] : []),
      ...sheet,
    ]);
    terminal.say(`Written: ${options.out}, readable by you only${hasPublicFile ? `, and ${publicPath}` : ''}.`);
  }
  if (options.sheet !== undefined) terminal.say(`To print, and to delete then: ${options.sheet}.`);
  terminal.say(`Fingerprint: ${generated.fingerprint}`);
  terminal.say('Keep a copy outside of what it protects: without it no backup can be read.');
}

function sheetOf(generated: GeneratedKey, kind: (typeof kinds)[number], options: Options): string {
  const { secret, namespace, entry, encoding, out } = options;
  const name = namespace === undefined ? secret : `${namespace}/${secret}`;
  const place = secret !== undefined ? `Secret ${name}${entry === undefined ? '' : `, entry ${entry}`}` : out;
  return keySheet({
    kind,
    key: Buffer.from(generated.secret).toString('utf8'),
    fingerprint: generated.fingerprint,
    madeAt: new Date(),
    ...(kind === 'sodium' && { encoding: encoding ?? 'hex' }),
    ...(place !== undefined && place !== '-' && { place }),
  });
}
