/** What a fact is, to the rule that declares it and to the policy that reads it: `long` is an integer from 0 to 2^53-1. */
export type ParamType = 'long' | 'string';
