import { fix, fixture, rule } from '../rule.ts';
import { hasOption } from '../shell/script.ts';

export default rule({
  id: 'echo-into-base64',
  summary: 'What is encoded for a Secret has no line break at its end.',
  why: 'echo ends with a line break, and base64 encodes it: the key in the Secret is one byte longer than the key. pgBackRest, cloud credentials and most programs take it for a part of the value. base64 of GNU also breaks its output after 76 characters, which a manifest does not take: -w0.',
  severity: 'hint',
  confidence: 'likely',
  since: '0.1.0',
  product: 'Scripts',
  catalogue: ['K9', 'K28', 'pains P85', 'pains P86'],
  kinds: ['Script'],
  bad: fixture`
    #!/bin/bash
    KEY=$(openssl rand -hex 32)
    echo "$KEY" | base64 -w0
    ^^^^ hint echo-into-base64: echo adds a line break, and base64 encodes it: printf %s
  `,
  good: fixture`
    #!/bin/bash
    KEY=$(openssl rand -hex 32)
    printf %s "$KEY" | base64 -w0
  `,
  check(script, { report }) {
    for (const { call, pipeline, index } of script.callsOf('echo')) {
      const next = pipeline.calls[index + 1];
      if (
        next?.program !== 'base64' ||
        hasOption(next, '-d', '--decode', '-D') ||
        call.args.some((it) => /^-[eE]*n[eE]*$/.test(it.text))
      )
        continue;
      const isPlain = !call.args.some((it) => it.text.startsWith('-')) && call.args.length === 1;
      report(call.programWord.at, 'echo adds a line break, and base64 encodes it: printf %s', {
        fix: isPlain
          ? fix('Use printf %s', [{ at: call.programWord.at, newText: 'printf %s' }], { isSafe: true })
          : undefined,
      });
    }
  },
});
