import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { AuditPipeline } from '../../src/audit/pipeline.ts';
import type { AuditPipelineOptions } from '../../src/audit/pipeline.ts';
import type { StateClient } from '../../src/store/state-client.ts';

export interface Run {
  readonly pipeline: AuditPipeline;
  readonly state: StateClient;
  readonly writerPid: number;
}

const open: AuditPipeline[] = [];

afterEach(async () => {
  await Promise.allSettled(open.splice(0).map((pipeline) => pipeline.close()));
});

/** Starts a writer process with a state store, which is closed after the test. */
export async function startRun(stateDir: string, options: Partial<AuditPipelineOptions> = {}): Promise<Run> {
  const pipeline = await AuditPipeline.start({
    runDir: join(stateDir, 'run'),
    keyFile: join(stateDir, 'log.key'),
    origin: 'test/run',
    sidecarId: 'side car+1',
    fsync: 'checkpoint',
    state: 'open',
    ...options,
  });
  open.push(pipeline);
  const { state, writerPid } = pipeline;
  if (state === undefined || writerPid === undefined) throw new Error('no state store was started');
  return { pipeline, state, writerPid };
}

export function randomKey(): string {
  return randomBytes(16).toString('hex');
}

/** A record of 400 bytes that holds a number. */
export function recordOf(value: number): Buffer {
  const record = Buffer.alloc(400, value & 0xff);
  record.writeUInt32LE(value);
  return record;
}

/** The number in a record; -1 where there is none. */
export function valueOf(record: Uint8Array | undefined): number {
  return record === undefined ? -1 : Buffer.from(record).readUInt32LE();
}
