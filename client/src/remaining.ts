import { l10n } from 'vscode';

/** How fast bytes arrive, smoothed: tells how long the rest will take. Times in milliseconds of any steady clock. */
export class Remaining {
  #since: number | undefined;
  #bytes = 0;
  #at = 0;
  /** Bytes per millisecond. */
  #rate: number | undefined;

  /**
   * @param total undefined while it is unknown
   * @returns seconds left, rounded up; undefined as long as a guess would only mislead
   */
  secondsLeft(bytes: number, total: number | undefined, now: number): number | undefined {
    if (this.#since === undefined) {
      this.#since = now;
      this.#at = now;
      this.#bytes = bytes;
      return undefined;
    }
    const elapsed = now - this.#at;
    if (elapsed >= sampleMs) {
      const rate = Math.max(0, bytes - this.#bytes) / elapsed;
      this.#rate = this.#rate === undefined ? rate : this.#rate + smoothing * (rate - this.#rate);
      this.#at = now;
      this.#bytes = bytes;
    }
    if (total === undefined || !this.#rate || now - this.#since < trustedAfterMs) return undefined;
    return Math.ceil(Math.max(0, total - bytes) / this.#rate / 1_000);
  }
}

const sampleMs = 200;
const trustedAfterMs = 1_500;
const smoothing = 0.3;

/** `12.3 MB`, decimal as file managers and object stores count; no fraction below a kilobyte or from 100 on. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  // 999.5 would be printed as 1000
  while (unit < units.length - 1 && value >= (unit === 0 ? 1_000 : 999.5)) {
    value /= 1_000;
    unit++;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `40 s`, `3 min`, `2 h 5 min`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 90) return l10n.t('{0} s', Math.round(seconds));
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return l10n.t('{0} min', minutes);
  return l10n.t('{0} h {1} min', Math.floor(minutes / 60), minutes % 60);
}
