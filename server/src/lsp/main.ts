import { serve } from './serve.ts';

try {
  serve();
} catch {
  process.stderr.write(
    'restorable language server: start it with --stdio or --node-ipc; an editor does that for you\n',
  );
  process.exitCode = 2;
}
