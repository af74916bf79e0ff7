/**
 * How good a passphrase is against somebody who copied the repository. pgBackRest derives the key with one round of SHA-1,
 * so that guesses cost nearly nothing: what people think up is found, what a generator made is not.
 */

/** Below this many bits a passphrase is within reach of whoever can rent some machines. */
const enoughBits = 75;
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

/** A careful guess at the bits of a passphrase: words count as words, not as letters. Six words of a list of 7,776 are enough. */
export function passBits(pass: string): number {
  if (/^(?:[0-9a-f]{32,}|[0-9A-F]{32,})$/.test(pass)) return pass.length * 4;
  let bits = 0;
  let rest = pass;
  let counted = 0;
  const count = (piece: string, worth: number) => {
    bits += worth;
    counted += piece.length;
    rest = rest.replace(piece, ' ');
  };
  for (const word of pass.match(commonWords) ?? []) count(word, 6);
  for (const word of rest.match(/\p{Lu}?\p{Ll}{4,}|\p{Lu}{5,}/gu) ?? []) {
    if (looksLikeWord(word)) count(word, wordBits + Math.max(0, word.length - 10));
  }
  // Between blanks and dashes everything is a word.
  if (/^[\p{L}\d\s\-_.,!]+$/u.test(pass) && /[\s\-_.,]/.test(pass)) {
    for (const word of rest.match(/(?<=^|[\s\-_.,])\p{Lu}?\p{Ll}{1,12}(?=$|[\s\-_.,])/gu) ?? [])
      count(word, word.length > 3 ? wordBits : shortWordBits);
  }
  for (const number of rest.match(/\d{3,}/g) ?? []) count(number, isCounted(number) ? 6 : number.length * 3.3);
  // In a random text some letters look like a word by chance; in a text of words nearly all of them do.
  const isRandom = counted < 0.65 * pass.length;
  if (isRandom) bits = 0;
  const left = isRandom ? pass : rest.replace(/[\s\-_.,:;]/g, '');
  const distinct = new Set(left).size;
  return bits + left.length * Math.min(alphabetBits(left), Math.log2(Math.max(1, distinct)) + 1);
}

/** What nearly every list of passwords begins with, also with digits for letters. */
const commonWords =
  /p[a4@][s5$]{1,2}(?:w[o0]rd|phrase)|[s5$][e3]cr[e3]t|pgb[a4]ckr[e3][s5]t|p[o0][s5]tgr[e3][s5](?:ql)?|b[a4]ckup|[a4]dm[i1]n|ch[a4]ng[e3]m[e3]|w[e3]lc[o0]m[e3]|l[e3]tm[e3][i1]n|qwert[yz](?:uiop)?|asdfghjkl|[yz]xcvbnm?|encrypt(?:ion|ed)?|c[i1]pher/gi;
const wordBits = 13;
const shortWordBits = 7;

function alphabetBits(text: string): number {
  let size = 0;
  if (/[a-z]/.test(text)) size += 26;
  if (/[A-Z]/.test(text)) size += 26;
  if (/[0-9]/.test(text)) size += 10;
  if (/[^A-Za-z0-9]/.test(text)) size += 8;
  return Math.log2(Math.max(2, size));
}

/** Letters as languages mix them: vowels in between, no heap of consonants, few of the rare letters. */
function looksLikeWord(word: string): boolean {
  const letters = word.toLowerCase();
  const vowels = letters.match(/[aeiouyäöüéèáíóú]/g)?.length ?? 0;
  const rare = letters.match(/[jqxzw]/g)?.length ?? 0;
  const share = vowels / letters.length;
  return (
    share >= 0.25 &&
    share <= 0.65 &&
    rare <= letters.length / 6 &&
    !/[bcdfghjklmnpqrstvwxz]{4,}|[aeiou]{3}|q(?!u)|^(?:[bcdfgkpt][bcdfgkmnptv]|[mnlr][bcdfgkptvs])/.test(letters)
  );
}

/** Years, `123`, `000`: what people append. */
function isCounted(digits: string): boolean {
  const isSequence = [...digits].every((it, i) => i === 0 || (Number(digits[i - 1]) + 1) % 10 === Number(it));
  return /^(?:19|20)\d\d$/.test(digits) || /^(\d)\1+$/.test(digits) || isSequence;
}
