/**
 * A light reader of POSIX shell and Bash: which simple commands there are, with their words and redirections, and which of them
 * stand in one pipeline. It knows quotes, expansions, here-documents, substitutions and the keywords around commands; what it
 * does not know it passes over. Nothing is expanded, nothing is run. Never throws; takes time in proportion to the text.
 */

export interface RawWord {
  start: number;
  end: number;
  /** Without quotes; expansions stay as they are written. */
  text: string;
  /** false where an expansion decides what the word is. */
  isLiteral: boolean;
}

export interface RawCommand {
  /** `NAME=value` in front of the command, or alone. */
  assignments: { name: string; value: RawWord }[];
  words: RawWord[];
  redirects: { operator: string; target: RawWord }[];
}

export interface RawPipeline {
  commands: RawCommand[];
}

/** Scripts are small; what is larger carries data. */
const largestScript = 400_000;
const deepest = 20;

/** The pipelines of a text, those inside of substitutions behind the one they stand in. */
export function readShell(text: string): RawPipeline[] {
  if (text.length > largestScript) return [];
  const reader = new Reader(text);
  reader.list(text.length, 0);
  return reader.pipelines;
}

const KEYWORDS = new Set([
  'if',
  'then',
  'elif',
  'else',
  'fi',
  'while',
  'until',
  'do',
  'done',
  '{',
  '}',
  '!',
  'time',
  'esac',
]);

class Reader {
  readonly pipelines: RawPipeline[] = [];
  #at = 0;
  /** Where the list at hand ends: a substitution's word does not reach out of it. */
  #end = 0;
  /** Here-documents whose text begins on the next line. */
  #waiting: { end: string; isIndented: boolean }[] = [];

  constructor(private readonly text: string) {}

  /** Commands up to the end, or to the parenthesis that closes them. */
  list(end: number, depth: number): void {
    const outerEnd = this.#end;
    this.#end = end;
    let pipeline: RawPipeline = { commands: [] };
    let command: RawCommand = { assignments: [], words: [], redirects: [] };
    const endCommand = () => {
      if (command.words.length > 0 || command.assignments.length > 0) pipeline.commands.push(command);
      command = { assignments: [], words: [], redirects: [] };
    };
    const endPipeline = () => {
      endCommand();
      if (pipeline.commands.length > 0) this.pipelines.push(pipeline);
      pipeline = { commands: [] };
    };
    while (this.#at < end) {
      const char = this.text[this.#at]!;
      if (char === ' ' || char === '\t' || char === '\r') this.#at++;
      else if (char === '\\' && /^\\\r?\n/.test(this.text.slice(this.#at, this.#at + 3))) {
        this.#at = this.text.indexOf('\n', this.#at) + 1;
      } else if (char === '\n') {
        this.#at++;
        // A pipe at the end of a line goes on in the next one.
        if (!this.#isOpen(command, pipeline)) endPipeline();
        this.#skipDocuments();
      } else if (char === '#') this.#at = lineEnd(this.text, this.#at);
      else if (char === ';' || char === '&') {
        if (/^&>>?/.test(this.text.slice(this.#at, this.#at + 3))) this.#redirect(command, depth);
        else {
          this.#at++;
          endPipeline();
        }
      } else if (char === '|') {
        const isOr = this.text[this.#at + 1] === '|';
        this.#at += isOr || this.text[this.#at + 1] === '&' ? 2 : 1;
        if (isOr) endPipeline();
        else {
          endCommand();
          pipeline.commands.length > 0 && this.#skipBlank();
        }
      } else if (char === '(' || char === ')') {
        this.#at++;
        // A group, a function's parentheses or the end of a case's pattern: its commands are read as they come.
        if (char === ')') endPipeline();
      } else if (char === '<' || char === '>' || /^\d+[<>]/.test(this.text.slice(this.#at, this.#at + 4))) {
        this.#redirect(command, depth);
      } else {
        const word = this.#word(depth);
        if (word.end === word.start) this.#at++;
        else this.#add(command, word);
      }
    }
    endPipeline();
    this.#end = outerEnd;
  }

  #isOpen(command: RawCommand, pipeline: RawPipeline): boolean {
    return pipeline.commands.length > 0 && command.words.length === 0 && command.assignments.length === 0;
  }

  #skipBlank(): void {
    const rest = /^(?:[ \t\r\n]|\\\r?\n|#[^\n]*\n)*/.exec(this.text.slice(this.#at, this.#at + 2_000))![0];
    // Here-documents begin at the line break, wherever the pipe goes on.
    if (this.#waiting.length === 0) this.#at += rest.length;
  }

  #add(command: RawCommand, word: RawWord): void {
    if (command.words.length === 0) {
      if (word.isLiteral && KEYWORDS.has(word.text) && this.text.slice(word.start, word.end) === word.text) return;
      const assignment = /^([A-Za-z_]\w*)\+?=/.exec(this.text.slice(word.start, word.end));
      if (assignment) {
        const skipped = assignment[0].length;
        command.assignments.push({
          name: assignment[1]!,
          value: { ...word, start: word.start + skipped, text: word.text.slice(skipped) },
        });
        return;
      }
    }
    command.words.push(word);
  }

  #redirect(command: RawCommand, depth: number): void {
    const operator = /^(?:\d*(?:<<<|<<-?|>>|>\||<>|[<>]&|[<>])|&>>?)/.exec(this.text.slice(this.#at, this.#at + 6))![0];
    this.#at += operator.length;
    while (/[ \t]/.test(this.text[this.#at] ?? '')) this.#at++;
    if (this.text[this.#at] === '(') return;
    const target = this.#word(depth);
    if (/<<-?$/.test(operator) && !operator.endsWith('<<<')) {
      this.#waiting.push({ end: target.text, isIndented: operator.endsWith('-') });
    } else if (target.end > target.start) command.redirects.push({ operator: operator.replace(/^\d+/, ''), target });
  }

  #skipDocuments(): void {
    for (const { end, isIndented } of this.#waiting) {
      while (this.#at < this.text.length) {
        const stop = lineEnd(this.text, this.#at);
        const line = this.text.slice(this.#at, stop).replace(/\r$/, '');
        this.#at = Math.min(this.text.length, stop + 1);
        if ((isIndented ? line.replace(/^\t+/, '') : line) === end) break;
      }
    }
    this.#waiting = [];
  }

  #word(depth: number): RawWord {
    const start = this.#at;
    let text = '';
    let isLiteral = true;
    while (this.#at < this.#end) {
      const char = this.text[this.#at]!;
      if (/[\s;&|<>()]/.test(char)) break;
      if (char === "'") {
        const end = this.#closing("'", this.#at + 1);
        text += this.text.slice(this.#at + 1, end);
        this.#at = Math.min(this.#end, end + 1);
      } else if (char === '"') {
        this.#at++;
        while (this.#at < this.#end && this.text[this.#at] !== '"') {
          const [piece, isPlain] = this.#piece(depth, true);
          text += piece;
          isLiteral &&= isPlain;
        }
        this.#at = Math.min(this.#end, this.#at + 1);
      } else {
        const [piece, isPlain] = this.#piece(depth, false);
        text += piece;
        isLiteral &&= isPlain;
      }
    }
    return { start, end: this.#at, text, isLiteral };
  }

  /** One character, escape, or expansion. */
  #piece(depth: number, isQuoted: boolean): [text: string, isPlain: boolean] {
    const start = this.#at;
    const char = this.text[start]!;
    if (char === '\\') {
      const next = this.text[start + 1] ?? '';
      this.#at = Math.min(this.#end, start + 2);
      if (next === '\n') return ['', true];
      return [isQuoted && !/[$`"\\]/.test(next) ? char + next : next, true];
    }
    if (char === '`' || (char === '$' && this.text[start + 1] === '(')) {
      this.#substitution(depth, char === '`');
      return [this.text.slice(start, this.#at), false];
    }
    if (char === '$') {
      const name = /^\$(?:\{|[A-Za-z_]\w*|[0-9@*#?$!-])/.exec(this.text.slice(start, start + 200))?.[0];
      if (name === '${') {
        const end = this.#closing('}', start + 2);
        this.#at = Math.min(this.#end, end + 1);
        return [this.text.slice(start, this.#at), false];
      }
      this.#at += name?.length ?? 1;
      return [this.text.slice(start, this.#at), name === undefined];
    }
    this.#at++;
    return [char, true];
  }

  /** `$( … )` and its old form: what stands in it is read as commands of its own. */
  #substitution(depth: number, isOld: boolean): void {
    const inner = this.#at + (isOld ? 1 : 2);
    const end = isOld ? this.#closing('`', inner) : this.#closingParenthesis(inner);
    const isArithmetic = !isOld && this.text[inner] === '(';
    if (depth < deepest && !isArithmetic) {
      const waiting = this.#waiting;
      this.#waiting = [];
      this.#at = inner;
      this.list(end, depth + 1);
      this.#waiting = waiting;
    }
    this.#at = Math.min(this.#end, end + 1);
  }

  #closing(char: string, from: number): number {
    const end = this.text.indexOf(char, from);
    return end < 0 ? this.#end : Math.min(end, this.#end);
  }

  #closingParenthesis(from: number): number {
    let open = 1;
    for (let at = from; at < this.#end; at++) {
      const char = this.text[at];
      if (char === '\\') at++;
      else if (char === "'") at = this.#closing("'", at + 1);
      else if (char === '(') open++;
      else if (char === ')' && --open === 0) return at;
    }
    return this.#end;
  }
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}
