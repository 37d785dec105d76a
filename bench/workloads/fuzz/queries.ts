import { ACTION_CLASSES, findActionClass, type PolicyQuery } from '@firma/core';
import * as fc from 'fast-check';
import {
  ACTIONS,
  AGENT_GROUPS,
  AGENTS,
  HOST_GROUPS,
  INSTANTS,
  LONG_PARAMS,
  RESOURCES,
  STRING_PARAMS,
  TEXTS,
} from './vocabulary.ts';

const LONE_SURROGATE = 'a\ud800';
const LAST_INSTANT = 253_402_300_799_999;

/** Once in `times` what Cedar cannot be asked about. */
function seldom<T>(times: number, arbitrary: fc.Arbitrary<T>, odd: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: times - 1, arbitrary }, { weight: 1, arbitrary: odd });
}

function textOf(texts: readonly string[]): fc.Arbitrary<string> {
  return seldom(1500, fc.constantFrom(...texts), fc.constant(LONE_SURROGATE));
}

const text = textOf(TEXTS);
const long = seldom(
  1500,
  fc.oneof(
    { weight: 4, arbitrary: fc.nat({ max: 8 }) },
    { weight: 3, arbitrary: fc.constantFrom(100, 443, 4999, 5000, 5001) },
    { weight: 1, arbitrary: fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, -1, -0) },
    { weight: 1, arbitrary: fc.maxSafeNat() },
  ),
  fc.constantFrom(1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53),
);

/** A few names, also one more than once. A session's own lists are frozen, and the same ones from call to call. */
function names(from: readonly string[]): fc.Arbitrary<readonly string[]> {
  const shared = [[], from.slice(0, 2), from.slice(1, 4), from].map((list) => Object.freeze(list));
  return fc.oneof(fc.constantFrom(...shared), fc.array(textOf(from), { maxLength: 4, size: 'max' }));
}

// Also names that are no class: a category, and one that is nowhere.
const classes = names([...ACTIONS, 'code', 'no.such']);
const texts = names(TEXTS);

const action = fc
  .oneof(
    { weight: 9, arbitrary: fc.constantFrom(...ACTIONS) },
    { weight: 1, arbitrary: fc.constantFrom(...ACTION_CLASSES).map(({ name }) => name) },
  )
  .map((name) => {
    const info = findActionClass(name);
    if (info === undefined) throw new Error(`no class ${name}`);
    return info;
  });

const longParam = fc.tuple(fc.constantFrom<string>(...LONG_PARAMS), long);
const stringParam = fc.tuple(fc.constantFrom<string>(...STRING_PARAMS), text);
const undeclaredParam = fc.tuple(fc.constantFrom('other', 'amount', 'toString'), text);

const params: fc.Arbitrary<Readonly<Record<string, number | string>>> = fc
  .array(
    fc.oneof(
      { weight: 200, arbitrary: longParam },
      { weight: 300, arbitrary: stringParam },
      { weight: 1, arbitrary: undeclaredParam },
    ),
    { maxLength: 8, size: 'max' },
  )
  .map((entries) => Object.fromEntries<number | string>(entries));

// A budget of a token need not be declared.
const budget: fc.Arbitrary<Readonly<Record<string, number>>> = fc
  .array(fc.tuple(fc.constantFrom('spend', 'token/calls', 'token/other'), long), {
    maxLength: 3,
    size: 'max',
  })
  .map((entries) => Object.fromEntries(entries));

const nowMs = seldom(
  1500,
  fc.oneof(fc.constantFrom(...INSTANTS), fc.nat({ max: LAST_INSTANT })),
  fc.constantFrom(-1, 0.5, LAST_INSTANT + 1),
);

/** Queries of every shape that an engine can be asked, most of them ones that Cedar can be asked exactly. */
export const query: fc.Arbitrary<PolicyQuery> = fc.record({
  principal: fc.record({ id: textOf(AGENTS), groups: names(AGENT_GROUPS) }),
  action,
  resource: fc.record({
    uid: textOf(RESOURCES),
    host: text,
    port: long,
    path: text,
    provider: fc.constantFrom('', 'stripe', 'usd'),
    method: text,
    hostGroups: names(HOST_GROUPS),
  }),
  context: fc.record({
    session: fc.record({
      id: text,
      ageS: long,
      calls: long,
      denies: long,
      classes,
      tools: classes,
      hosts: texts,
      injected: texts,
      lastClass: fc.constantFrom('', ...ACTIONS, 'code', 'no.such'),
    }),
    budget,
    request: fc.record({
      method: text,
      scheme: fc.constantFrom('https', 'http'),
      transport: fc.constantFrom('proxy', 'library'),
      bodyBytes: long,
      queryPresent: fc.boolean(),
    }),
    nowMs,
    capability: fc.record({ actions: classes, scope: texts, ageS: long, ttlS: long }),
    params,
  }),
});
