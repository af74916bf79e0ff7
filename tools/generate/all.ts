import { cliPage } from './cliPage.ts';
import { coveragePage } from './coveragePage.ts';
import type { Generator } from './generator.ts';
import { localisation } from './localisation.ts';
import { optionData } from './optionData.ts';
import { optionTable } from './optionTable.ts';
import { rulePages } from './rulePages.ts';
import { validators } from './validators.ts';

/** What `npm run generate` makes, in this order; a generator that is not listed here does not exist. */
export const generators: Generator[] = [
  optionData,
  optionTable,
  validators,
  rulePages,
  coveragePage,
  cliPage,
  localisation,
];
