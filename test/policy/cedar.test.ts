import { expect, it } from 'vitest';
import { loadBundle } from '../../native-free-core/policy/bundle.ts';
import { startCedar } from '../../native-free-core/policy/cedar.ts';
import { ReferenceEngine } from '../../native-free-core/policy/reference.ts';
import { cedarModule } from '../../src/cedar-module.ts';

it('cedar is asked for nothing before it is started, and starts once', () => {
  const notStarted = expect.objectContaining({ code: 'START_FAILED' });
  expect(() => loadBundle([], { params: {}, budgets: [] })).toThrow(notStarted);
  expect(() => new ReferenceEngine()).toThrow(notStarted);
  startCedar(cedarModule());
  startCedar(cedarModule());
  expect(loadBundle([], { params: {}, budgets: [] }).policies).toEqual([]);
});
