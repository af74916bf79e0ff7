import { isCandidate, isOurs } from '../candidates.ts';
import { loadBatches, readText } from '../loader.ts';
import { toPath, toUri } from '../uris.ts';
import type { FileSource } from './fileSource.ts';

/** The file system of the machine that the server runs on. */
export const disk: FileSource = {
  folder(uri) {
    const path = toPath(uri);
    return path === undefined ? undefined : toUri(path).replace(/\/$/, '');
  },

  async *below(folder, signal) {
    const path = toPath(folder);
    if (path !== undefined) yield* loadBatches(path, { signal });
  },

  async read(uri) {
    const path = toPath(uri);
    if (path === undefined || !isCandidate(path)) return undefined;
    const loaded = await readText(path);
    return 'text' in loaded && isOurs(uri, loaded.text) ? loaded.text : undefined;
  },
};
