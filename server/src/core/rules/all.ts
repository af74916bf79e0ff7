import type { AnyRule } from '../rule.ts';
import cipherTypeWithoutPass from './cipherTypeWithoutPass.ts';
import repoPassWithoutType from './repoPassWithoutType.ts';

/** Every rule, in the order in which their findings are worth reading. */
export const allRules: readonly AnyRule[] = [cipherTypeWithoutPass, repoPassWithoutType];
