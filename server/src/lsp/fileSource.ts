import type { LoadProblem } from '../candidates.ts';

/** Where the texts of files come from that nobody has open. Says what is there; the workspace says what it means. */
export interface FileSource {
  /** The workspace's form of a folder's URI, without a slash at the end; undefined for a folder that cannot be read from here. */
  folder(uri: string): string | undefined;
  /** What may be ours below a folder, a few files at a time, so that requests are answered in between. Never throws. */
  below(folder: string, signal: AbortSignal): AsyncIterable<FoundFiles>;
  /** The text of one file; undefined where there is none that may be ours. Never rejects. */
  read(uri: string): Promise<string | undefined>;
}

export interface FoundFiles {
  files: { uri: string; text: string }[];
  problems: LoadProblem[];
}
