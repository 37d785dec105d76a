import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { entryPoint } from '../../src/entry-point.ts';
import type { StateClient } from '../../src/store/state-client.ts';
import { randomKey, recordOf, startRun, valueOf } from './run-with-state.ts';
import { scratchDir } from './scratch-dir.ts';

const KEYS = Array.from({ length: 8 }, randomKey);

let stateDir: string;
let children: ChildProcess[];
/** What was acknowledged last of each key, over all rounds. */
let saved: Map<string, number>;

beforeEach(() => {
  stateDir = scratchDir();
  children = [];
  saved = new Map();
});

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
});

/** Keys that hold less than was acknowledged. */
async function lost(state: StateClient): Promise<string[]> {
  const values = await Promise.all(KEYS.map(async (key) => valueOf(await state.load(key))));
  return KEYS.filter((key, i) => (values[i] ?? -1) < (saved.get(key) ?? -1));
}

describe('a save that was acknowledged', () => {
  it('survives a writer that is killed under load, six times', async () => {
    let next = 0;
    for (let round = 0; round < 6; round++) {
      const { state, writerPid, pipeline } = await startRun(stateDir, {
        fsync: round % 2 === 0 ? 'checkpoint' : 'always',
      });
      expect(await lost(state)).toEqual([]);
      let acknowledged = 0;
      const agent = async (key: string): Promise<void> => {
        for (;;) {
          const value = next++;
          await state.save(key, recordOf(value));
          saved.set(key, value);
          acknowledged += 1;
          if (acknowledged === 100 + 20 * round) process.kill(writerPid, 'SIGKILL');
        }
      };
      const ends = await Promise.allSettled(KEYS.map((key) => agent(key)));
      expect(ends.every(({ status }) => status === 'rejected')).toBe(true);
      await pipeline.close().catch(() => undefined);
    }
    const { state } = await startRun(stateDir);
    expect(await lost(state)).toEqual([]);
  });

  it('survives a sidecar that is killed under load, five times', async () => {
    const code = `
      import { writeSync } from 'node:fs';
      import { AuditPipeline } from ${JSON.stringify(pathToFileURL(entryPoint('audit/pipeline.js')))};
      const [runDir, keyFile, first] = process.argv.slice(1);
      const options = { runDir, keyFile, origin: 'test/run', sidecarId: 'side car+1', fsync: 'checkpoint', state: 'open' };
      const { state } = await AuditPipeline.start(options);
      let next = Number(first);
      for (const key of ${JSON.stringify(KEYS)}) {
        const agent = async () => {
          const record = Buffer.alloc(400);
          record.writeUInt32LE(next++);
          await state.save(key, record);
          writeSync(1, key + ' ' + record.readUInt32LE() + '\\n');
          setImmediate(agent);
        };
        agent();
      }
    `;
    for (let round = 0; round < 5; round++) {
      const args = [join(stateDir, 'run'), join(stateDir, 'log.key'), String(round * 1_000_000)];
      const sidecar = spawn(process.execPath, ['--input-type=module', '-e', code, ...args], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      children.push(sidecar);
      const killed = once(sidecar, 'exit');
      let acknowledged = 0;
      for await (const line of createInterface({ input: sidecar.stdout })) {
        const [key = '', value] = line.split(' ');
        saved.set(key, Number(value));
        acknowledged += 1;
        if (acknowledged === 100 + 30 * round) sidecar.kill('SIGKILL');
      }
      await killed;
      expect(acknowledged).toBeGreaterThanOrEqual(100 + 30 * round);
    }
    const { state } = await startRun(stateDir);
    expect(await lost(state)).toEqual([]);
    expect([...saved.values()].every((value) => value >= 4_000_000)).toBe(true);
  });
});
