import { describe, expect, it } from 'vitest';
import { loadBundle } from '../../native-free-core/policy/bundle.ts';
import { slicePolicies, type Sliced } from '../../native-free-core/policy/slices.ts';
import { ACTION_CLASSES, findActionClass } from '../../native-free-core/registry/classes.ts';
import { INPUTS } from './query.ts';

function sliced(text: string): {
  readonly ids: (name: string) => readonly string[];
  readonly result: Sliced;
} {
  const { policies } = loadBundle([{ file: 'a.cedar', text }], INPUTS);
  const result = slicePolicies(policies);
  const ids = (name: string): readonly string[] => {
    const position = result.byClass[findActionClass(name)?.index ?? -1] ?? -1;
    return (result.slices[position]?.members ?? []).map((member) => policies[member]?.id ?? '');
  };
  return { ids, result };
}

describe('slicing by action', () => {
  it('gives each class the policies whose action scope admits it', () => {
    const { ids } = sliced(`
      @id("all") forbid (principal, action, resource) when { context.session.denies > 1 };
      @id("category") permit (principal, action in Firma::Action::"payment", resource);
      @id("list") permit (principal, action in [Firma::Action::"code.read", Firma::Action::"payment.tax"], resource);
      @id("one") permit (principal, action == Firma::Action::"code.merge", resource);
    `);
    expect(ids('code.read')).toEqual(['all', 'list']);
    expect(ids('code.merge')).toEqual(['all', 'one']);
    expect(ids('payment.tax')).toEqual(['all', 'category', 'list']);
    expect(ids('payment.method.setup')).toEqual(['all', 'category']);
    expect(ids('customer.read')).toEqual(['all']);
  });

  it('shares a slice between classes with the same policies, and has none that is empty', () => {
    const shared = sliced('@id("p") permit (principal, action in Firma::Action::"payment", resource);');
    expect(shared.result.slices).toHaveLength(1);
    expect(shared.ids('code.read')).toEqual([]);
    expect(sliced('').result.slices).toEqual([]);
    const everywhere = sliced('@id("p") permit (principal, action, resource);').result;
    expect(everywhere.slices).toHaveLength(1);
    expect(everywhere.byClass).toEqual(new Int8Array(ACTION_CLASSES.length));
  });
});
