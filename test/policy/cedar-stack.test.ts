import { describe, expect, it } from 'vitest';
import { PolicyInvalid } from '../../native-free-core/errors.ts';
import { loadBundle } from '../../native-free-core/policy/bundle.ts';
import { loadingPolicies } from '../../native-free-core/policy/cedar-failure.ts';
import { ReferenceEngine } from '../../native-free-core/policy/reference.ts';
import { INPUTS, query } from './query.ts';

// In a file, so in a process, of its own: what these tests guard against leaves cedar-wasm unusable.

const EPOCH = 'datetime("1970-01-01")';
const SINCE = `${EPOCH}.durationSince(${EPOCH})`;

const CHAINS: readonly [string, (links: number) => string][] = [
  ['`.toDate()`', (links) => `context.time.now${'.toDate()'.repeat(links)} == ${EPOCH}`],
  ['`.offset(…)`', (links) => `context.time.now${'.offset(duration("1ms"))'.repeat(links)} == ${EPOCH}`],
  ['`.offset(…)` of a call', (links) => `context.time.now${`.offset(${SINCE})`.repeat(links)} == ${EPOCH}`],
  ['`&&` of calls', (links) => Array(links).fill('ip("::1").isInRange(ip("::/8"))').join(' && ')],
  ['`+`', (links) => `context.session.calls${' + 1'.repeat(links)} == 5`],
];

function opened(condition: string): ReferenceEngine | undefined {
  const text = `@id("deep") permit (principal, action, resource) when { ${condition} };`;
  try {
    return new ReferenceEngine(loadBundle([{ file: 'a.cedar', text }], INPUTS));
  } catch (error) {
    if (error instanceof PolicyInvalid) return undefined;
    throw error;
  }
}

describe('the longest chain that loads', () => {
  it.each(CHAINS)('of %s is evaluated a thousand times', (_what, chain) => {
    let links = 100;
    let engine = opened(chain(links));
    for (; engine === undefined && links > 0; engine = opened(chain(links))) links -= 1;
    expect(links).toBeGreaterThan(15);
    let answered = 0;
    for (let round = 0; round < 1000; round++) {
      if (engine?.evaluate(query()).errored.length === 0) answered += 1;
    }
    engine?.close();
    expect(answered).toBe(1000);
  });
});

describe('what cedar-wasm fails on', () => {
  it('is refused as policies, with what to do', () => {
    const trap = (): never => {
      throw new RangeError('Maximum call stack size exceeded');
    };
    expect(() => loadingPolicies(trap)).toThrow(PolicyInvalid);
    expect(() => loadingPolicies(trap)).toThrow('load half of them');
  });

  it('is told from what it refuses', () => {
    const refused = new PolicyInvalid('it is so', { file: 'a.cedar', line: 2 });
    expect(() =>
      loadingPolicies(() => {
        throw refused;
      }),
    ).toThrow(refused);
  });
});
