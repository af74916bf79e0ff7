/** How pgBackRest writes sizes and times, and releases. Knows no options, so that the generator can use it too. */

/** A release as pgBackRest names it: `2.59` or `2.52.1`. */
export type Release = string;

/** Negative, zero or positive as `a` is older than, the same as or newer than `b`; `2.59` is `2.59.0`. */
export function compareReleases(a: Release, b: Release): number {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  for (let part = 0; part < Math.max(left.length, right.length); part++) {
    const difference = (left[part] ?? 0) - (right[part] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

const bytesPerUnit: Record<string, number> = { b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40, p: 2 ** 50 };

/** Bytes of `128MiB`, `1g`, `16384`; undefined for anything else. All units are powers of 1024: MB is MiB. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+)(?:(b)|([kmgtp])(?:i?b)?)?$/i.exec(text);
  if (!match) return undefined;
  return Number(match[1]) * bytesPerUnit[(match[2] ?? match[3] ?? 'b').toLowerCase()]!;
}

/** `1GiB`, `1536KiB`, `100B`: the largest unit that needs no fraction. */
export function formatSize(bytes: number): string {
  for (const unit of ['p', 't', 'g', 'm', 'k']) {
    if (bytes > 0 && bytes % bytesPerUnit[unit]! === 0) return `${bytes / bytesPerUnit[unit]!}${unit.toUpperCase()}iB`;
  }
  return `${bytes}B`;
}

const msPerUnit: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Milliseconds of `30m`, `500ms`, `60` (seconds): the grammar of 2.53 and later; undefined for anything else. */
export function parseTime(text: string): number | undefined {
  const match = /^([+-]?\d+)(ms|[smhdw])?$/i.exec(text);
  if (!match) return undefined;
  return Number(match[1]) * msPerUnit[(match[2] ?? 's').toLowerCase()]!;
}

/**
 * Up to 2.52.1 a time was a decimal number of seconds, and whatever followed the number was ignored without a word:
 * `1m` meant one second. `ignored` is where that rest begins. (strtod gives 0 for no number at all, so a zero with a
 * rest behind it was refused.)
 */
export function parseTimeBefore253(text: string): { ms: number; ignored?: number } | undefined {
  // strtod reads hexadecimal numbers as well.
  if (/^0x[\da-f]+$/i.test(text)) return { ms: Number(text) * 1000 };
  const match = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?/i.exec(text);
  if (!match) return undefined;
  const ms = Math.round(Number(match[0]) * 1000);
  if (match[0].length === text.length) return { ms };
  return Number(match[0]) === 0 ? undefined : { ms, ignored: match[0].length };
}

/** `500ms`, `90s`, `30m`, `7d`: the largest unit up to days that needs no fraction. */
export function formatTime(ms: number): string {
  if (ms === 0) return '0s';
  const unit = ['d', 'h', 'm', 's'].find((it) => ms % msPerUnit[it]! === 0) ?? 'ms';
  return `${ms / msPerUnit[unit]!}${unit}`;
}
