/**
 * Unpacks tars that nobody vouches for: files and folders below the target, links only where they stay inside, and
 * nothing else. What is left out is told.
 */

import { fail } from '../failure.ts';
import type { FileWriter, Sink } from '../sinks/sink.ts';
import { leavesTarget, shown, type TarMember } from './tar.ts';

/** A tar of links or devices must not fill the report. */
const mostNotes = 20;

export class TarUnpacker {
  readonly #sink: Sink;
  readonly #links: [path: string, destination: string][] = [];
  readonly #leftOut: string[] = [];
  #leftOutCount = 0;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /**
   * Where the contents of a file go; undefined for everything else, which is made at once or left out.
   *
   * @param folder what its path is below, inside the target
   * @throws RestoreError `hostile` for a name that leads out, `unsupported` for a sparse file, as `DirectorySink` for
   *   what would be written over or through something
   */
  open(member: TarMember, folder = ''): FileWriter | undefined {
    const path = [folder, targetPath(member)].filter((it) => it !== '').join('/');
    const inside = Buffer.from(path);
    switch (member.type) {
      case 'directory':
        if (path !== '') this.#sink.folder(inside, (member.mode & 0o777) | 0o700);
        return undefined;
      case 'file':
        if (member.isSparse) {
          fail('unsupported', 'contents', `${shown(member.path)} is stored as a sparse file, which is not unpacked`, {
            offset: member.offset,
            hint: 'Unpack it with GNU tar, in an empty folder.',
          });
        }
        return this.#sink.file(inside, { mode: member.mode & 0o777, modifiedAt: member.modifiedAt });
      case 'symlink':
        if (member.linkTarget !== undefined && staysInside(path, member.linkTarget)) {
          this.#links.push([path, member.linkTarget]);
        } else this.#leaveOut(member, 'a link that leads out of the folder');
        return undefined;
      case 'hardlink':
        this.#leaveOut(member, 'a hard link');
        return undefined;
      default:
        this.#leaveOut(member, member.type === 'other' ? 'of a kind that is not known' : `a ${member.type}`);
        return undefined;
    }
  }

  /** Makes the links, now that nothing can be written through them any more; returns what a user must know. */
  finish(): string[] {
    for (const [path, destination] of this.#links) this.#sink.link(Buffer.from(path), Buffer.from(destination));
    const more = this.#leftOutCount - this.#leftOut.length;
    return [...this.#leftOut, ...(more > 0 ? [`${more} more members of the tar were left out.`] : [])];
  }

  #leaveOut(member: TarMember, why: string): void {
    this.#leftOutCount++;
    if (this.#leftOut.length < mostNotes) this.#leftOut.push(`${shown(member.path)} was left out: it is ${why}.`);
  }
}

/** Relative to the target, without `.` and empty parts: an absolute name begins at the target. */
export function targetPath({ path, offset }: TarMember): string {
  if (leavesTarget(path) || path.includes('\0')) {
    fail('hostile', 'contents', `the name ${shown(path)} leads out of the folder that the tar is unpacked into`, {
      offset,
      hint: 'Do not unpack it with other tools: find out who wrote it.',
    });
  }
  const parts = path.split('/').filter((it) => it !== '' && it !== '.');
  const odd = process.platform === 'win32' ? parts.find(isOddOnWindows) : undefined;
  if (odd !== undefined) {
    fail('hostile', 'contents', `the name ${shown(path)} means something else on Windows`, {
      offset,
      hint: 'Unpack it on Linux or macOS.',
    });
  }
  return parts.join('/');
}

/** Drives, streams, devices, and what Windows drops from the end of a name. */
export function isOddOnWindows(part: string): boolean {
  return (
    /[<>:"|?*\\]|[. ]$/.test(part) ||
    [...part].some((it) => it < ' ') ||
    /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?$/i.test(part)
  );
}

/**
 * Whether a link at this path ends below the target. `..` only at the start: behind the name of another link it would
 * lead from where that ends.
 */
function staysInside(path: string, destination: string): boolean {
  if (destination === '' || /^[/\\]|^[a-z]:|\\/i.test(destination)) return false;
  const parts = destination.split('/').filter((it) => it !== '' && it !== '.');
  const up = parts.findIndex((it) => it !== '..');
  const depth = path.split('/').length - 1;
  return up >= 0 && up <= depth && !parts.slice(up).includes('..');
}
