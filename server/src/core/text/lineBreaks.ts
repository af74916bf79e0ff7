/** The text without the line feeds at its end. By hand: /\n+$/ takes quadratic time on a long run of them inside. */
export function withoutFinalFeeds(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 0x0a) end--;
  return text.slice(0, end);
}

/** The same for carriage returns and line feeds. */
export function withoutFinalBreaks(text: string): string {
  let end = text.length;
  while (end > 0 && (text.charCodeAt(end - 1) === 0x0a || text.charCodeAt(end - 1) === 0x0d)) end--;
  return text.slice(0, end);
}
