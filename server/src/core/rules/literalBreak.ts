import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'literal-break',
  summary: 'A conf that Kustomize makes of a literal has real line breaks.',
  why: 'Kustomize takes a literal as YAML gives it. Between double quotes YAML turns \\\\n into a line break; without quotes and between single ones it stays two characters, and pgBackRest reads one long line: error 29. A file under files: has no such traps.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Kubernetes',
  catalogue: ['K20'],
  kinds: ['Secret'],
  bad: fixture`
    #- /kustomization.yaml
    secretGenerator:
      - name: keys
        literals:
          - 's3.conf=[global]\nrepo1-s3-key=x'
             ^^^^^^^ error literal-break: without double quotes \n stays two characters: the conf has one line
  `,
  good: fixture`
    #- /kustomization.yaml
    secretGenerator:
      - name: keys
        files: [s3.conf]
  `,
  check(secret, { report }) {
    for (const entry of secret.entries) {
      if (entry.container !== 'generator' || !entry.name.endsWith('.conf')) continue;
      if (/\\n/.test(entry.source?.text ?? '')) {
        report(entry.keyPlace, 'without double quotes \\n stays two characters: the conf has one line');
      }
    }
  },
});
