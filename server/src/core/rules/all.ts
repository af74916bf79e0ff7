import type { AnyRule } from '../rule.ts';
import archiveCheckOff from './archiveCheckOff.ts';
import archiveRetention from './archiveRetention.ts';
import archiveRetentionBelowFull from './archiveRetentionBelowFull.ts';
import backupLocationAnnotation from './backupLocationAnnotation.ts';
import backupLocationBlock from './backupLocationBlock.ts';
import backupLocationClearText from './backupLocationClearText.ts';
import backupLocationClusterBlock from './backupLocationClusterBlock.ts';
import backupLocationDefaults from './backupLocationDefaults.ts';
import backupLocationEncryptionKey from './backupLocationEncryptionKey.ts';
import backupLocationOverridden from './backupLocationOverridden.ts';
import backupLocationPath from './backupLocationPath.ts';
import backupLocationPlainHttp from './backupLocationPlainHttp.ts';
import backupLocationSecretEntry from './backupLocationSecretEntry.ts';
import backupLocationSecretValue from './backupLocationSecretValue.ts';
import backupLocationSpec from './backupLocationSpec.ts';
import backupLocationValueSpace from './backupLocationValueSpace.ts';
import backupOfNothing from './backupOfNothing.ts';
import backupSchedule from './backupSchedule.ts';
import backupsIgnored from './backupsIgnored.ts';
import binaryKeyFile from './binaryKeyFile.ts';
import bothDataSources from './bothDataSources.ts';
import bucketPolicyDeniesUpload from './bucketPolicyDeniesUpload.ts';
import byteOrderMark from './byteOrderMark.ts';
import changedCipher from './changedCipher.ts';
import changedKey from './changedKey.ts';
import changedStorageEncryption from './changedStorageEncryption.ts';
import cipherInCommandSection from './cipherInCommandSection.ts';
import cipherNoneWithPass from './cipherNoneWithPass.ts';
import cipherOnlyInStanza from './cipherOnlyInStanza.ts';
import cipherPassWithoutType from './cipherPassWithoutType.ts';
import cipherTypeNotHere from './cipherTypeNotHere.ts';
import cipherTypeWithoutPass from './cipherTypeWithoutPass.ts';
import cipherWithoutRepository from './cipherWithoutRepository.ts';
import clusterPathStyle from './clusterPathStyle.ts';
import clusterTypeWithoutPass from './clusterTypeWithoutPass.ts';
import cnpgAddress from './cnpgAddress.ts';
import cnpgBackupMethod from './cnpgBackupMethod.ts';
import cnpgBackupOfNothing from './cnpgBackupOfNothing.ts';
import cnpgCommandArguments from './cnpgCommandArguments.ts';
import cnpgCredentials from './cnpgCredentials.ts';
import cnpgDestinationSlash from './cnpgDestinationSlash.ts';
import cnpgEncryptionHalf from './cnpgEncryptionHalf.ts';
import cnpgEncryptionSupport from './cnpgEncryptionSupport.ts';
import cnpgInTree from './cnpgInTree.ts';
import cnpgNoArchiver from './cnpgNoArchiver.ts';
import cnpgObjectStoreName from './cnpgObjectStoreName.ts';
import cnpgPluginName from './cnpgPluginName.ts';
import cnpgRecoverySameFolder from './cnpgRecoverySameFolder.ts';
import cnpgRecoveryServerName from './cnpgRecoveryServerName.ts';
import cnpgRetentionIgnored from './cnpgRetentionIgnored.ts';
import cnpgSchedule from './cnpgSchedule.ts';
import cnpgServerNameInStore from './cnpgServerNameInStore.ts';
import cnpgTwoArchivers from './cnpgTwoArchivers.ts';
import cnpgUnknownSource from './cnpgUnknownSource.ts';
import cnpgValueNewline from './cnpgValueNewline.ts';
import commandLineOption from './commandLineOption.ts';
import committedSecret from './committedSecret.ts';
import compressedAfterEncryption from './compressedAfterEncryption.ts';
import confEntryName from './confEntryName.ts';
import credentialsIgnored from './credentialsIgnored.ts';
import cronAsRoot from './cronAsRoot.ts';
import crVersion from './crVersion.ts';
import defaultRepositoryPath from './defaultRepositoryPath.ts';
import deletedWithCluster from './deletedWithCluster.ts';
import deltaInGlobal from './deltaInGlobal.ts';
import deprecatedOption from './deprecatedOption.ts';
import dottedBucket from './dottedBucket.ts';
import duplicateOption from './duplicateOption.ts';
import echoIntoBase64 from './echoIntoBase64.ts';
import emptyEntry from './emptyEntry.ts';
import emptyValue from './emptyValue.ts';
import encryptionEmpty from './encryptionEmpty.ts';
import encryptionKeyBesideCredentials from './encryptionKeyBesideCredentials.ts';
import encryptionKeyEmpty from './encryptionKeyEmpty.ts';
import encryptionMethodMissing from './encryptionMethodMissing.ts';
import encryptionMisplaced from './encryptionMisplaced.ts';
import encryptionSection from './encryptionSection.ts';
import environmentOption from './environmentOption.ts';
import expireByHand from './expireByHand.ts';
import fieldValue from './fieldValue.ts';
import firstRepository from './firstRepository.ts';
import foldedConf from './foldedConf.ts';
import foreignComment from './foreignComment.ts';
import gcsKeyFile from './gcsKeyFile.ts';
import generatedNameHash from './generatedNameHash.ts';
import gpgLoopback from './gpgLoopback.ts';
import gpgOutputExists from './gpgOutputExists.ts';
import gpgRecipientTrust from './gpgRecipientTrust.ts';
import gpgWithoutBatch from './gpgWithoutBatch.ts';
import helmPassphrase from './helmPassphrase.ts';
import ignoredOption from './ignoredOption.ts';
import ignoredTimeUnit from './ignoredTimeUnit.ts';
import ignoreWithoutReason from './ignoreWithoutReason.ts';
import immutableSecret from './immutableSecret.ts';
import inlineComment from './inlineComment.ts';
import invalidValue from './invalidValue.ts';
import kmsKeyOnly from './kmsKeyOnly.ts';
import lineTooLong from './lineTooLong.ts';
import lineWithoutEquals from './lineWithoutEquals.ts';
import listNotMerged from './listNotMerged.ts';
import literalBreak from './literalBreak.ts';
import manualHalf from './manualHalf.ts';
import metadataText from './metadataText.ts';
import missingCredentials from './missingCredentials.ts';
import missingField from './missingField.ts';
import missingRequiredOption from './missingRequiredOption.ts';
import missingRetention from './missingRetention.ts';
import misspeltCipherOption from './misspeltCipherOption.ts';
import mountedFileName from './mountedFileName.ts';
import namePrefix from './namePrefix.ts';
import negatedOption from './negatedOption.ts';
import noBaseBackups from './noBaseBackups.ts';
import obsoleteCompress from './obsoleteCompress.ts';
import openpgpKeyArmor from './openpgpKeyArmor.ts';
import openpgpKeyCannotEncrypt from './openpgpKeyCannotEncrypt.ts';
import openpgpKeyLocked from './openpgpKeyLocked.ts';
import openpgpKeyPublic from './openpgpKeyPublic.ts';
import openpgpKeyStub from './openpgpKeyStub.ts';
import openpgpPassphraseWrong from './openpgpPassphraseWrong.ts';
import openpgpSeveralKeys from './openpgpSeveralKeys.ts';
import openpgpWithoutPassphrase from './openpgpWithoutPassphrase.ts';
import opensslNoIntegrity from './opensslNoIntegrity.ts';
import opensslOptionsDiffer from './opensslOptionsDiffer.ts';
import opensslSmime from './opensslSmime.ts';
import opensslWithoutPbkdf2 from './opensslWithoutPbkdf2.ts';
import operatorWritesOption from './operatorWritesOption.ts';
import optionForm from './optionForm.ts';
import optionIndex from './optionIndex.ts';
import optionNewerThanTarget from './optionNewerThanTarget.ts';
import optionOfOtherCommand from './optionOfOtherCommand.ts';
import optionOutsideSection from './optionOutsideSection.ts';
import optionSetTwice from './optionSetTwice.ts';
import overriddenCommandOption from './overriddenCommandOption.ts';
import passwordArgument from './passwordArgument.ts';
import pathInBackupSet from './pathInBackupSet.ts';
import pathStyleEndpoint from './pathStyleEndpoint.ts';
import pgAndRepoHost from './pgAndRepoHost.ts';
import pipelineFailure from './pipelineFailure.ts';
import placeholderCipherPass from './placeholderCipherPass.ts';
import plainHttpEndpoint from './plainHttpEndpoint.ts';
import plainWalUnderPgTde from './plainWalUnderPgTde.ts';
import publishedCipherPass from './publishedCipherPass.ts';
import quotedValue from './quotedValue.ts';
import readableSecret from './readableSecret.ts';
import recoveryOptionStandbyMode from './recoveryOptionStandbyMode.ts';
import refusedOption from './refusedOption.ts';
import removedBackups from './removedBackups.ts';
import removedInV1 from './removedInV1.ts';
import removedSecret from './removedSecret.ts';
import repoPassWithoutType from './repoPassWithoutType.ts';
import repositoryInDataDirectory from './repositoryInDataDirectory.ts';
import repositoryMoved from './repositoryMoved.ts';
import repositoryName from './repositoryName.ts';
import repositoryStorage from './repositoryStorage.ts';
import restoreBackup from './restoreBackup.ts';
import restoreTarget from './restoreTarget.ts';
import retentionUnit from './retentionUnit.ts';
import sameRepositoryPlace from './sameRepositoryPlace.ts';
import secretDataClearText from './secretDataClearText.ts';
import secretDataNotBase64 from './secretDataNotBase64.ts';
import secretDoubleBase64 from './secretDoubleBase64.ts';
import secretEntryName from './secretEntryName.ts';
import secretEntryTwice from './secretEntryTwice.ts';
import secretInGlobal from './secretInGlobal.ts';
import secretNotHere from './secretNotHere.ts';
import secretOnCommandLine from './secretOnCommandLine.ts';
import secretTooLarge from './secretTooLarge.ts';
import secretUnknownField from './secretUnknownField.ts';
import secretValueNewline from './secretValueNewline.ts';
import secretValueType from './secretValueType.ts';
import sectionHeader from './sectionHeader.ts';
import settingsFile from './settingsFile.ts';
import sgBackupConfigGone from './sgBackupConfigGone.ts';
import sharedBackupPath from './sharedBackupPath.ts';
import sharedCipherPass from './sharedCipherPass.ts';
import sharedPgPath from './sharedPgPath.ts';
import sharedRepositoryPath from './sharedRepositoryPath.ts';
import snapshotNotEncrypted from './snapshotNotEncrypted.ts';
import sodiumKeyBinary from './sodiumKeyBinary.ts';
import sodiumKeyEncoding from './sodiumKeyEncoding.ts';
import sodiumKeyLength from './sodiumKeyLength.ts';
import sodiumKeyPassphrase from './sodiumKeyPassphrase.ts';
import sodiumKeyTransform from './sodiumKeyTransform.ts';
import sourceCipher from './sourceCipher.ts';
import stackgresApiVersion from './stackgresApiVersion.ts';
import stackgresTooOld from './stackgresTooOld.ts';
import stackgresValueNewline from './stackgresValueNewline.ts';
import stackgresValueQuote from './stackgresValueQuote.ts';
import stanzaOptionInGlobal from './stanzaOptionInGlobal.ts';
import stanzaWithoutPgPath from './stanzaWithoutPgPath.ts';
import storageAddress from './storageAddress.ts';
import storageCaCertificate from './storageCaCertificate.ts';
import storageCredentials from './storageCredentials.ts';
import storageDefaults from './storageDefaults.ts';
import storageSection from './storageSection.ts';
import storeAddress from './storeAddress.ts';
import timeoutOrder from './timeoutOrder.ts';
import tlsNotVerified from './tlsNotVerified.ts';
import tooLarge from './tooLarge.ts';
import undeclaredRepository from './undeclaredRepository.ts';
import unexpandedVariable from './unexpandedVariable.ts';
import unknownCipherType from './unknownCipherType.ts';
import unknownField from './unknownField.ts';
import unknownObjectStorage from './unknownObjectStorage.ts';
import unknownOption from './unknownOption.ts';
import unknownRepository from './unknownRepository.ts';
import unknownRule from './unknownRule.ts';
import unknownSecretEntry from './unknownSecretEntry.ts';
import unknownStanza from './unknownStanza.ts';
import unreadFile from './unreadFile.ts';
import unreadSection from './unreadSection.ts';
import unusedIgnore from './unusedIgnore.ts';
import volumeClaim from './volumeClaim.ts';
import walgDebugLog from './walgDebugLog.ts';
import walgTwoKeys from './walgTwoKeys.ts';
import walMayBeDropped from './walMayBeDropped.ts';
import weakCipherPass from './weakCipherPass.ts';
import wrappedCipherPass from './wrappedCipherPass.ts';
import yamlSyntax from './yamlSyntax.ts';
import zalandoBucketScope from './zalandoBucketScope.ts';
import zalandoClone from './zalandoClone.ts';
import zalandoCloneKey from './zalandoCloneKey.ts';
import zalandoKeyInConfigMap from './zalandoKeyInConfigMap.ts';
import zalandoKeyLines from './zalandoKeyLines.ts';
import zalandoLogicalBackupSse from './zalandoLogicalBackupSse.ts';
import zalandoOperatorSetting from './zalandoOperatorSetting.ts';
import zalandoRegionUnderWalE from './zalandoRegionUnderWalE.ts';
import zalandoSecretNamespace from './zalandoSecretNamespace.ts';
import zalandoSodiumKey from './zalandoSodiumKey.ts';
import zalandoSseOff from './zalandoSseOff.ts';
import zalandoSwitch from './zalandoSwitch.ts';
import zalandoVariableNotPassed from './zalandoVariableNotPassed.ts';
import zalandoWalgOff from './zalandoWalgOff.ts';

/** Every rule, in the order in which their findings are worth reading. */
// biome-ignore format: one line a rule, so that two additions do not meet on one line
export const allRules: readonly AnyRule[] = [
  archiveCheckOff,
  archiveRetention,
  archiveRetentionBelowFull,
  backupLocationAnnotation,
  backupLocationBlock,
  backupLocationClearText,
  backupLocationClusterBlock,
  backupLocationDefaults,
  backupLocationEncryptionKey,
  backupLocationOverridden,
  backupLocationPath,
  backupLocationPlainHttp,
  backupLocationSecretEntry,
  backupLocationSecretValue,
  backupLocationSpec,
  backupLocationValueSpace,
  backupOfNothing,
  backupSchedule,
  backupsIgnored,
  binaryKeyFile,
  bothDataSources,
  bucketPolicyDeniesUpload,
  byteOrderMark,
  changedCipher,
  changedKey,
  changedStorageEncryption,
  cipherInCommandSection,
  cipherNoneWithPass,
  cipherOnlyInStanza,
  cipherPassWithoutType,
  cipherTypeNotHere,
  cipherTypeWithoutPass,
  cipherWithoutRepository,
  clusterPathStyle,
  clusterTypeWithoutPass,
  cnpgAddress,
  cnpgBackupMethod,
  cnpgBackupOfNothing,
  cnpgCommandArguments,
  cnpgCredentials,
  cnpgDestinationSlash,
  cnpgEncryptionHalf,
  cnpgEncryptionSupport,
  cnpgInTree,
  cnpgNoArchiver,
  cnpgObjectStoreName,
  cnpgPluginName,
  cnpgRecoverySameFolder,
  cnpgRecoveryServerName,
  cnpgRetentionIgnored,
  cnpgSchedule,
  cnpgServerNameInStore,
  cnpgTwoArchivers,
  cnpgUnknownSource,
  cnpgValueNewline,
  commandLineOption,
  committedSecret,
  compressedAfterEncryption,
  confEntryName,
  credentialsIgnored,
  cronAsRoot,
  crVersion,
  defaultRepositoryPath,
  deletedWithCluster,
  deltaInGlobal,
  deprecatedOption,
  dottedBucket,
  duplicateOption,
  echoIntoBase64,
  emptyEntry,
  emptyValue,
  encryptionEmpty,
  encryptionKeyBesideCredentials,
  encryptionKeyEmpty,
  encryptionMethodMissing,
  encryptionMisplaced,
  encryptionSection,
  environmentOption,
  expireByHand,
  fieldValue,
  firstRepository,
  foldedConf,
  foreignComment,
  gcsKeyFile,
  generatedNameHash,
  gpgLoopback,
  gpgOutputExists,
  gpgRecipientTrust,
  gpgWithoutBatch,
  helmPassphrase,
  ignoredOption,
  ignoredTimeUnit,
  ignoreWithoutReason,
  immutableSecret,
  inlineComment,
  invalidValue,
  kmsKeyOnly,
  lineTooLong,
  lineWithoutEquals,
  listNotMerged,
  literalBreak,
  manualHalf,
  metadataText,
  missingCredentials,
  missingField,
  missingRequiredOption,
  missingRetention,
  misspeltCipherOption,
  mountedFileName,
  namePrefix,
  negatedOption,
  noBaseBackups,
  obsoleteCompress,
  openpgpKeyArmor,
  openpgpKeyCannotEncrypt,
  openpgpKeyLocked,
  openpgpKeyPublic,
  openpgpKeyStub,
  openpgpPassphraseWrong,
  openpgpSeveralKeys,
  openpgpWithoutPassphrase,
  opensslNoIntegrity,
  opensslOptionsDiffer,
  opensslSmime,
  opensslWithoutPbkdf2,
  operatorWritesOption,
  optionForm,
  optionIndex,
  optionNewerThanTarget,
  optionOfOtherCommand,
  optionOutsideSection,
  optionSetTwice,
  overriddenCommandOption,
  passwordArgument,
  pathInBackupSet,
  pathStyleEndpoint,
  pgAndRepoHost,
  pipelineFailure,
  placeholderCipherPass,
  plainHttpEndpoint,
  plainWalUnderPgTde,
  publishedCipherPass,
  quotedValue,
  readableSecret,
  recoveryOptionStandbyMode,
  refusedOption,
  removedBackups,
  removedInV1,
  removedSecret,
  repoPassWithoutType,
  repositoryInDataDirectory,
  repositoryMoved,
  repositoryName,
  repositoryStorage,
  restoreBackup,
  restoreTarget,
  retentionUnit,
  sameRepositoryPlace,
  secretDataClearText,
  secretDataNotBase64,
  secretDoubleBase64,
  secretEntryName,
  secretEntryTwice,
  secretInGlobal,
  secretNotHere,
  secretOnCommandLine,
  secretTooLarge,
  secretUnknownField,
  secretValueNewline,
  secretValueType,
  sectionHeader,
  settingsFile,
  sgBackupConfigGone,
  sharedBackupPath,
  sharedCipherPass,
  sharedPgPath,
  sharedRepositoryPath,
  snapshotNotEncrypted,
  sodiumKeyBinary,
  sodiumKeyEncoding,
  sodiumKeyLength,
  sodiumKeyPassphrase,
  sodiumKeyTransform,
  sourceCipher,
  stackgresApiVersion,
  stackgresTooOld,
  stackgresValueNewline,
  stackgresValueQuote,
  stanzaOptionInGlobal,
  stanzaWithoutPgPath,
  storageAddress,
  storageCaCertificate,
  storageCredentials,
  storageDefaults,
  storageSection,
  storeAddress,
  timeoutOrder,
  tlsNotVerified,
  tooLarge,
  undeclaredRepository,
  unexpandedVariable,
  unknownCipherType,
  unknownField,
  unknownObjectStorage,
  unknownOption,
  unknownRepository,
  unknownRule,
  unknownSecretEntry,
  unknownStanza,
  unreadFile,
  unreadSection,
  unusedIgnore,
  volumeClaim,
  walgDebugLog,
  walgTwoKeys,
  walMayBeDropped,
  weakCipherPass,
  wrappedCipherPass,
  yamlSyntax,
  zalandoBucketScope,
  zalandoClone,
  zalandoCloneKey,
  zalandoKeyInConfigMap,
  zalandoKeyLines,
  zalandoLogicalBackupSse,
  zalandoOperatorSetting,
  zalandoRegionUnderWalE,
  zalandoSecretNamespace,
  zalandoSodiumKey,
  zalandoSseOff,
  zalandoSwitch,
  zalandoVariableNotPassed,
  zalandoWalgOff,
];
