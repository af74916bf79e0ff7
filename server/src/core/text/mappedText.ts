import type { Edit, Part, Place } from '../part.ts';

/** Turns text that goes to unit `index` of the mapped text into what the host needs there. */
type EncodeInside = (text: string, index: number) => string;

/**
 * Text that stands in a host file in another form: a YAML scalar, base64 inside a scalar, a conf inside that base64.
 * Every UTF-16 unit of `text` knows its place in the host, and changes to `text` become edits of the host.
 */
export class MappedText {
  private constructor(
    readonly part: Part,
    readonly text: string,
    /** Host offset where unit i begins; one more entry for the end. */
    private readonly starts: Int32Array,
    /** Host offset where unit i ends. */
    private readonly ends: Int32Array,
    /** The host text that is replaced when a change cannot be made in place. */
    readonly whole: Place,
    /** Makes the host text for a changed whole. */
    private readonly encode: (text: string) => string,
    /** Makes the host text for an insertion or replacement inside, or undefined where only `encode` is right. */
    private readonly encodeInside: EncodeInside | undefined,
    /** false where places are only known to lie somewhere in `whole`. */
    readonly isExact: boolean,
  ) {}

  /** A host file's own text, unit by unit. */
  static plain(part: Part, start = 0, end = part.text.length): MappedText {
    const text = part.text.slice(start, end);
    const starts = new Int32Array(text.length + 1);
    const ends = new Int32Array(text.length);
    for (let i = 0; i <= text.length; i++) starts[i] = start + i;
    for (let i = 0; i < text.length; i++) ends[i] = start + i + 1;
    const same = (it: string) => it;
    return new MappedText(part, text, starts, ends, part.place(start, end), same, same, true);
  }

  static of(options: {
    part: Part;
    text: string;
    starts: Int32Array;
    ends: Int32Array;
    whole: Place;
    encode: (text: string) => string;
    encodeInside?: EncodeInside;
  }): MappedText {
    const { part, text, starts, ends, whole, encode, encodeInside } = options;
    return new MappedText(part, text, starts, ends, whole, encode, encodeInside, true);
  }

  /** Text whose inner places are unknown: every place is the whole. */
  static inexact(part: Part, text: string, whole: Place, encode: (text: string) => string): MappedText {
    const starts = new Int32Array(text.length + 1).fill(whole.start);
    const ends = new Int32Array(text.length).fill(whole.end);
    starts[text.length] = whole.end;
    return new MappedText(part, text, starts, ends, whole, encode, undefined, false);
  }

  /**
   * A second layer: `text` was made from this text so that its unit i came from the units `from[i]` to `to[i]` (exclusive).
   * Changes always go through `encode`, which makes this text's whole from the layer's whole.
   */
  layer(options: { text: string; from: Int32Array; to: Int32Array; encode: (text: string) => string }): MappedText {
    const { text, from, to, encode } = options;
    const starts = new Int32Array(text.length + 1);
    const ends = new Int32Array(text.length);
    for (let i = 0; i < text.length; i++) {
      starts[i] = this.hostStart(from[i]!);
      ends[i] = to[i]! > 0 ? this.hostEnd(to[i]! - 1) : starts[i]!;
    }
    starts[text.length] = text.length > 0 ? ends[text.length - 1]! : this.whole.start;
    return new MappedText(
      this.part,
      text,
      starts,
      ends,
      this.whole,
      (it) => this.encode(encode(it)),
      undefined,
      this.isExact,
    );
  }

  private hostStart(index: number): number {
    return this.starts[Math.min(index, this.text.length)]!;
  }

  private hostEnd(index: number): number {
    return this.text.length === 0 ? this.whole.end : this.ends[Math.min(index, this.text.length - 1)]!;
  }

  /** The host place of the units start to end (exclusive). An empty stretch is an empty place. */
  place(start: number, end: number): Place {
    if (end <= start) {
      const at = start > 0 && start <= this.text.length ? this.hostEnd(start - 1) : this.hostStart(start);
      const host = start < this.text.length ? this.hostStart(start) : at;
      return this.part.place(host, host);
    }
    return this.part.place(this.hostStart(start), this.hostEnd(end - 1));
  }

  /** The unit at a host offset, or undefined when the offset lies outside. Inside a multi-unit group: its first unit. */
  indexAt(hostOffset: number): number | undefined {
    if (hostOffset < this.whole.start || hostOffset > this.whole.end) return undefined;
    let low = 0;
    let high = this.text.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.ends[middle]! <= hostOffset) low = middle + 1;
      else high = middle;
    }
    // Between two units (a line's indentation in a block scalar) the cursor belongs to the end of the unit before.
    return low;
  }

  /** The units that make up a host place, as `place` would give it; undefined where none do. */
  unitsOf(place: Place): { start: number; end: number } | undefined {
    const start = this.#firstStart(place.start);
    if (place.end <= place.start) return { start, end: start };
    let end = start;
    while (end < this.text.length && this.ends[end]! <= place.end) end++;
    return end > start ? { start, end } : undefined;
  }

  /** The first unit that begins at a host offset or behind it. */
  #firstStart(hostOffset: number): number {
    let low = 0;
    let high = this.text.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.starts[middle]! < hostOffset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** One edit that writes the whole anew: for a text whose first or last characters need another form in the host. */
  rewritten(newText: string): Edit {
    return { at: this.whole, newText: this.encode(newText), isRewrite: true };
  }

  /** Edits of the host that replace stretches of `text`, which must not overlap. */
  edits(changes: { start: number; end: number; newText: string }[]): Edit[] {
    const inside = this.encodeInside;
    if (inside && this.isExact) {
      return changes.map((it) => ({ at: this.place(it.start, it.end), newText: inside(it.newText, it.start) }));
    }
    // Made when somebody takes the change: a large Secret with many mistakes has as many changes of the whole.
    const rewrite = () => this.encode(changed(this.text, changes));
    return [
      {
        at: this.whole,
        isRewrite: true,
        get newText() {
          return rewrite();
        },
      },
    ];
  }
}

function changed(text: string, changes: readonly { start: number; end: number; newText: string }[]): string {
  let result = text;
  // From the end; of two that start together, the insertion comes last so that nothing swallows it.
  for (const it of [...changes].sort((a, b) => b.start - a.start || b.end - a.end)) {
    result = result.slice(0, it.start) + it.newText + result.slice(it.end);
  }
  return result;
}
