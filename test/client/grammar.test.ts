import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import oniguruma from 'vscode-oniguruma';
import textmate from 'vscode-textmate';

const require = createRequire(import.meta.url);

/** Just enough of YAML for the injected grammar to have something to be injected into. */
const yamlStub = {
  scopeName: 'source.yaml',
  patterns: [
    { match: '#.*$', name: 'comment.line.yaml' },
    { match: '^\\s*[\\w.-]+(?=:)', name: 'entity.name.tag.yaml' },
  ],
};

const grammarFile = (name: string) =>
  readFileSync(new URL(`../../client/syntaxes/${name}.tmLanguage.json`, import.meta.url), 'utf8');

const registry = new textmate.Registry({
  onigLib: oniguruma.loadWASM(readFileSync(require.resolve('vscode-oniguruma/release/onig.wasm')).buffer).then(() => ({
    createOnigScanner: (patterns: string[]) => new oniguruma.OnigScanner(patterns),
    createOnigString: (text: string) => new oniguruma.OnigString(text),
  })),
  loadGrammar: async (scope) => {
    if (scope === 'source.pgbackrest-conf') return textmate.parseRawGrammar(grammarFile('pgbackrest-conf'), 'a.json');
    if (scope === 'source.yaml.pgbackrest-conf.injection') {
      return textmate.parseRawGrammar(grammarFile('pgbackrest-conf-in-yaml'), 'b.json');
    }
    return scope === 'source.yaml' ? textmate.parseRawGrammar(JSON.stringify(yamlStub), 'c.json') : null;
  },
  getInjections: (scope) => (scope === 'source.yaml' ? ['source.yaml.pgbackrest-conf.injection'] : undefined),
});

/** `text scope` for every token with a scope of its own, the suffix of the language left out. */
async function tokens(text: string, language = 'source.pgbackrest-conf'): Promise<string[]> {
  const grammar = (await registry.loadGrammar(language))!;
  let stack = textmate.INITIAL;
  return text.split('\n').flatMap((line) => {
    const { tokens: found, ruleStack } = grammar.tokenizeLine(line, stack);
    stack = ruleStack;
    return found
      .filter((it) => !/^(source|meta)\./.test(it.scopes.at(-1)!))
      .map((it) => `${line.slice(it.startIndex, it.endIndex)} ${it.scopes.at(-1)!.replace('.pgbackrest-conf', '')}`);
  });
}

describe('a line of pgbackrest.conf is coloured by what it is', () => {
  test.each([
    ['# a comment', ['# punctuation.definition.comment', ' a comment comment.line.number-sign']],
    ['  # indented', ['# punctuation.definition.comment', ' indented comment.line.number-sign']],
    ['; no comment', []],
    [
      '[global]',
      ['[ punctuation.definition.section.begin', 'global keyword.other.global', '] punctuation.definition.section.end'],
    ],
    [
      '[global:archive-push]',
      [
        '[ punctuation.definition.section.begin',
        'global keyword.other.global',
        ': punctuation.separator.section',
        'archive-push entity.name.function.command',
        '] punctuation.definition.section.end',
      ],
    ],
    [
      '[demo:backup]',
      [
        '[ punctuation.definition.section.begin',
        'demo entity.name.type.stanza',
        ': punctuation.separator.section',
        'backup entity.name.function.command',
        '] punctuation.definition.section.end',
      ],
    ],
    [
      '[Global]',
      [
        '[ punctuation.definition.section.begin',
        'Global entity.name.type.stanza',
        '] punctuation.definition.section.end',
      ],
    ],
    ['[global', []],
    [
      'repo1-path=/var/lib/pgbackrest',
      [
        'repo variable.other.property',
        '1 constant.numeric.index',
        '-path variable.other.property',
        '= keyword.operator.assignment',
        '/var/lib/pgbackrest string.unquoted.path',
      ],
    ],
    [
      'repo256-bundle = y',
      [
        'repo variable.other.property',
        '256 constant.numeric.index',
        '-bundle variable.other.property',
        '= keyword.operator.assignment',
        'y constant.language.boolean',
      ],
    ],
    [
      'start-fast=n',
      ['start-fast variable.other.property', '= keyword.operator.assignment', 'n constant.language.boolean'],
    ],
    ['start-fast=yes', ['start-fast variable.other.property', '= keyword.operator.assignment', 'yes string.unquoted']],
    [
      'repo1-cipher-type=aes-256-cbc',
      [
        'repo variable.other.property',
        '1 constant.numeric.index',
        '-cipher-type variable.other.property',
        '= keyword.operator.assignment',
        'aes-256-cbc variable.other.enummember',
      ],
    ],
    [
      'repo1-cipher-pass=a=b # c',
      [
        'repo variable.other.property',
        '1 constant.numeric.index',
        '-cipher-pass variable.other.property',
        '= keyword.operator.assignment',
        'a=b # c string.unquoted.secret',
      ],
    ],
    [
      'repo2-s3-key-secret = abc',
      [
        'repo variable.other.property',
        '2 constant.numeric.index',
        '-s3-key-secret variable.other.property',
        '= keyword.operator.assignment',
        'abc string.unquoted.secret',
      ],
    ],
    [
      'archive-push-queue-max=4GiB',
      [
        'archive-push-queue-max variable.other.property',
        '= keyword.operator.assignment',
        '4 constant.numeric',
        'GiB keyword.other.unit',
      ],
    ],
    [
      'archive-timeout=2.5',
      ['archive-timeout variable.other.property', '= keyword.operator.assignment', '2.5 constant.numeric'],
    ],
    [
      'process-max=4 # cores',
      ['process-max variable.other.property', '= keyword.operator.assignment', '4 # cores string.unquoted'],
    ],
    [
      'recovery-option=primary_conninfo=host=db',
      [
        'recovery-option variable.other.property',
        '= keyword.operator.assignment',
        'primary_conninfo variable.parameter',
        '= keyword.operator.assignment',
        'host=db string.unquoted',
      ],
    ],
    ['half-typed', []],
    ['process-max=', ['process-max variable.other.property', '= keyword.operator.assignment']],
  ])('%s', async (line, expected) => {
    expect(await tokens(line)).toEqual(expected);
  });
});

test('a value never runs on into the next line', async () => {
  expect(await tokens('process-max=\n[demo]')).toContain('demo entity.name.type.stanza');
});

describe('a conf in a block scalar is coloured inside YAML', () => {
  test('up to the end of its indentation', async () => {
    const found = await tokens(
      'stringData:\n  pgbackrest.conf: |\n    [global]\n    repo1-path=/x\n\n    # c\n  other: [global]',
      'source.yaml',
    );
    expect(found).toContain('pgbackrest.conf entity.name.tag.yaml');
    expect(found).toContain('global keyword.other.global');
    expect(found).toContain('/x string.unquoted.path');
    expect(found).toContain(' c comment.line.number-sign');
    expect(found.filter((it) => it.startsWith('global '))).toHaveLength(1);
  });

  test.each(['s3.conf: |-', 'my-pgbackrest-repo1.conf: >', 'repo2.conf: |2+ # why'])('under %s', async (key) => {
    expect(await tokens(`${key}\n   [demo]`, 'source.yaml')).toContain('demo entity.name.type.stanza');
  });

  test.each(['nginx.conf: |', 'pgbackrest.conf: text', 'script.sh: |'])('but not under %s', async (key) => {
    expect((await tokens(`${key}\n   [demo]`, 'source.yaml')).join()).not.toContain('entity.name.type');
  });
});
