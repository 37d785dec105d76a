import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FirmaError } from '@firma/core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type LongTask, startLongTask, taskError } from '../../src/pool/long-task.ts';

const TASKS = `
const until = (port, type) => new Promise((resolve) => port.on('message', (m) => m.type === type && resolve(m)));

export async function echo({ port, data }) {
  port.on('message', (m) => m.type === 'say' && port.postMessage(m.text));
  port.postMessage({ data, env: Object.keys(process.env) });
  await until(port, 'stop');
  port.close();
  return { ok: true };
}
export async function refuse({ port }) {
  port.close();
  return { ok: false, code: 'CONFIG_INVALID', message: 'not like this' };
}
export async function crash({ port }) {
  await until(port, 'go');
  process.exit(7);
}
export async function deaf({ port }) {
  await until(port, 'never');
}
`;

describe('a long task', () => {
  let dir: string;
  let task: LongTask | undefined;

  const start = (name: string): LongTask => (task = startLongTask(join(dir, 'tasks.mjs'), name, { a: 1 }));

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'firma-pool-'));
    writeFileSync(join(dir, 'tasks.mjs'), TASKS);
  });
  afterEach(() => task?.stop());
  afterAll(() => rmSync(dir, { recursive: true }));

  it('is told its data, hears messages, and ends when it is told to; of the environment it has nothing', async () => {
    const { ended, port, stop } = start('echo');
    expect(await once(port, 'message')).toEqual([{ data: { a: 1 }, env: [] }]);
    port.postMessage({ type: 'say', text: 'hello' });
    expect(await once(port, 'message')).toEqual(['hello']);
    await stop();
    expect(await ended).toEqual({ ok: true });
  });

  it('answers why it ended, with the code that an exception would lose on its way', async () => {
    expect(await start('refuse').ended).toEqual({
      ok: false,
      code: 'CONFIG_INVALID',
      message: 'not like this',
    });
  });

  it('that failed stands for an error of its code', () => {
    const error = taskError({ ok: false, code: 'CONFIG_INVALID', message: 'not like this' });
    expect(error).toBeInstanceOf(FirmaError);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: 'not like this' });
  });

  it('whose thread dies has ended, and says so', async () => {
    const { ended, port } = start('crash');
    port.postMessage({ type: 'go' });
    expect(await ended).toMatchObject({ ok: false, code: 'START_FAILED' });
  });

  it('that does not listen is ended all the same', async () => {
    const { ended, stop } = start('deaf');
    await stop();
    expect((await ended).ok).toBe(false);
  });

  it('that does not exist has ended', async () => {
    expect((await start('nothing').ended).ok).toBe(false);
  });
});
