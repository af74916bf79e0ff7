import { type CancellationToken, l10n, ProgressLocation, window } from 'vscode';
import type { Progress } from '../../engine/src/job.ts';
import { formatBytes, formatSeconds, Remaining } from './remaining.ts';

export interface BytesProgressOptions {
  title: string;
  signal: AbortSignal;
  token: CancellationToken;
  onProgress: (progress: Progress) => void;
}

/** A cancellable notification that shows bytes, the time left and what is being read. */
export async function withBytesProgress<T>(
  title: string,
  task: (options: Omit<BytesProgressOptions, 'title'>) => Promise<T>,
): Promise<T> {
  return await window.withProgress(
    { location: ProgressLocation.Notification, title, cancellable: true },
    async (shown, token) => {
      const aborter = new AbortController();
      token.onCancellationRequested(() => aborter.abort());
      const remaining = new Remaining();
      let percent = 0;
      const onProgress = (progress: Progress): void => {
        const { bytes, total } = progress;
        const now = total ? Math.min(100, (bytes / total) * 100) : 0;
        shown.report({
          message: progressText(progress, remaining.secondsLeft(bytes, total, performance.now())),
          ...(total ? { increment: Math.max(0, now - percent) } : {}),
        });
        percent = Math.max(percent, now);
      };
      return await task({ signal: aborter.signal, token, onProgress });
    },
  );
}

/** `1.2 GB of 3.4 GB · 40 s left · base/5/1259` */
export function progressText({ step, bytes, total }: Progress, secondsLeft: number | undefined): string {
  return [
    total === undefined ? formatBytes(bytes) : l10n.t('{0} of {1}', formatBytes(bytes), formatBytes(total)),
    ...(secondsLeft === undefined ? [] : [l10n.t('{0} left', formatSeconds(secondsLeft))]),
    ...(step === '' ? [] : [step]),
  ].join(' · ');
}
