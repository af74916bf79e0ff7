import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'unexpanded-variable',
  summary: 'pgBackRest does not expand variables; its own come from the environment by their names.',
  why: 'There is no substitution in this file: unless something like envsubst renders it first, the text with its dollar sign is the value. An S3 key then fails at once, but a cipher pass works, and the repository is encrypted with a text that everybody can read here. Leave the line out and set PGBACKREST_REPO1_CIPHER_PASS instead.',
  severity: 'information',
  confidence: 'likely',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M53'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    repo1-cipher-type=aes-256-cbc
    repo1-cipher-pass=$CIPHER_PASS
                      ^^^^^^^^^^^^ information unexpanded-variable: pgBackRest does not expand this: without a renderer this very text is repo1-cipher-pass
  `,
  good: fixture`
    # repo1-cipher-pass comes from PGBACKREST_REPO1_CIPHER_PASS
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    repo1-cipher-type=aes-256-cbc
  `,
  check(conf, { report }) {
    // Manifests are rendered by Flux, Helm and their like; a file says so in a comment, or with a template's syntax.
    if (conf.entry || conf.tree.hasOpaqueLines || !/\.conf$/.test(conf.part.uri)) return;
    const text = conf.text.text;
    if (/\{\{|\{%|<%/.test(text)) return;
    if (
      conf.tree.comments.some((it) =>
        /envsubst|render|templat|substitut|sed\b|gomplate/i.test(text.slice(it.start, it.end)),
      )
    )
      return;
    for (const setting of conf.settings) {
      const { definition, canonical, problem } = setting.resolved;
      if (
        !definition?.secure ||
        problem ||
        !/^["']?\$(?:\{[A-Za-z_]\w*(?::?[-=?+][^}]*)?\}|[A-Za-z_]\w*)["']?$/.test(setting.value)
      )
        continue;
      const variable = `PGBACKREST_${canonical!.toUpperCase().replaceAll('-', '_')}`;
      report(
        setting.valuePlace,
        `pgBackRest does not expand this: without a renderer this very text is ${setting.key}`,
        { fix: fix(`Remove the line and set ${variable} in the environment`, setting.remove()) },
      );
    }
  },
});
