/** What openssl is asked for: `enc` under its own name, or a cipher as a command. */

import { type Call, optionValue } from './script.ts';

const CIPHER =
  /^-?(?:aes(?:-?(?:128|192|256))?(?:-?(?:cbc|ctr|cfb\d*|ofb|ecb))?|camellia[-\w]*|des3?|des-ede3[-\w]*|bf(?:-\w+)?|chacha20|aria[-\w]*)$/i;

/** true for a call that encrypts or decrypts with a password or a key. */
export function isCipherCall(call: Call): boolean {
  const [command] = call.args;
  return command?.text === 'enc'
    ? !call.args.some((it) => /^-(?:list|ciphers|help)$/.test(it.text))
    : CIPHER.test(command?.text ?? '-');
}

/** What must be the same on both sides, each as it is written or undefined where the default is taken. */
export function cipherOptions(call: Call): {
  options: [name: string, value: string | undefined][];
  hasUnknown: boolean;
} {
  const cipher = call.args.find((it, i) => CIPHER.test(it.text) && (i === 0 || it.text.startsWith('-')))?.text;
  const md = optionValue(call, '-md')?.text.toLowerCase();
  const iterations = optionValue(call, '-iter')?.text;
  const isPbkdf2 = iterations !== undefined || optionValue(call, '-pbkdf2') !== undefined;
  return {
    options: [
      ['the cipher', cipher && `-${cipher.replace(/^-/, '').toLowerCase()}`],
      ['-md', md && md !== 'sha256' ? `-md ${md}` : undefined],
      ['-pbkdf2', isPbkdf2 ? '-pbkdf2' : 'one round, without -pbkdf2'],
      ['-iter', iterations && iterations !== '10000' ? `-iter ${iterations}` : undefined],
    ],
    hasUnknown: call.args.some((it) => /^["']?\$[{@A-Za-z_]/.test(it.text)) || /\$/.test(`${md}${iterations}`),
  };
}
