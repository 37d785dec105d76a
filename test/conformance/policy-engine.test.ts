import { CompiledEngine, linkBundle } from '../../native-free-core/policy/compiled/engine.ts';
import type { PolicyEngine } from '../../native-free-core/policy/port.ts';
import { ReferenceEngine } from '../../native-free-core/policy/reference.ts';
import { policyEngineSuite } from './policy-engine.ts';

policyEngineSuite('the reference engine', (bundle) => {
  const engine = new ReferenceEngine(bundle);
  return { engine, close: () => engine.close() };
});

// Whatever it would leave to the reference engine fails here.
const noReference: PolicyEngine = {
  name: 'none',
  evaluate() {
    throw new Error('the compiled engine has no answer of its own');
  },
};

policyEngineSuite('the compiled engine', (bundle) => ({
  engine: new CompiledEngine(noReference, linkBundle(bundle)),
  close: () => {},
}));
