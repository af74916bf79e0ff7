import type { AnyRule } from '../rule.ts';
import bothDataSources from './bothDataSources.ts';
import cipherTypeWithoutPass from './cipherTypeWithoutPass.ts';
import clusterTypeWithoutPass from './clusterTypeWithoutPass.ts';
import mountedFileName from './mountedFileName.ts';
import operatorWritesOption from './operatorWritesOption.ts';
import optionSetTwice from './optionSetTwice.ts';
import refusedOption from './refusedOption.ts';
import repoPassWithoutType from './repoPassWithoutType.ts';
import repositoryStorage from './repositoryStorage.ts';
import secretInGlobal from './secretInGlobal.ts';
import sharedRepositoryPath from './sharedRepositoryPath.ts';
import sourceCipher from './sourceCipher.ts';
import undeclaredRepository from './undeclaredRepository.ts';
import unknownRepository from './unknownRepository.ts';
import yamlSyntax from './yamlSyntax.ts';

/** Every rule, in the order in which their findings are worth reading. */
// biome-ignore format: one line a rule, so that two additions do not meet on one line
export const allRules: readonly AnyRule[] = [
  bothDataSources,
  cipherTypeWithoutPass,
  clusterTypeWithoutPass,
  mountedFileName,
  operatorWritesOption,
  optionSetTwice,
  refusedOption,
  repoPassWithoutType,
  repositoryStorage,
  secretInGlobal,
  sharedRepositoryPath,
  sourceCipher,
  undeclaredRepository,
  unknownRepository,
  yamlSyntax,
];
