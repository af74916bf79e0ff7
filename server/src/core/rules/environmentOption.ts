import { resolveOption } from '../pgbackrest/options.ts';
import { fixture, rule } from '../rule.ts';
import type { Variable } from '../shell/script.ts';

export default rule({
  id: 'environment-option',
  summary: 'Options of pgBackRest in variables say what they would say in a file.',
  why: 'A variable beats every file, for those who have it: the shell of a person, a cron job and the database each have others. A cipher type without its pass is error 37 for whoever lacks the pass. Blanks at the ends are taken off in a file and kept in a variable, so that the same pass is two. A list is cut at every colon, so a colon in a path gives two values.',
  severity: 'warning',
  confidence: 'likely',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M8', 'M14', 'M63', 'pains P11'],
  kinds: ['Script'],
  bad: fixture`
    #- /job.yaml
    apiVersion: batch/v1
    kind: CronJob
    metadata: {name: backup, namespace: db}
    spec:
      schedule: "0 2 * * *"
      jobTemplate:
        spec:
          template:
            spec:
              containers:
                - name: backup
                  image: pgbackrest
                  command: [pgbackrest, --stanza=main, backup]
                  env:
                    - {name: PGBACKREST_REPO1_CIPHER_PASS, value: "correct-horse-battery-staple-2026 "}
                                                                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning environment-option: a blank at the end of this pass counts in a variable, and is taken off in a file
  `,
  good: fixture`
    #- /job.yaml
    apiVersion: batch/v1
    kind: CronJob
    metadata: {name: backup, namespace: db}
    spec:
      schedule: "0 2 * * *"
      jobTemplate:
        spec:
          template:
            spec:
              containers:
                - name: backup
                  image: pgbackrest
                  command: [pgbackrest, --stanza=main, backup]
                  envFrom: [{secretRef: {name: pgbackrest}}]
  `,
  check(script, { report }) {
    const options = script.variables.flatMap((variable) => {
      if (!variable.name.startsWith('PGBACKREST_')) return [];
      const key = variable.name.slice('PGBACKREST_'.length).toLowerCase().replaceAll('_', '-');
      return [{ variable, key, definition: resolveOption(key).definition }];
    });
    for (const { variable, key, definition } of options) {
      if (definition?.secure && variable.isLiteral && /^[ \t]|[ \t]$/.test(variable.value)) {
        const end = /^[ \t]/.test(variable.value) ? 'beginning' : 'end';
        report(
          variable.at,
          `a blank at the ${end} of this ${key.endsWith('pass') ? 'pass' : 'secret'} counts in a variable, and is taken off in a file`,
        );
      }
      if (
        definition?.type === 'hash' &&
        variable.isLiteral &&
        variable.value.split(':').some((it) => !it.includes('='))
      ) {
        report(variable.at, `the value is cut at each colon, and what is between two has no =: error 31`, {
          severity: 'error',
        });
      }
      const type = /^(repo\d+)-cipher-type$/.exec(key)?.[1];
      if (
        type &&
        !script.traits.isText &&
        !script.traits.hasUnseenVariables &&
        variable.value !== 'none' &&
        !hasPass(script.variables, type)
      ) {
        report(
          variable.at,
          `${variable.name} is set here and the pass is not: unless a file has it, every command stops with error 37`,
          { severity: 'hint' },
        );
      }
    }
  },
});

function hasPass(variables: readonly Variable[], repository: string): boolean {
  return variables.some((it) => it.name === `PGBACKREST_${repository.toUpperCase()}_CIPHER_PASS`);
}
