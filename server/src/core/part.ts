/**
 * A file is cut into parts: one per YAML document, or the whole file for a pgbackrest.conf. A part is parsed once;
 * when text above it changes, only `start` moves. Everything else in core counts offsets from the part's start.
 */
export class Part {
  constructor(
    readonly uri: string,
    readonly text: string,
    /** UTF-16 offset of the part in its file; the workspace moves it when text above changes. */
    public start: number,
    readonly language: 'yaml' | 'conf' | 'shell',
  ) {}

  place(start: number, end: number): Place {
    return { part: this, start, end };
  }

  /** The whole part without surrounding white space; for findings that concern the document as such. */
  get whole(): Place {
    const start = this.text.length - this.text.trimStart().length;
    return this.place(start, Math.max(start, this.text.trimEnd().length));
  }
}

/** A stretch of text, in UTF-16 offsets from the start of its part. */
export interface Place {
  readonly part: Part;
  readonly start: number;
  readonly end: number;
}

/** The same stretch in offsets from the start of the file. */
export function inFile(place: Place): { uri: string; start: number; end: number } {
  return { uri: place.part.uri, start: place.part.start + place.start, end: place.part.start + place.end };
}

export function contains(place: Place, offset: number): boolean {
  return place.start <= offset && offset <= place.end;
}

export interface Edit {
  at: Place;
  newText: string;
  /** A whole encoded text (base64, quotes) is replaced for a change inside; `newText` is made when it is read. */
  isRewrite?: boolean;
}
