import { unreadSection } from '../pgbackrest/sections.ts';
import type { Setting } from '../pgbackrest/setting.ts';
import { readingsOf } from '../queries/confReading.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'duplicate-option',
  summary: 'An option is set once in a section, whatever name it goes by and whatever file of conf.d it stands in.',
  why: 'pgBackRest does not take the last one: it stops with error 31, "cannot be set multiple times", as soon as a command needs the option; sections of one name, and all files of conf.d, are one section for that.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M28', 'M29', 'M61', 'pains P14'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    start-fast=y

    [demo]
    pg1-path=/var/lib/postgresql/15/demo

    [global]
    start-fast=n
    ^^^^^^^^^^ error duplicate-option: start-fast is set twice in [global]
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    start-fast=y

    [demo]
    pg1-path=/var/lib/postgresql/15/demo
    start-fast=n
  `,
  check(conf, { report, query }) {
    const [reading] = readingsOf(conf, query);
    if (!reading || reading.hasOpaqueLines) return;
    // What a cluster's Pods read together is told at the cluster.
    const settings = reading.cluster ? conf.settings : reading.confs.flatMap((it) => it.settings);
    const first = new Map<string, Setting>();
    for (const setting of settings) {
      const { definition, canonical, problem } = setting.resolved;
      if (setting.origin.kind !== 'conf' || !definition || !canonical || problem) continue;
      const { section } = setting.origin.option;
      if (unreadSection(section)) continue;
      const hashKey =
        definition.type === 'hash' && !setting.isOpaque ? /^[^=]*(?==)/.exec(setting.value)?.[0] : undefined;
      if (definition.multi && hashKey === undefined) continue;
      const id = `${section.name}\n${canonical}\n${hashKey ?? ''}`;
      const before = first.get(id);
      if (!before) {
        first.set(id, setting);
        continue;
      }
      if (!conf.holds(setting)) continue;
      const place = conf.holds(before)
        ? `[${section.name}]`
        : `[${section.name}], the first time in ${titleOf(before)}`;
      const isSame = before.value === setting.value;
      const message = definition.multi
        ? `${setting.key} is given twice for the same name in [${section.name}]: the last one counts`
        : setting.key === before.key
          ? `${setting.key} is set twice in ${place}`
          : `${before.key} and ${setting.key} are the same option, set twice in ${place}`;
      report(setting.keyPlace, message, {
        severity: definition.multi ? 'warning' : 'error',
        related: [{ at: before.keyPlace, message: 'set here first' }],
        fixes: [
          fix(isSame ? 'Remove this line' : 'Keep the first, remove this line', setting.remove(), { isSafe: isSame }),
          isSame ? undefined : fix('Keep this line, remove the first', before.remove()),
        ],
      });
    }

    function titleOf(setting: Setting): string {
      return reading!.confs.find((it) => it.holds(setting))?.title ?? 'another file';
    }
  },
});
