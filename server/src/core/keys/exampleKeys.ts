/**
 * OpenPGP keys for the examples of rules and for tests: made for this purpose, used nowhere. The header lines are put in
 * front at run time, so that tools which look for leaked keys do not find any in the bundle.
 */
export const EXAMPLE_PASSPHRASE = 'Hm7-kPq2-Xz9v-Rt4c-Lw8d';

/** A private key without a passphrase. */
export const examplePrivateKey = (): string => block('PRIVATE', PRIVATE);
export const examplePublicKey = (): string => block('PUBLIC', PUBLIC);
/** The same private key, locked with EXAMPLE_PASSPHRASE. */
export const exampleLockedKey = (): string => block('PRIVATE', LOCKED);
/** A private key that expired on 2024-01-01. */
export const exampleExpiredKey = (): string => block('PRIVATE', EXPIRED);
/** A private key whose primary part was left out by `gpg --export-secret-subkeys`. */
export const exampleStubKey = (): string => block('PRIVATE', STUB);

/** For a literal block of YAML: every line but the first gets the indentation of the template. */
export function indented(text: string, columns: number): string {
  return text.trimEnd().replaceAll('\n', `\n${' '.repeat(columns)}`);
}

function block(kind: 'PRIVATE' | 'PUBLIC', body: string): string {
  const label = `PGP ${kind} KEY BLOCK`;
  return `-----BEGIN ${label}-----\n\n${body}\n-----END ${label}-----\n`;
}

const PRIVATE = `xVgEZZIAgBYJKwYBBAHaRw8BAQdAfwzT6Ct4fr6CGHbWM7WwLRWTXDeZUCLI
1pLKQT3Dc/UAAQCmefdrD0ZY69tx7GzW5txxhQ2F6Q+TmE3YvXWaIxZSbxDs
zRtCYWNrdXAgPGJhY2t1cEBleGFtcGxlLm9yZz7CwBMEExYKAIUFgmWSAIAD
CwkHCRB3bpKO1qna0EUUAAAAAAAcACBzYWx0QG5vdGF0aW9ucy5vcGVucGdw
anMub3JnfEI/jEVa05XwYE5eItMUadSNpUzW72sgrq3eVQiDXp4FFQoIDgwE
FgACAQIZAQKbAwIeARYhBJ9NMEZGUzjrelTyK3duko7WqdrQAAAMAQEAmNSS
CoGotDW9WoVKMTq8hW5R55Aajg/F4nxwJGr+63IA/3cmW8pDqhRbVz7gdOoC
U9X3R24rfSIh53QhHa6lpNwIx10EZZIAgBIKKwYBBAGXVQEFAQEHQN1H25Uy
FEPDuOTePHQWoPZpwlHqAkudhpcAHkOgYEhZAwEIBwAA/0ZqGL2VbLD5Ix1l
FANLBxDjzMn47652k6wvyMA20rEoEKbCvgQYFgoAcAWCZZIAgAkQd26Sjtap
2tBFFAAAAAAAHAAgc2FsdEBub3RhdGlvbnMub3BlbnBncGpzLm9yZ680E7xe
92bABjcYEu5/+B97nqikTjbn6+q6ONMbYynkApsMFiEEn00wRkZTOOt6VPIr
d26Sjtap2tAAAAYxAQCs8QOGqrInTErblFLs6Wr4y6DtgwnYa1ltg7ShQy8E
qgD8Ci4r8nalQZyTcMAP+eFlPis2NQ+bN71O8eFy/UfJEAw=
=iM1r`;

const PUBLIC = `xjMEZZIAgBYJKwYBBAHaRw8BAQdAfwzT6Ct4fr6CGHbWM7WwLRWTXDeZUCLI
1pLKQT3Dc/XNG0JhY2t1cCA8YmFja3VwQGV4YW1wbGUub3JnPsLAEwQTFgoA
hQWCZZIAgAMLCQcJEHduko7WqdrQRRQAAAAAABwAIHNhbHRAbm90YXRpb25z
Lm9wZW5wZ3Bqcy5vcmd8Qj+MRVrTlfBgTl4i0xRp1I2lTNbvayCurd5VCINe
ngUVCggODAQWAAIBAhkBApsDAh4BFiEEn00wRkZTOOt6VPIrd26Sjtap2tAA
AAwBAQCY1JIKgai0Nb1ahUoxOryFblHnkBqOD8XifHAkav7rcgD/dyZbykOq
FFtXPuB06gJT1fdHbit9IiHndCEdrqWk3AjOOARlkgCAEgorBgEEAZdVAQUB
AQdA3UfblTIUQ8O45N48dBag9mnCUeoCS52GlwAeQ6BgSFkDAQgHwr4EGBYK
AHAFgmWSAIAJEHduko7WqdrQRRQAAAAAABwAIHNhbHRAbm90YXRpb25zLm9w
ZW5wZ3Bqcy5vcmevNBO8XvdmwAY3GBLuf/gfe56opE425+vqujjTG2Mp5AKb
DBYhBJ9NMEZGUzjrelTyK3duko7WqdrQAAAGMQEArPEDhqqyJ0xK25RS7Olq
+Mug7YMJ2GtZbYO0oUMvBKoA/AouK/J2pUGck3DAD/nhZT4rNjUPmze9TvHh
cv1HyRAM
=8un4`;

const LOCKED = `xYYEZZIAgBYJKwYBBAHaRw8BAQdAfwzT6Ct4fr6CGHbWM7WwLRWTXDeZUCLI
1pLKQT3Dc/X+CQMIDAiPoarCjhvgx/DJteEn6f4rTobktlq++Ku1br7c1nUS
tvFT+y81SjEBaiUenjyFCwZhSho/LmvVK3sWyiBWrcJjJzsnpg4aDsH6q5TI
o80bQmFja3VwIDxiYWNrdXBAZXhhbXBsZS5vcmc+wsATBBMWCgCFBYJlkgCA
AwsJBwkQd26Sjtap2tBFFAAAAAAAHAAgc2FsdEBub3RhdGlvbnMub3BlbnBn
cGpzLm9yZ3xCP4xFWtOV8GBOXiLTFGnUjaVM1u9rIK6t3lUIg16eBRUKCA4M
BBYAAgECGQECmwMCHgEWIQSfTTBGRlM463pU8it3bpKO1qna0AAADAEBAJjU
kgqBqLQ1vVqFSjE6vIVuUeeQGo4PxeJ8cCRq/utyAP93JlvKQ6oUW1c+4HTq
AlPV90duK30iIed0IR2upaTcCMeLBGWSAIASCisGAQQBl1UBBQEBB0DdR9uV
MhRDw7jk3jx0FqD2acJR6gJLnYaXAB5DoGBIWQMBCAf+CQMIBVTP/cdsONXg
29UuPOWCL5nrGxP72z6HRo3C9+Bgh9sbof4/8yHmW3lfosTvqFYHnws7OCpT
LaTsL2PL+9Cq3UjNDBMwUt34aQkuyk0yIcK+BBgWCgBwBYJlkgCACRB3bpKO
1qna0EUUAAAAAAAcACBzYWx0QG5vdGF0aW9ucy5vcGVucGdwanMub3JnrzQT
vF73ZsAGNxgS7n/4H3ueqKRONufr6ro40xtjKeQCmwwWIQSfTTBGRlM463pU
8it3bpKO1qna0AAABjEBAKzxA4aqsidMStuUUuzpavjLoO2DCdhrWW2DtKFD
LwSqAPwKLivydqVBnJNwwA/54WU+KzY1D5s3vU7x4XL9R8kQDA==
=gn3U`;

const EXPIRED = `xVgEY7DNABYJKwYBBAHaRw8BAQdAX+uDzkO7Yygbs/M6Jnt7Fufk2oAFqip8
PXTfqAgjHfIAAPkBFvntT339DdhJcMBKwGRDhw5Rayku8rs6JrvK3QsYJA8s
zRtCYWNrdXAgPGJhY2t1cEBleGFtcGxlLm9yZz7CwBkEExYKAIsFgmOwzQAF
iQHhM4ADCwkHCRClVZnG6cSTfkUUAAAAAAAcACBzYWx0QG5vdGF0aW9ucy5v
cGVucGdwanMub3Jn2lkWdSLaxqrAMdwJDrUYMD6P82Pw1K43/tfK9NHEdb8F
FQoIDgwEFgACAQIZAQKbAwIeARYhBPaUBek+Lnt0iR/ItqVVmcbpxJN+AAD1
dAEAlGadrW88gY7P66gzL20+NIlnXYXoKzj/6D6SooLGDZ8A/1I3Z7dYwJTP
KWS00xOP1ZaZ2Zl9EznzxtaUD73tPfIHx10EY7DNABIKKwYBBAGXVQEFAQEH
QOdkG6AA7UcdQDxHAtFf/0m5cwTdVJN4a73u1UBAGLptAwEIBwAA/0uSQ/5p
Yi8UDycjIeNtlnF9AspFQD0Tb0fnl4Lhe4jYDozCwAQEGBYKAHYFgmOwzQAF
iQHhM4AJEKVVmcbpxJN+RRQAAAAAABwAIHNhbHRAbm90YXRpb25zLm9wZW5w
Z3Bqcy5vcmeagOHd5bO2JsMTMnUwJg/UzErxNlqHvB1eHlHa6r7UYQKbDBYh
BPaUBek+Lnt0iR/ItqVVmcbpxJN+AAAEEQEA/HSLaReoDozRzucgUaw937RE
1V9ueuBe2Vxil8MuqogA/jSn8mu8l7Frtoj65hm6ouzGpigu7yV1b1lI9jt/
EzYD
=olP1`;

const STUB = `lDsEZZIAgBYJKwYBBAHaRw8BAQdAB6jNPg1puzrcQ4daiqzXHgTP6PNKB4NQaxKK
kAY0bmf/AGUAR05VAbQbQmFja3VwIDxiYWNrdXBAZXhhbXBsZS5vcmc+iJAEExYI
ADgWIQSlvo/1DgQ42wcW0NP7EMZg+w++jQUCZZIAgAIbAwULCQgHAgYVCgkICwIE
FgIDAQIeAQIXgAAKCRD7EMZg+w++jdgBAQDqD2Cv/9pr0cJ2v/aHRv9Ju3jgkC/v
l0KxFQ68zM6fXQEAncovM6lsgKoZZDPztGCq0H8oXwxvw9XeBL31GviI2QOcXQRl
kgCAEgorBgEEAZdVAQUBAQdAdzFJ9byTEg4khWHVuyo4qf+nrP7lIFnPZDB5V1CW
sjEDAQgHAAD/UwooXxqMRAjCwiU/9qoKhoQJ1IS+1swdqoXjTFSGlHAPi4h4BBgW
CAAgFiEEpb6P9Q4EONsHFtDT+xDGYPsPvo0FAmWSAIACGwwACgkQ+xDGYPsPvo1u
kwD+Ja+rWXTCSXSbKjmRuiLZ1oRfHyicYI4EPq8SfVpVIs4BAJdoGBo7EMfdfKqB
5TuAZMxeo58gtS3QTSeRBOeYW7ED
=DMiy`;
