import type { AnyRule } from '../rule.ts';
import bothDataSources from './bothDataSources.ts';
import byteOrderMark from './byteOrderMark.ts';
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
import emptyValue from './emptyValue.ts';
import fieldValue from './fieldValue.ts';
import foreignComment from './foreignComment.ts';
import ignoredTimeUnit from './ignoredTimeUnit.ts';
import inlineComment from './inlineComment.ts';
import invalidValue from './invalidValue.ts';
import lineTooLong from './lineTooLong.ts';
import lineWithoutEquals from './lineWithoutEquals.ts';
import listNotMerged from './listNotMerged.ts';
import missingField from './missingField.ts';
import misspeltCipherOption from './misspeltCipherOption.ts';
import mountedFileName from './mountedFileName.ts';
import negatedOption from './negatedOption.ts';
import openpgpKeyArmor from './openpgpKeyArmor.ts';
import openpgpKeyCannotEncrypt from './openpgpKeyCannotEncrypt.ts';
import openpgpKeyLocked from './openpgpKeyLocked.ts';
import openpgpKeyPublic from './openpgpKeyPublic.ts';
import openpgpKeyStub from './openpgpKeyStub.ts';
import openpgpPassphraseWrong from './openpgpPassphraseWrong.ts';
import openpgpSeveralKeys from './openpgpSeveralKeys.ts';
import openpgpWithoutPassphrase from './openpgpWithoutPassphrase.ts';
import operatorWritesOption from './operatorWritesOption.ts';
import optionIndex from './optionIndex.ts';
import optionNewerThanTarget from './optionNewerThanTarget.ts';
import optionOfOtherCommand from './optionOfOtherCommand.ts';
import optionOutsideSection from './optionOutsideSection.ts';
import optionSetTwice from './optionSetTwice.ts';
import overriddenCommandOption from './overriddenCommandOption.ts';
import placeholderCipherPass from './placeholderCipherPass.ts';
import publishedCipherPass from './publishedCipherPass.ts';
import quotedValue from './quotedValue.ts';
import refusedOption from './refusedOption.ts';
import repoPassWithoutType from './repoPassWithoutType.ts';
import repositoryStorage from './repositoryStorage.ts';
import secretInGlobal from './secretInGlobal.ts';
import sectionHeader from './sectionHeader.ts';
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
  bothDataSources,
  byteOrderMark,
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
  emptyValue,
  fieldValue,
  foreignComment,
  ignoredTimeUnit,
  inlineComment,
  invalidValue,
  lineTooLong,
  lineWithoutEquals,
  listNotMerged,
  missingField,
  misspeltCipherOption,
  mountedFileName,
  negatedOption,
  openpgpKeyArmor,
  openpgpKeyCannotEncrypt,
  openpgpKeyLocked,
  openpgpKeyPublic,
  openpgpKeyStub,
  openpgpPassphraseWrong,
  openpgpSeveralKeys,
  openpgpWithoutPassphrase,
  operatorWritesOption,
  optionIndex,
  optionNewerThanTarget,
  optionOfOtherCommand,
  optionOutsideSection,
  optionSetTwice,
  overriddenCommandOption,
  placeholderCipherPass,
  publishedCipherPass,
  quotedValue,
  refusedOption,
  repoPassWithoutType,
  repositoryStorage,
  secretInGlobal,
  sectionHeader,
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
  unknownField,
  unknownOption,
  unknownRepository,
  unreadSection,
  weakCipherPass,
  wrappedCipherPass,
  yamlSyntax,
];
