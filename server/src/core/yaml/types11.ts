/**
 * kubectl reads YAML 1.1, the `yaml` package reads 1.2. Where the API server wants a string, these plain scalars are none:
 * `y`, `off`, `0o14`, `1_000`, `12:30:45`, `.inf`. Facts: operators.md 6.1, run with sigs.k8s.io/yaml.
 */
export type PlainType = 'string' | 'boolean' | 'integer' | 'float' | 'null';

/** The type that a plain (unquoted) scalar has for the API server. */
export function plainType(source: string): PlainType {
  if (/^(?:~|null|Null|NULL)?$/.test(source)) return 'null';
  if (/^(?:y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/.test(source))
    return 'boolean';
  if (/^[-+]?(?:0b[01_]+|0o?[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)$/.test(source)) return 'integer';
  if (/^[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?$/.test(source)) return 'float';
  if (/^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$/.test(source)) return 'float';
  return 'string';
}
