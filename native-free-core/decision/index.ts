export { Decider, type DeciderOptions } from './decide.ts';
export type { Prepared } from './prepare.ts';
export { resourceName, type RecordOrigin } from './record.ts';
export { configDigest, digest, registryVersion, type ConfigParts } from './digests.ts';
export { MonotonicClock } from './clock.ts';
export { EventIds } from './event-id.ts';
export type * from './decision.ts';
export type * from './ports.ts';
