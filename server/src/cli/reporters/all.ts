import { github } from './github.ts';
import { json } from './json.ts';
import type { Reporter } from './reporter.ts';
import { sarif } from './sarif.ts';
import { text } from './text.ts';

export const reporters = { text, json, sarif, github } satisfies Record<string, Reporter>;
