/** Which known names a misspelt one is near to. */

export interface Speller {
  readonly names: readonly string[];
  /** Per name: how often each letter occurs, to rule out most names without comparing them letter by letter. */
  readonly letters: readonly Uint8Array[];
}

export function speller(names: readonly string[]): Speller {
  return { names, letters: names.map(letterCounts) };
}

/** The names at most `limit` edits away, nearest first, in the given order where equally near. */
export function nearestNames(of: Speller, text: string, limit: number): { name: string; distance: number }[] {
  const counts = letterCounts(text);
  const found: { name: string; distance: number }[] = [];
  for (const [place, name] of of.names.entries()) {
    if (lowestDistance(counts, of.letters[place]!) > limit) continue;
    const distance = editDistance(text, name, limit);
    if (distance <= limit) found.push({ name, distance });
  }
  return found.sort((a, b) => a.distance - b.distance);
}

/** How many slips of the pen a name of this length may have and still be recognised. */
export function editLimit(text: string): number {
  return text.length <= 4 ? 1 : text.length <= 9 ? 2 : 3;
}

/** The one name that is nearest, if it is near enough to be meant. */
export function nearestName(names: readonly string[], text: string, limit = editLimit(text)): string | undefined {
  const lower = text.toLowerCase();
  names = names.filter((name) => Math.abs(name.length - text.length) <= limit);
  const folded = speller(names.map((name) => name.toLowerCase()));
  const nearest = nearestNames(folded, lower, limit)[0];
  return nearest && names[folded.names.indexOf(nearest.name)];
}

/**
 * Insertions, deletions, substitutions and swaps of neighbours that lead from one text to the other (Damerau-Levenshtein
 * in its optimal-string-alignment form). Anything above `limit` may come out as any number above it.
 */
export function editDistance(a: string, b: string, limit = Number.POSITIVE_INFINITY): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    let lowest = row;
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let cost = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1));
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        cost = Math.min(cost, beforeLast[column - 2]! + 1);
      }
      current.push(cost);
      lowest = Math.min(lowest, cost);
    }
    if (lowest > limit) return limit + 1;
    beforeLast = last;
    last = current;
  }
  return last[b.length]!;
}

function letterCounts(text: string): Uint8Array {
  const counts = new Uint8Array(32);
  for (let at = 0; at < text.length; at++) counts[text.charCodeAt(at) & 31]!++;
  return counts;
}

/** Each edit changes at most one letter into another: no distance can be lower than this. */
function lowestDistance(a: Uint8Array, b: Uint8Array): number {
  let more = 0;
  let fewer = 0;
  for (let letter = 0; letter < a.length; letter++) {
    const difference = a[letter]! - b[letter]!;
    if (difference > 0) more += difference;
    else fewer -= difference;
  }
  return Math.max(more, fewer);
}
