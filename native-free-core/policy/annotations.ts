import type { PolicyJson } from '@cedar-policy/cedar-wasm/web';
import { PolicyInvalid, type SourceLocation } from '../errors.ts';

/** What the annotations of a policy say. */
export interface PolicyNotes {
  /** `@id`: what records and answers name. */
  readonly id: string;
  /** `@reason` and `@remedy`: shown to the agent. */
  readonly reason: string | undefined;
  readonly remedy: string | undefined;
  /** `@outcome("abort")`: where this forbid is satisfied, the session ends. */
  readonly abort: boolean;
}

const ID = /^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}$/;
const MAX_NOTE_CHARS = 1024;

function note(
  annotations: Readonly<Record<string, unknown>>,
  name: string,
  at: SourceLocation,
): string | undefined {
  const value = annotations[name];
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value === '' || value.length > MAX_NOTE_CHARS) {
    throw new PolicyInvalid(`\`@${name}\` needs a text of 1 to ${MAX_NOTE_CHARS} characters`, at);
  }
  return value;
}

/** @throws PolicyInvalid where `@id` is missing, or an annotation says what it cannot say */
export function readAnnotations(policy: PolicyJson, at: SourceLocation): PolicyNotes {
  const annotations = policy.annotations ?? {};
  const id = note(annotations, 'id', at);
  if (id === undefined)
    throw new PolicyInvalid('a policy has no `@id("…")`; records name policies by it', at);
  if (!ID.test(id)) {
    throw new PolicyInvalid(
      `\`@id\` \`${id}\` is no id; use up to 128 letters, digits, \`_\`, \`.\`, \`:\`, \`/\` and \`-\``,
      at,
    );
  }
  // Only `firma policy check` looks at it.
  note(annotations, 'unconditional', at);
  const outcome = note(annotations, 'outcome', at);
  if (outcome !== undefined && (outcome !== 'abort' || policy.effect !== 'forbid')) {
    throw new PolicyInvalid(`policy \`${id}\`: \`@outcome\` can only be "abort", and only on a forbid`, at);
  }
  return {
    id,
    reason: note(annotations, 'reason', at),
    remedy: note(annotations, 'remedy', at),
    abort: outcome === 'abort',
  };
}
