export { CompiledEngine, linkBundle, type LinkedBundle, linkSteps } from './engine.ts';
