import { randomBytes } from 'node:crypto';
import { readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { EventIds, leafHash, parseVerifierKey, StateUnusable } from '@firma/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../native-free-core/audit/checkpoint.ts';
import { verifyInclusion } from '../../native-free-core/audit/proof.ts';
import type { EventProof } from '../../src/audit/event-proof.ts';
import { AuditPipeline } from '../../src/audit/pipeline.ts';
import { EventProver } from '../../src/audit/proof-worker.ts';
import { readLog } from '../../src/audit/read-log.ts';
import { verifyEd25519 } from '../../src/store/ed25519.ts';
import { LogWriter } from '../../src/store/log-writer.ts';
import { loadSigningKey, verifierKeyPath } from '../../src/store/signing-key.ts';
import { scratchDir } from '../store/scratch-dir.ts';
import { sha256 } from './node-hash.ts';
import { decisionRecord } from './sample-record.ts';
import { stopProcess } from './stop-process.ts';

const ids = new EventIds(randomBytes);
let runDir: string;
let keyFile: string;
const open: AuditPipeline[] = [];

beforeEach(() => {
  const stateDir = scratchDir();
  runDir = join(stateDir, 'runs', 'run');
  keyFile = join(stateDir, 'log.key');
});

afterEach(async () => {
  await Promise.allSettled(open.splice(0).map((pipeline) => pipeline.close()));
});

async function start(): Promise<AuditPipeline> {
  const pipeline = await AuditPipeline.start({
    runDir,
    keyFile,
    origin: 'test/run',
    sidecarId: 'sidecar',
    fsync: 'checkpoint',
  });
  open.push(pipeline);
  return pipeline;
}

function append(pipeline: AuditPipeline): string {
  const id = ids.next(Date.now());
  expect(pipeline.append({ ...decisionRecord(1, id), event_id: id })).toBe(true);
  return id;
}

/** What a stranger with the verifier key alone says about a proof. */
async function holds(proof: EventProof | 'unknown' | 'unsigned', id: string): Promise<boolean> {
  if (typeof proof === 'string') return false;
  const key = parseVerifierKey(readFileSync(verifierKeyPath(keyFile), 'utf8').trim(), sha256);
  const opened = await openCheckpoint(proof.checkpoint, key, verifyEd25519);
  if (!opened.ok) return false;
  const { size, root } = opened.checkpoint;
  expect(JSON.parse(proof.record)).toMatchObject({ event_id: id, seq: proof.leafIndex });
  const claim = { index: proof.leafIndex, leaf: leafHash(Buffer.from(proof.record), sha256), size, root };
  const inclusion = proof.inclusion.map((hash) => Buffer.from(hash, 'base64'));
  return size === proof.treeSize && verifyInclusion(claim, inclusion, sha256);
}

describe('the proof of an event', () => {
  it('convinces whoever has the verifier key, for every record, and after a restart', async () => {
    const first = await start();
    const written: string[] = [];
    for (let i = 0; i < 1_300; i++) {
      written.push(append(first));
      if (i % 500 === 0) await first.written();
    }
    const last = written.at(-1) ?? '';
    expect(await holds(await first.proofWhenSigned(last, 10_000), last)).toBe(true);
    for (const at of [0, 1, 1_000, 1_023, 1_298]) {
      expect(await holds(await first.proof(written[at] ?? ''), written[at] ?? '')).toBe(true);
    }
    await first.close();
    await expect(first.proof(last)).rejects.toThrow(StateUnusable);

    const again = await start();
    expect(await holds(await again.proof(last), last)).toBe(true);
    const next = append(again);
    expect(await holds(await again.proofWhenSigned(next, 10_000), next)).toBe(true);
    for await (const line of readLog(runDir)) {
      const record: { kind: string; event_id: string } = JSON.parse(line);
      if (record.kind === 'decision') continue;
      expect(await holds(await again.proof(record.event_id), record.event_id)).toBe(true);
    }
  });

  it('is given while records come in, to everybody who waits', async () => {
    const pipeline = await start();
    const waiting: Promise<boolean>[] = [];
    for (let turn = 0; turn < 40; turn++) {
      let id = '';
      for (let i = 0; i < 40; i++) id = append(pipeline);
      waiting.push(pipeline.proofWhenSigned(id, 10_000).then((proof) => holds(proof, id)));
      await pipeline.written();
    }
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => true));
  });

  it('is `unsigned` until a checkpoint covers the record', async () => {
    const dir = scratchDir();
    const signer = await loadSigningKey(keyFile, 'sidecar');
    const log = await LogWriter.open({ runDir: dir, origin: 'test/run', sidecarId: 'sidecar', signer });
    const prover = new EventProver({ runDir: dir, runStart: 0 });
    const id = ids.next(Date.now());
    log.add({ ...decisionRecord(1), event_id: id });
    expect(prover.prove(id)).toEqual({ kind: 'unknown' });
    log.write();
    expect(prover.prove(id)).toEqual({ kind: 'unsigned', seq: 1 });
    await log.sync(true);
    const answer = prover.prove(id);
    expect(answer.kind === 'proof' && (await holds(answer.proof, id))).toBe(true);
    log.close();
    prover.close();
  });

  it('is not waited for beyond the time', async () => {
    const pipeline = await start();
    stopProcess(pipeline.writerPid ?? 0);
    const id = append(pipeline);
    expect(await pipeline.proofWhenSigned(id, 1)).toBe('unknown');
    process.kill(pipeline.writerPid ?? 0, 'SIGCONT');
    expect(await holds(await pipeline.proofWhenSigned(id, 10_000), id)).toBe(true);
  });

  it('is `unknown` for an id that the log has not, or that is none', async () => {
    const pipeline = await start();
    append(pipeline);
    await pipeline.written();
    for (const id of [ids.next(Date.now()), ids.next(0), '', 'x', '../checkpoints', 'x'.repeat(10_000)]) {
      expect(await pipeline.proof(id)).toBe('unknown');
      expect(await pipeline.proofWhenSigned(id, 10_000)).toBe('unknown');
    }
  });

  it('is not given over leaf hashes that are not those of the checkpoint', async () => {
    const pipeline = await start();
    const id = append(pipeline);
    expect(await holds(await pipeline.proofWhenSigned(id, 10_000), id)).toBe(true);
    truncateSync(join(runDir, 'events-0.hashes'), 0);
    await expect(pipeline.proof(id)).rejects.toThrow(StateUnusable);
  });
});
