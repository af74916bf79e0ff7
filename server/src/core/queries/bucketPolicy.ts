/** Which uploads the bucket policies of the workspace refuse. Conditions that cannot be decided from files refuse nothing. */

import type { Query } from '../index.ts';
import { BucketPolicyResource, type PolicyStatement } from '../resources/bucketPolicy.ts';

/** What a backup tool sends when it puts an object into a bucket. */
export interface Upload {
  bucket: string;
  /** The header x-amz-server-side-encryption; `sse-c`: the headers of a key of one's own instead. */
  sse: 'AES256' | 'aws:kms' | 'sse-c' | undefined;
  kmsKeyId?: string | undefined;
  /** false for plain HTTP. */
  isTls: boolean;
}

export interface Denial {
  policy: BucketPolicyResource;
  statement: PolicyStatement;
  /** `certain` but for an …IfExists condition on a header that is not sent: AWS takes it for a match, its readers often do not. */
  confidence: 'certain' | 'likely';
}

/** The first statement that refuses the upload. */
export function denial(upload: Upload, query: Query): Denial | undefined {
  const denials = query
    .resources('BucketPolicy')
    .filter((it) => it instanceof BucketPolicyResource)
    .flatMap((policy) =>
      policy.statements.flatMap((statement): Denial[] => {
        const confidence = denies(statement, upload);
        return confidence ? [{ policy, statement, confidence }] : [];
      }),
    );
  return denials.find((it) => it.confidence === 'certain') ?? denials[0];
}

/** The header that no policy of the bucket refuses, simplest first; undefined where none of the two helps. */
export function acceptedSse(upload: Upload, query: Query): 'AES256' | 'aws:kms' | undefined {
  return (['AES256', 'aws:kms'] as const).find((sse) => !denial({ ...upload, sse, kmsKeyId: undefined }, query));
}

function denies(statement: PolicyStatement, upload: Upload): Denial['confidence'] | undefined {
  if (!statement.isDeny || !statement.isForAll || statement.conditions.length === 0) return undefined;
  const isPut = (pattern: string) => matches(pattern.toLowerCase(), 's3:putobject');
  if (statement.notActions ? statement.notActions.some(isPut) : !statement.actions.some(isPut)) return undefined;
  if (!statement.resources.some((it) => coversBucket(it, upload.bucket))) return undefined;
  let confidence: Denial['confidence'] = 'certain';
  for (const it of statement.conditions) {
    const outcome = evaluate(it, upload);
    if (!outcome) return undefined;
    if (outcome === 'likely') confidence = 'likely';
  }
  return confidence;
}

/** All objects of the bucket: `arn:aws:s3:::bucket/*`. A statement about a folder says nothing sure about a backup. */
function coversBucket(resource: string, bucket: string): boolean {
  const [, name, path] = /^arn:[^:]*:s3:::([^/]+)(?:\/(.*))?$/.exec(resource) ?? [];
  if (name === undefined || !matches(name, bucket)) return false;
  return path === undefined ? name.endsWith('*') : /^\*+$/.test(path);
}

/** Whether a condition holds for the upload; undefined where it does not, or cannot be known. */
function evaluate(condition: PolicyStatement['conditions'][number], upload: Upload): Denial['confidence'] | undefined {
  const context = sentValue(condition.key.toLowerCase(), upload);
  if (context === 'unknown') return undefined;
  const { value } = context;
  const [, set, name, ifExists] = /^(?:(ForAnyValue|ForAllValues):)?(\w+?)(IfExists)?$/i.exec(condition.operator) ?? [];
  if (name === undefined) return undefined;
  const { values } = condition;
  const sure = (holds: boolean) => (holds ? 'certain' : undefined);
  const operator = name.toLowerCase();
  if (operator === 'null') return sure(values.some((it) => (it.toLowerCase() === 'true') === (value === undefined)));
  if (value === undefined) {
    if (set?.toLowerCase() === 'foranyvalue') return undefined;
    if (set) return 'certain';
    if (ifExists) return 'likely';
    return sure(/not/.test(operator));
  }
  switch (operator) {
    case 'stringequals':
    case 'arnequals':
      return sure(values.includes(value));
    case 'stringnotequals':
    case 'arnnotequals':
      return sure(!values.includes(value));
    case 'stringequalsignorecase':
      return sure(values.some((it) => it.toLowerCase() === value.toLowerCase()));
    case 'stringnotequalsignorecase':
      return sure(!values.some((it) => it.toLowerCase() === value.toLowerCase()));
    case 'stringlike':
    case 'arnlike':
      return sure(values.some((it) => matches(it, value)));
    case 'stringnotlike':
    case 'arnnotlike':
      return sure(!values.some((it) => matches(it, value)));
    case 'bool':
      return sure(values.some((it) => it.toLowerCase() === value));
    default:
      return undefined;
  }
}

/** What the request says under a condition key; `unknown` where that depends on who sends it, or from where. */
function sentValue(key: string, upload: Upload): { value: string | undefined } | 'unknown' {
  switch (key) {
    case 's3:x-amz-server-side-encryption':
      return { value: upload.sse === 'sse-c' ? undefined : upload.sse };
    case 's3:x-amz-server-side-encryption-aws-kms-key-id':
      // One key has an id, an ARN and aliases: whether two of them are the same one cannot be seen.
      return upload.sse === 'aws:kms' && upload.kmsKeyId ? 'unknown' : { value: undefined };
    case 's3:x-amz-server-side-encryption-customer-algorithm':
      return { value: upload.sse === 'sse-c' ? 'AES256' : undefined };
    case 'aws:securetransport':
      return { value: String(upload.isTls) };
    default:
      return 'unknown';
  }
}

/** `*` and `?` as in policies; takes the time of pattern times text at most, whatever the pattern. */
function matches(pattern: string, text: string): boolean {
  let at = 0;
  let star = -1;
  let retry = 0;
  let i = 0;
  while (i < text.length) {
    if (at < pattern.length && pattern[at] !== '*' && (pattern[at] === '?' || pattern[at] === text[i])) {
      at++;
      i++;
    } else if (pattern[at] === '*') {
      star = at++;
      retry = i;
    } else if (star >= 0) {
      at = star + 1;
      i = ++retry;
    } else return false;
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
