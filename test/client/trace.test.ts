import { describe, expect, test } from 'vitest';
import { summary } from '../../client/src/trace.ts';

describe('a trace names the message and drops its contents', () => {
  test('in the text form', () => {
    expect(
      summary(
        '[Trace - 10:00:00] Sending notification \'textDocument/didOpen\'.\nParams: {\n  "text": "pass=s3cret"\n}',
      ),
    ).toBe("[Trace - 10:00:00] Sending notification 'textDocument/didOpen'.");
  });

  test('in the JSON form', () => {
    const traced = {
      type: 'send-request',
      message: { method: 'workspace/executeCommand', id: 4, params: { text: 's3cret' } },
    };
    expect(summary(JSON.stringify(traced))).toBe('send-request workspace/executeCommand 4');
  });

  test('also when it is broken', () => {
    expect(summary('{"params": "s3cret"')).toBe('');
  });
});
