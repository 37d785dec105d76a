import { expect, it } from 'vitest';
import { type Bundle, loadBundle } from '../../native-free-core/policy/bundle.ts';
import { startCedar } from '../../native-free-core/policy/cedar.ts';
import { ReferenceEngine } from '../../native-free-core/policy/reference.ts';
import { cedarModule } from '../../src/cedar-module.ts';

const EMPTY: Bundle = {
  policies: [],
  params: new Map(),
  budgets: new Set(),
  canonical: { schema: '', policies: [] },
};

it('cedar is asked for nothing before it is started, and starts once', () => {
  const notStarted = expect.objectContaining({ code: 'START_FAILED' });
  expect(() => loadBundle([], { params: {}, budgets: [] })).toThrow(notStarted);
  expect(() => new ReferenceEngine(EMPTY)).toThrow(notStarted);
  startCedar(cedarModule());
  startCedar(cedarModule());
  expect(loadBundle([], { params: {}, budgets: [] }).policies).toEqual([]);
});
