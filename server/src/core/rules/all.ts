import type { AnyRule } from '../rule.ts';
import bothDataSources from './bothDataSources.ts';
import cipherInCommandSection from './cipherInCommandSection.ts';
import cipherNoneWithPass from './cipherNoneWithPass.ts';
import cipherOnlyInStanza from './cipherOnlyInStanza.ts';
import cipherPassWithoutType from './cipherPassWithoutType.ts';
import cipherTypeNotHere from './cipherTypeNotHere.ts';
import cipherTypeWithoutPass from './cipherTypeWithoutPass.ts';
import cipherWithoutRepository from './cipherWithoutRepository.ts';
import clusterTypeWithoutPass from './clusterTypeWithoutPass.ts';
import misspeltCipherOption from './misspeltCipherOption.ts';
import mountedFileName from './mountedFileName.ts';
import operatorWritesOption from './operatorWritesOption.ts';
import optionSetTwice from './optionSetTwice.ts';
import placeholderCipherPass from './placeholderCipherPass.ts';
import publishedCipherPass from './publishedCipherPass.ts';
import refusedOption from './refusedOption.ts';
import repoPassWithoutType from './repoPassWithoutType.ts';
import repositoryStorage from './repositoryStorage.ts';
import secretInGlobal from './secretInGlobal.ts';
import sharedCipherPass from './sharedCipherPass.ts';
import sharedRepositoryPath from './sharedRepositoryPath.ts';
import sodiumKeyBinary from './sodiumKeyBinary.ts';
import sodiumKeyEncoding from './sodiumKeyEncoding.ts';
import sodiumKeyLength from './sodiumKeyLength.ts';
import sodiumKeyPassphrase from './sodiumKeyPassphrase.ts';
import sodiumKeyTransform from './sodiumKeyTransform.ts';
import sourceCipher from './sourceCipher.ts';
import undeclaredRepository from './undeclaredRepository.ts';
import unexpandedVariable from './unexpandedVariable.ts';
import unknownCipherType from './unknownCipherType.ts';
import unknownRepository from './unknownRepository.ts';
import weakCipherPass from './weakCipherPass.ts';
import wrappedCipherPass from './wrappedCipherPass.ts';
import yamlSyntax from './yamlSyntax.ts';

/** Every rule, in the order in which their findings are worth reading. */
// biome-ignore format: one line a rule, so that two additions do not meet on one line
export const allRules: readonly AnyRule[] = [
  bothDataSources,
  cipherInCommandSection,
  cipherNoneWithPass,
  cipherOnlyInStanza,
  cipherPassWithoutType,
  cipherTypeNotHere,
  cipherTypeWithoutPass,
  cipherWithoutRepository,
  clusterTypeWithoutPass,
  misspeltCipherOption,
  mountedFileName,
  operatorWritesOption,
  optionSetTwice,
  placeholderCipherPass,
  publishedCipherPass,
  refusedOption,
  repoPassWithoutType,
  repositoryStorage,
  secretInGlobal,
  sharedCipherPass,
  sharedRepositoryPath,
  sodiumKeyBinary,
  sodiumKeyEncoding,
  sodiumKeyLength,
  sodiumKeyPassphrase,
  sodiumKeyTransform,
  sourceCipher,
  undeclaredRepository,
  unexpandedVariable,
  unknownCipherType,
  unknownRepository,
  weakCipherPass,
  wrappedCipherPass,
  yamlSyntax,
];
