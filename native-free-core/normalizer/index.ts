export { classChanges, coverageOf, type ClassChange, type Coverage } from './coverage.ts';
export { effectNotes, type EffectNote } from './effect-notes.ts';
export { explain, type Explanation } from './explain.ts';
export { MAX_FACT_BODY, type DecodeBody } from './call-body.ts';
export { parseHostPort, type HostPort } from './host.ts';
export { hostFacts } from './host-facts.ts';
export { linkMappings } from './link-mappings.ts';
export { type LoweredMappings, lowerMappings } from './lower-mappings.ts';
export { loadMappings, type Mappings } from './mappings.ts';
export { Normalizer, type Matched } from './normalizer.ts';
export {
  MAX_OPERATIONS_BYTES,
  readOperations,
  writtenOperation,
  type PublishedOperation,
} from './operations-list.ts';
export { overlapsOf, type Overlap } from './overlaps.ts';
export { compileHost } from './pattern.ts';
export { hostMatches, pathMatches } from './pattern.ts';
export { writtenRule } from './rule-match.ts';
export type { MappingSource, Rule } from './rules.ts';
export { compileScope } from './scope.ts';
export { shadowsOf, type Shadow } from './shadows.ts';
export { closestWord } from './suggest.ts';
export { defaultPort, writtenHost } from './target.ts';
