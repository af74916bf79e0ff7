/** How the workspace names files: the one URI for a path of this machine, and back. */

import { posix, win32 } from 'node:path';

/**
 * The one URI by which the workspace knows a path. Every step is percent-encoded, and a drive letter is small, as in the
 * URIs that most editors send; `canonicalUri` brings the others to this form.
 */
export function toUri(path: string, platform: NodeJS.Platform = process.platform): string {
  if (platform !== 'win32') return `file://${encodeSteps(posix.resolve(path))}`;
  const absolute = win32.resolve(path).replaceAll('\\', '/');
  if (absolute.startsWith('//')) return `file:${encodeSteps(absolute)}`;
  return `file:///${encodeSteps(absolute.replace(/^[A-Z]:/, (it) => it.toLowerCase()))}`;
}

/** The path of a `file:` URI; undefined for every other scheme, and for what is no URI. */
export function toPath(uri: string, platform: NodeJS.Platform = process.platform): string | undefined {
  const match = /^file:\/\/([^/?#]*)(\/[^?#]*)/i.exec(uri);
  if (!match) return undefined;
  const host = match[1] === 'localhost' ? '' : match[1]!;
  let path: string;
  try {
    path = decodeURIComponent(match[2]!);
  } catch {
    return undefined;
  }
  if (path.includes('\u0000')) return undefined;
  if (platform !== 'win32') return host === '' ? path : undefined;
  if (host) return `\\\\${decodeURIComponent(host)}${path.replaceAll('/', '\\')}`;
  return path.replace(/^\/(?=[A-Za-z]:)/, '').replaceAll('/', '\\');
}

/** The workspace's form of any URI that an editor may send for a file; other schemes stay as they are. */
export function canonicalUri(uri: string, platform: NodeJS.Platform = process.platform): string {
  const path = toPath(uri, platform);
  return path === undefined ? uri : toUri(path, platform);
}

function encodeSteps(path: string): string {
  return path.split('/').map(encodeStep).join('/');
}

function encodeStep(step: string): string {
  try {
    return encodeURIComponent(step);
  } catch {
    // Half a surrogate pair has no UTF-8 form.
    return encodeURIComponent(step.replace(/[\ud800-\udfff]/g, '\ufffd'));
  }
}
