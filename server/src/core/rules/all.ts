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
import commandLineOption from './commandLineOption.ts';
import deprecatedOption from './deprecatedOption.ts';
import duplicateOption from './duplicateOption.ts';
import fieldValue from './fieldValue.ts';
import listNotMerged from './listNotMerged.ts';
import missingField from './missingField.ts';
import misspeltCipherOption from './misspeltCipherOption.ts';
import mountedFileName from './mountedFileName.ts';
import negatedOption from './negatedOption.ts';
import operatorWritesOption from './operatorWritesOption.ts';
import optionIndex from './optionIndex.ts';
import optionNewerThanTarget from './optionNewerThanTarget.ts';
import optionOfOtherCommand from './optionOfOtherCommand.ts';
import optionSetTwice from './optionSetTwice.ts';
import overriddenCommandOption from './overriddenCommandOption.ts';
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
import stanzaOptionInGlobal from './stanzaOptionInGlobal.ts';
import undeclaredRepository from './undeclaredRepository.ts';
import unexpandedVariable from './unexpandedVariable.ts';
import unknownCipherType from './unknownCipherType.ts';
import unknownField from './unknownField.ts';
import unknownOption from './unknownOption.ts';
import unknownRepository from './unknownRepository.ts';
import unreadSection from './unreadSection.ts';
import weakCipherPass from './weakCipherPass.ts';
import wrappedCipherPass from './wrappedCipherPass.ts';
import yamlSyntax from './yamlSyntax.ts';

/** Every rule, in the order in which their findings are worth reading. */
// biome-ignore format: one line a rule, so that two additions do not meet on one line
export const allRules: readonly AnyRule[] = [
  unknownField,
  missingField,
  fieldValue,
  bothDataSources,
  cipherInCommandSection,
  cipherNoneWithPass,
  cipherOnlyInStanza,
  cipherPassWithoutType,
  cipherTypeNotHere,
  cipherTypeWithoutPass,
  cipherWithoutRepository,
  clusterTypeWithoutPass,
  commandLineOption,
  deprecatedOption,
  duplicateOption,
  listNotMerged,
  misspeltCipherOption,
  mountedFileName,
  negatedOption,
  operatorWritesOption,
  optionIndex,
  optionNewerThanTarget,
  optionOfOtherCommand,
  optionSetTwice,
  overriddenCommandOption,
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
  stanzaOptionInGlobal,
  undeclaredRepository,
  unexpandedVariable,
  unknownCipherType,
  unknownOption,
  unknownRepository,
  unreadSection,
  weakCipherPass,
  wrappedCipherPass,
  yamlSyntax,
];
