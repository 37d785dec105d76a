import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { entryPoint } from '../src/entry-point.ts';
import { makeDir, write } from './config/place.ts';

const LIMIT = 6400;
const BLOCK = LIMIT / 64;
const KILLS = 20;

// Sixteen callers of one session, who put out a byte for each call they let go, until the budget is used up.
const CALLERS = `
import { writeSync } from 'node:fs';
const [, , root, pipeline, sessionsModule, core] = process.argv;
const { AuditPipeline } = await import(pipeline);
const { openSessions } = await import(sessionsModule);
const { compileBudgets, findActionClass } = await import(core);
const log = { runDir: root + '/run', keyFile: root + '/audit.key', origin: 'firma/test', sidecarId: 'test', fsync: 'checkpoint' };
const audit = await AuditPipeline.start({ ...log, state: 'open' });
const match = ['code.read'];
const budgets = compileBudgets([
  { name: 'calls', match, maxCalls: ${LIMIT}, onExceed: 'deny' },
  { name: 'all', match, maxCalls: ${LIMIT * 2}, per: 'sidecar', onExceed: 'deny' },
]);
const { sessions, close } = await openSessions({ budgets, store: audit.state, steadyMs: Date.now, onUnavailable: () => {} });
const identity = { key: 'iss sub sid', iss: 'iss', sub: 'sub', sid: 'sid' };
const charge = { classIndex: findActionClass('code.read').index, otherClasses: [], host: 'api.test' };
let full = false;
async function call() {
  while (!full) {
    const handle = await sessions.open(identity, Date.now(), []);
    const reserved = sessions.reserve(handle, charge);
    if ('reason' in reserved) {
      full ||= reserved.retryAfterS === undefined;
      await new Promise((resolve) => setImmediate(resolve));
      continue;
    }
    sessions.countAllow(handle, charge.classIndex, 'api.test', reserved.id);
    await sessions.durable(reserved.id);
    writeSync(1, '.');
    sessions.commit(reserved.id);
    sessions.release(reserved.id);
  }
}
await Promise.all(Array.from({ length: 16 }, call));
await close();
await audit.close();
`;

describe('a budget whose sidecar is killed under load', () => {
  it(
    `is never overspent, and loses a block a kill at most (${KILLS} times)`,
    { timeout: 60_000 },
    async () => {
      const root = makeDir({});
      write(join(root, 'callers.mjs'), CALLERS);
      const modules = ['audit/pipeline.js', 'open-sessions.js'].map(entryPoint);
      let sent = 0;

      /** Lets callers go until `most` calls went out, or to their end. @returns how they ended */
      const run = async (most: number): Promise<string | number | null> => {
        const args = [join(root, 'callers.mjs'), root, ...modules, import.meta.resolve('@firma/core')];
        const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env: {} });
        let here = 0;
        child.stdout.on('data', (chunk: Buffer) => {
          here += chunk.length;
          if (here >= most) child.kill('SIGKILL');
        });
        const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
        sent += here;
        return signal ?? code;
      };

      for (let kill = 0; kill < KILLS; kill++) {
        expect(await run(1 + Math.floor(Math.random() * 2 * BLOCK))).toBe('SIGKILL');
      }
      expect(await run(Infinity)).toBe(0);
      expect(sent).toBeLessThanOrEqual(LIMIT);
      expect(sent).toBeGreaterThanOrEqual(LIMIT - KILLS * BLOCK);
    },
  );
});
