import { github } from './github.ts';
import { json } from './json.ts';
import type { Reporter } from './reporter.ts';
import { sarif } from './sarif.ts';
import { text } from './text.ts';
import { unix } from './unix.ts';

export const reporters = { text, json, sarif, github, unix } satisfies Record<string, Reporter>;
