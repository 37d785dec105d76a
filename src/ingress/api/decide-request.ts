import {
  type Call,
  callFieldsProblem,
  countMembers,
  hasCallFields,
  type Invalid,
  isObject,
} from '../../call.ts';

/** What `POST /v1/decide` takes. */
export interface DecideRequest {
  readonly call: Call;
  readonly canonicalize: boolean;
  readonly commit: 'answer' | 'manual';
  readonly receipt: boolean;
}

const FIELDS: ReadonlySet<string> = new Set([
  'token',
  'method',
  'url',
  'headers',
  'body',
  'canonicalize',
  'commit',
  'receipt',
  'params',
]);

function optionProblem({
  canonicalize,
  commit,
  receipt,
}: Readonly<Record<string, unknown>>): string | undefined {
  if (canonicalize !== undefined && typeof canonicalize !== 'boolean') {
    return '`canonicalize` must be true or false';
  }
  if (receipt !== undefined && typeof receipt !== 'boolean') return '`receipt` must be true or false';
  if (commit !== undefined && commit !== 'manual') return '`commit` must be "manual", or left out';
  return undefined;
}

/**
 * Reads one request from JSON text: types, bounds, no field beyond those known, no key twice.
 *
 * @returns what is wrong, never quoting a value
 */
export function parseDecideRequest(json: string): DecideRequest | Invalid {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return { invalid: 'the call is not JSON' };
  }
  if (!isObject(value)) return { invalid: 'a call is a JSON object with `token`, `method` and `url`' };
  let members = 0;
  for (const name in value) {
    members += 1;
    if (!FIELDS.has(name)) {
      return {
        invalid:
          'a call has `token`, `method`, `url`, `headers`, `body` or `params`, `canonicalize`, `commit` and `receipt`, and no other field',
      };
    }
  }
  if (!hasCallFields(value)) return { invalid: callFieldsProblem(value) ?? 'is no call' };
  const problem = optionProblem(value);
  if (problem !== undefined) return { invalid: problem };
  for (const _name in value.headers) members += 1;
  for (const _name in value.params) members += 1;
  if (members !== countMembers(json)) return { invalid: 'a key stands twice in the call' };
  const { canonicalize, commit, receipt } = value;
  return {
    call: value,
    canonicalize: canonicalize === true,
    commit: commit === 'manual' ? 'manual' : 'answer',
    receipt: receipt === true,
  };
}
