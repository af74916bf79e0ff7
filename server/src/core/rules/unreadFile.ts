import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'unread-file',
  summary: 'A file of conf.d ends in .conf.',
  why: 'pgBackRest reads what ends in .conf, in small letters, and passes over everything else without a word: a cipher in cipher.cnf is no cipher. A folder whose name ends in .conf is error 42.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M48'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    #- /conf.d/cipher.cnf
    [global]
    ^^^^^^^^ error unread-file: pgBackRest never reads cipher.cnf: the name must end in .conf
    repo1-cipher-type=aes-256-cbc
    repo1-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
  `,
  good: fixture`
    #- /conf.d/cipher.conf
    [global]
    repo1-cipher-type=aes-256-cbc
    repo1-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
  `,
  check(conf, { report }) {
    if (
      conf.entry ||
      conf.isExample ||
      !/\/conf\.d\/[^/]+$/.test(conf.part.uri) ||
      /\.conf(?:\.|$)/.test(conf.part.uri)
    )
      return;
    const [section] = conf.tree.sections;
    const at = section ? conf.place(section.start, section.headerEnd) : conf.part.whole;
    report(at, `pgBackRest never reads ${conf.title}: the name must end in .conf`);
  },
});
