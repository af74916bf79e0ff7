/** Where a finding's page is read: the one place that knows the address of docs/rules. */
const RULE_PAGES = 'https://github.com/restorable/restorable/blob/main/docs/rules';

/** The page of a rule; `schema` and `syntax` findings share a page whatever their suffix. */
export function rulePage(rule: string): string {
  const page = /^(schema|syntax)\b/.exec(rule)?.[1] ?? rule;
  return `${RULE_PAGES}/${page}.md`;
}
