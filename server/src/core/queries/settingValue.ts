import type { Edit, Place } from '../part.ts';
import type { Conf } from '../pgbackrest/conf.ts';
import { EffectiveOptions } from '../pgbackrest/effective.ts';
import type { Setting } from '../pgbackrest/setting.ts';
import { readValue, type ValueProblem } from '../pgbackrest/values.ts';
import type { GlobalOptions } from '../resources/postgresCluster.ts';
import type { RuleContext } from '../rule.ts';
import { readingsOf, settingsAround } from './confReading.ts';

/** One setting with what is wrong with its value. */
export interface JudgedSetting {
  setting: Setting;
  problems: ValueProblem[];
  at(problem: ValueProblem): Place;
  replace(problem: ValueProblem, newText: string): Edit[];
}

/** Every option of a conf whose value has problems, read beside the options that it depends on. */
export function readSettingOf(
  conf: Conf | GlobalOptions,
  { query, target }: Pick<RuleContext, 'query' | 'target'>,
): JudgedSetting[] {
  const reading = conf.kind === 'pgbackrest.conf' ? readingsOf(conf, query)[0] : undefined;
  const effective = new Map<string | undefined, EffectiveOptions>();
  return conf.settings.flatMap((setting) => {
    const { definition, index, problem } = setting.resolved;
    if (!definition || problem || setting.value === '') return [];
    const { stanza } = setting.scope;
    let around = effective.get(stanza);
    if (!around) {
      around =
        reading?.effective(stanza, target.pgbackrest) ??
        new EffectiveOptions(settingsAround(conf, query), stanza, target.pgbackrest);
      effective.set(stanza, around);
    }
    const siblings = (name: string): string | undefined => {
      // What cannot be seen here may be anything: '' stands for no value in particular.
      if (around.isUncertain(name, index)) return '';
      const value = around.written(name, index);
      return value === undefined && !reading?.isWhole ? '' : value;
    };
    const { problems } = readValue(definition, setting.value, {
      key: setting.key,
      siblings,
      target: target.pgbackrest,
    });
    const all = setting.isOpaque ? visibleProblems(setting) : problems;
    if (all.length === 0) return [];
    return [
      {
        setting,
        problems: all,
        at: (it) => setting.placeInValue(it.start, it.end),
        replace: (it, newText) => setting.replaceInValue(it.start, it.end, newText),
      },
    ];
  });
}

/** What is wrong around a placeholder stays wrong, whatever replaces it: quotes, and a comment behind it. */
function visibleProblems({ key, value, resolved }: Setting): ValueProblem[] {
  if (resolved.definition?.type === 'hash' || resolved.definition?.type === 'list') return [];
  if (/^"[^"]*"$|^'[^']*'$/.test(value)) {
    const message = `the quotes are part of ${key}`;
    return [{ code: 'quoted', message, start: 0, end: value.length, effect: 'silent' }];
  }
  const comment = /^[^\s#]*[}\])>%][^\s#]*(\s+#+\s.*)$/.exec(value)?.[1];
  if (comment === undefined) return [];
  const message = `a comment needs a line of its own: all of this is part of ${key}`;
  return [
    { code: 'inline-comment', message, start: value.length - comment.length, end: value.length, effect: 'silent' },
  ];
}
