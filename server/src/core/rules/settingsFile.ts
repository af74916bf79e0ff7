import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'settings-file',
  summary: 'A .restorablerc holds settings that Restorable knows.',
  why: 'A setting that is not understood is passed over, and everything is told as if it were not there.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Restorable',
  kinds: ['Settings'],
  bad: fixture`
    #- /.restorablerc
    ignore:
      - examples/**
    severity:
      weak-cipher-pass: of
                        ^^ warning settings-file: the severity of a rule is off, hint, information, warning or error
    targets:
    ^^^^^^^ warning settings-file: there is no setting targets; did you mean target?
      pgbackrest: "2.45"
  `,
  good: fixture`
    #- /.restorablerc
    # Read, but not judged.
    ignore:
      - examples/**
    severity:
      weak-cipher-pass: off
      missing-retention: error
    target:
      pgbackrest: "2.45"
  `,
  check(file, { report }) {
    for (const { at, message, replacement } of file.problems) {
      report(at, message, {
        fix: replacement ? fix(`Change to ${replacement}`, [{ at, newText: replacement }]) : undefined,
      });
    }
  },
});
