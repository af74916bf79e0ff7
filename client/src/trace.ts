import type { LogOutputChannel } from 'vscode';

/**
 * A channel for protocol traces that keeps which message went when, and drops what it carried: documents hold Secrets, and
 * a trace is the first thing that people paste into a bug report. `restorable.trace.server` offers no verbose level, and a
 * hand-written one gets no further than this.
 */
export function traceWithoutContents(channel: LogOutputChannel): LogOutputChannel {
  return new Proxy(channel, {
    get(target, property) {
      if (property === 'trace') return (message: string) => target.trace(summary(message));
      const value = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** `Sending request 'textDocument/hover - (7)'.`, from either of the two forms in which the protocol library traces. */
export function summary(message: string): string {
  if (!message.startsWith('{')) return message.split('\n', 1)[0] ?? '';
  try {
    const traced: { type?: unknown; message?: { method?: unknown; id?: unknown } } = JSON.parse(message);
    return ['type', traced.type, traced.message?.method, traced.message?.id]
      .slice(1)
      .filter((it) => typeof it === 'string' || typeof it === 'number')
      .join(' ');
  } catch {
    return '';
  }
}
