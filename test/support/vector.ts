/** The form of a vector in the testkit: lines `name: value`, an empty line, the bytes. See README.md. */

export type VectorTick = 'yes' | 'no' | 'unknown';

export interface Vector {
  kind: string;
  /** What made the payload, for people. */
  command: string;
  /** The name the payload has to be stored under: some formats are known by it only. */
  file: string;
  /** `password TEXT`, `sodium-hex TEXT`, `sodium-base64 TEXT`, or `openpgp BASE64` of an armored private key. */
  key?: string;
  /** Unlocks an OpenPGP key. */
  passphrase?: string;
  /** The payload is a tar, or a gzipped tar, of a folder with that name. */
  isFolder: boolean;
  decrypted: VectorTick;
  authentic: VectorTick;
  complete: VectorTick;
  restorable: VectorTick;
  /** `none`, or the first failure. */
  code: string;
  exit: number;
  note: string;
  payload: Uint8Array;
}

const title = 'backup-testkit: 1';

export function formatVector({ payload, isFolder, ...fields }: Vector): Buffer {
  const lines = Object.entries({ ...fields, ...(isFolder && { payload: 'tar of a folder' }) }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  return Buffer.concat([Buffer.from(`${[title, ...lines].join('\n')}\n\n`), payload]);
}

/** @throws Error for a file that is no vector */
export function parseVector(bytes: Buffer): Vector {
  const end = bytes.indexOf('\n\n');
  const [first, ...lines] = bytes.subarray(0, end).toString('utf8').split('\n');
  if (end < 0 || first !== title) throw new Error('this is no vector of the testkit');
  const fields = new Map(lines.map((it) => [it.slice(0, it.indexOf(': ')), it.slice(it.indexOf(': ') + 2)]));
  const demand = (name: string): string => {
    const value = fields.get(name);
    if (value === undefined) throw new Error(`the vector does not say its ${name}`);
    return value;
  };
  const tick = (name: string) => demand(name) as VectorTick;
  const [key, passphrase] = [fields.get('key'), fields.get('passphrase')];
  return {
    kind: demand('kind'),
    command: demand('command'),
    file: demand('file'),
    ...(key !== undefined && { key }),
    ...(passphrase !== undefined && { passphrase }),
    isFolder: fields.has('payload'),
    decrypted: tick('decrypted'),
    authentic: tick('authentic'),
    complete: tick('complete'),
    restorable: tick('restorable'),
    code: demand('code'),
    exit: Number(demand('exit')),
    note: demand('note'),
    payload: bytes.subarray(end + 2),
  };
}
