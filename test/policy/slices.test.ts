import { describe, expect, it } from 'vitest';
import { loadBundle } from '../../native-free-core/policy/bundle.ts';
import { READS } from '../../native-free-core/policy/reads.ts';
import { type Slice, Slices } from '../../native-free-core/policy/slices.ts';
import { findActionClass } from '../../native-free-core/registry/classes.ts';
import { INPUTS } from './query.ts';

function sliced(text: string) {
  const { policies } = loadBundle([{ file: 'a.cedar', text }], INPUTS);
  const slices = new Slices(policies);
  const of = (name: string): Slice => slices.of(findActionClass(name)?.index ?? -1);
  const ids = (name: string): readonly string[] =>
    of(name).members.map((member) => policies[member]?.id ?? '');
  return { of, ids };
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

  it('shares a slice between classes with the same policies', () => {
    const { of, ids } = sliced(`
      @id("p") permit (principal, action in Firma::Action::"payment", resource);
      @id("q") permit (principal, action == Firma::Action::"code.read", resource);`);
    expect(of('payment.tax')).toBe(of('payment.read'));
    expect(of('payment.tax')).not.toBe(of('code.read'));
    expect(ids('issue.read')).toEqual([]);
    expect(of('issue.read')).toBe(of('issue.write'));
    expect(of('payment.tax')).toBe(of('payment.tax'));
  });

  it('knows what the policies of a slice look at, and no other', () => {
    const { of } = sliced(`
      @id("p") permit (principal, action == Firma::Action::"payment.tax", resource) when { context.session.calls > 1 };
      @id("q") permit (principal, action == Firma::Action::"code.read", resource) when { context.session.denies > 1 };`);
    expect(of('payment.tax').reads).toBe(READS.session_calls);
    expect(of('code.read').reads).toBe(READS.session_denies);
  });
});
