export { CompiledEngine } from './engine.ts';
