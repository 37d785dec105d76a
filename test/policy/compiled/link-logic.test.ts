import { describe, expect, it } from 'vitest';
import { compare, permitWhen } from './oracle.ts';

// cedar-wasm says what is right.

describe('`&&`, `||` and `if`', () => {
  const operands = ['true', 'false', '1', 'context.t', 'context.f', 'context.one', 'context.missing'];
  const contexts = [{ t: true, f: false, one: 1 }];

  it('go no further than they need, and need booleans as far as they go', () => {
    const policies: string[] = [];
    for (const a of operands) {
      for (const b of operands) {
        for (const c of operands) {
          policies.push(permitWhen(`${a} && ${b} && ${c}`), permitWhen(`${a} || ${b} || ${c}`));
          policies.push(permitWhen(`${a} && (${b} && ${c})`), permitWhen(`${a} && ${b} || ${c}`));
          policies.push(permitWhen(`if ${a} then ${b} else ${c}`));
          for (const op of ['&&', '||']) {
            policies.push(permitWhen(`(${a} ${op} ${b}) == ${c}`));
            policies.push(permitWhen(`(${a} ${op} ${b} ${op} ${c}) == 1`));
          }
        }
      }
    }
    const { differences, counts } = compare(policies, contexts);
    expect(differences).toEqual([]);
    for (const count of counts) expect(count).toBeGreaterThan(100);
  });

  it('are as exact in chains of four and five', () => {
    const odd = ['context.t', 'context.f', 'context.missing', 'context.one'];
    const policies = odd.flatMap((a) =>
      odd.flatMap((b) =>
        ['&&', '||'].flatMap((op) => {
          const start = op === '&&' ? 'context.t' : 'context.f';
          return [
            permitWhen(`${start} ${op} ${start} ${op} ${a} ${op} ${b}`),
            permitWhen(`${start} ${op} ${a} ${op} ${start} ${op} ${start} ${op} ${b}`),
          ];
        }),
      ),
    );
    expect(compare(policies, contexts).differences).toEqual([]);
  });
});
