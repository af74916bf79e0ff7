/** Lines and characters of a text, as editors and reports count them: from 0, in the encoding that both sides agreed on. */

export type PositionEncoding = 'utf-16' | 'utf-8' | 'utf-32';

export interface Position {
  line: number;
  character: number;
}

export class LineIndex {
  #starts: number[] | undefined;

  constructor(
    readonly text: string,
    readonly encoding: PositionEncoding = 'utf-16',
  ) {}

  get lineCount(): number {
    return this.#lines().length;
  }

  /** Never throws: an offset outside the text is taken for its start or end. */
  position(offset: number): Position {
    const at = Math.min(Math.max(offset, 0), this.text.length);
    const starts = this.#lines();
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= at) low = middle;
      else high = middle - 1;
    }
    const start = starts[low]!;
    return { line: low, character: this.encoding === 'utf-16' ? at - start : this.#units(start, at) };
  }

  /** Never throws: a line below the last is the end of the text, a character behind the line's last is the line's end. */
  offset(position: Position): number {
    const starts = this.#lines();
    const line = wholeNumber(position?.line);
    if (line >= starts.length) return this.text.length;
    const start = starts[line]!;
    const end = this.#lineEnd(line);
    const character = wholeNumber(position?.character);
    if (this.encoding === 'utf-16') return Math.min(start + character, end);
    let at = start;
    for (let units = 0; at < end; ) {
      const code = this.text.codePointAt(at)!;
      units += this.encoding === 'utf-8' ? utf8Length(code) : 1;
      if (units > character) break;
      at += code > 0xffff ? 2 : 1;
    }
    return at;
  }

  #units(start: number, end: number): number {
    let units = 0;
    for (let at = start; at < end; ) {
      const code = this.text.codePointAt(at)!;
      units += this.encoding === 'utf-8' ? utf8Length(code) : 1;
      at += code > 0xffff ? 2 : 1;
    }
    return units;
  }

  /** Without the line break. */
  #lineEnd(line: number): number {
    const starts = this.#lines();
    let end = starts[line + 1] ?? this.text.length;
    if (line + 1 < starts.length) {
      end--;
      if (this.text[end] === '\n' && end > starts[line]! && this.text[end - 1] === '\r') end--;
    }
    return end;
  }

  /** LSP counts \n, \r\n and a lone \r as ends of a line. */
  #lines(): number[] {
    if (this.#starts) return this.#starts;
    const { text } = this;
    const starts = [0];
    if (text.includes('\r')) {
      for (const it of text.matchAll(/\r\n|\r|\n/g)) starts.push(it.index + it[0].length);
    } else {
      for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
    }
    this.#starts = starts;
    return starts;
  }
}

function wholeNumber(value: unknown): number {
  return typeof value === 'number' && value > 0 ? Math.floor(value) : 0;
}

function utf8Length(code: number): number {
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}
