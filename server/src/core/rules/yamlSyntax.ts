import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'yaml-syntax',
  summary: 'A manifest is YAML that can be read.',
  why: 'kubectl refuses the whole document. What stands in it is judged here as far as it could be read.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Kubernetes',
  catalogue: ['Z15', 'K27'],
  kinds: ['Document'],
  bad: fixture`
    apiVersion: v1
    kind: Secret
    metadata: {name: backup}
    stringData:
      key: one: two
           ^ error yaml-syntax
  `,
  good: fixture`
    apiVersion: v1
    kind: Secret
    metadata: {name: backup}
    stringData:
      key: "closed"
  `,
  check({ parsed, part }, { report }) {
    const [first] = parsed.errors;
    // One mistake makes many errors behind it: the first is the one to cure.
    if (!first) return;
    // What is never closed is noticed at the end of the text: show the last line that holds something.
    const start = Math.min(first.at.start, Math.max(0, part.text.trimEnd().length - 1));
    const end = Math.min(Math.max(first.at.end, start + 1), lineEnd(part.text, start));
    report(part.place(start, Math.max(end, start)), `not valid YAML: ${first.message}`);
  },
});

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}
