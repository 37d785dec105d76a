import { ReferenceEngine } from '../../native-free-core/policy/reference.ts';
import { policyEngineSuite } from './policy-engine.ts';

policyEngineSuite('the reference engine', (bundle) => {
  const engine = new ReferenceEngine(bundle);
  return { engine, close: () => engine.close() };
});
