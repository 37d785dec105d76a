export { MonotonicClock } from './clock.ts';
export { Decider, type DeciderOptions } from './decide.ts';
export type * from './decision.ts';
export { configDigest, digest, registryVersion, type ConfigParts } from './digests.ts';
export { EventIds } from './event-id.ts';
export type * from './ports.ts';
export type { Prepared } from './prepare.ts';
export { combineVerdicts } from './query.ts';
export type { RecordOrigin } from './record.ts';
