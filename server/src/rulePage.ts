/** Where a rule is explained: the page of docs/rules in the package, by its name on the web. */
export function rulePage(rule: string): string {
  return `https://github.com/restorable/restorable/blob/main/docs/rules/${encodeURIComponent(rule)}.md`;
}
