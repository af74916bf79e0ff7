/**
 * How good a passphrase is against somebody who copied the repository. pgBackRest derives the key with one round of SHA-1,
 * so that guesses cost nearly nothing: what people think up is found, what a generator made is not.
 */

/** Below this many bits a passphrase is within reach of whoever can rent some machines. */
const enoughBits = 80;
export const shortestPass = 20;

export type PassWeakness = 'published' | 'placeholder' | 'short' | 'guessable';

export function passWeakness(pass: string): PassWeakness | undefined {
  const bare = pass.replace(/^(["'])(.*)\1$/, '$2');
  if (published.has(bare)) return 'published';
  if (isPlaceholder(bare)) return 'placeholder';
  if (bare.length < shortestPass) return 'short';
  return passBits(bare) < enoughBits ? 'guessable' : undefined;
}

/** Passphrases that manuals and tutorials print; whoever reads them can read the backups. */
const published = new Set([
  'zWaf6XtpjIVZC5444yXB+cgFDFl7MxGlgkZSaoPvTGirhPygu4jOKOXf9LO4vjfO', // pgBackRest user guide
  'PNaf798o9Sz1RRRRRRRRhH62R1BSQal+lAxpb3ZTAblNPTxC72E1nAcQGVwn40co', // Percona blog
  'pgBackRest', // Pigsty
  'pgBR',
  'yourStrongPassword',
  'mypassword123',
  'correct-horse-battery-staple',
  'correct horse battery staple',
  'correcthorsebatterystaple',
]);

/** `change-me-…`, `REPLACE_WITH_PASS`, `YOUR_ENCRYPTION_KEY`, `xxxxxxxx`: a word for the passphrase instead of one. */
export function isPlaceholder(text: string): boolean {
  const words = text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-');
  return (
    /^-?(?:please-)?(?:change-?(?:me|this|it)|replace|todo|fixme|tbd|insert|enter|put|set|fill|paste|render|generate|your|my-?own)(?:$|-)/.test(
      words,
    ) ||
    /(?:change-?me|replace-?me|placeholder|goes-here|(?:pass(?:word|phrase)?|secret|key)-here)(?:$|-)/.test(words) ||
    /^-?(?:a-)?(?:very-)?(?:long-|strong-|secure-|random-|secret-|super-)+(?:pass|key|secret|string)/.test(words) ||
    /^-?(?:(?:repo\d*-?)?(?:cipher|encryption|backup|pgbackrest)-?)+(?:pass(?:word|phrase)?|key|secret)-?$/.test(
      words,
    ) ||
    /^(?:pass(?:word|phrase)?|secret|example|sample|dummy|redacted|changeit)-?$/.test(words) ||
    /^([x*.…?_-])\1{3,}$/i.test(text)
  );
}

/** A careful guess at the bits of a passphrase: words count as words, not as letters. */
export function passBits(pass: string): number {
  if (/^(?:[0-9a-f]{32,}|[0-9A-F]{32,})$/.test(pass)) return pass.length * 4;
  let bits = 0;
  let rest = pass;
  for (const word of pass.match(/\p{Lu}?\p{Ll}{3,}|\p{Lu}{4,}/gu) ?? []) {
    if (!looksLikeWord(word)) continue;
    bits += 12 + Math.max(0, word.length - 10);
    rest = rest.replace(word, ' ');
  }
  for (const number of rest.match(/\d{3,}/g) ?? []) {
    bits += isCounted(number) ? 6 : number.length * 3.3;
    rest = rest.replace(number, ' ');
  }
  const left = rest.replace(/[\s\-_.,:;]/g, '');
  const distinct = new Set(left).size;
  return bits + left.length * Math.min(alphabetBits(left), Math.log2(Math.max(1, distinct)) + 1);
}

function alphabetBits(text: string): number {
  let size = 0;
  if (/[a-z]/.test(text)) size += 26;
  if (/[A-Z]/.test(text)) size += 26;
  if (/[0-9]/.test(text)) size += 10;
  if (/[^A-Za-z0-9]/.test(text)) size += 8;
  return Math.log2(Math.max(2, size));
}

/** Letters as languages mix them: vowels in between, no long heap of consonants. */
function looksLikeWord(word: string): boolean {
  const letters = word.toLowerCase();
  const vowels = letters.match(/[aeiouyäöüéèáíóú]/g)?.length ?? 0;
  const share = vowels / letters.length;
  return share >= 0.2 && share <= 0.7 && !/[bcdfghjklmnpqrstvwxz]{5,}/.test(letters);
}

/** Years, `123`, `000`: what people append. */
function isCounted(digits: string): boolean {
  return /^(?:19|20)\d\d$/.test(digits) || /^(\d)\1+$/.test(digits) || '01234567890123456789'.includes(digits);
}
