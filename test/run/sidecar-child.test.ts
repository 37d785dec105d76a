import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startSidecar } from '../../src/run/sidecar-child.ts';

const INFO = {
  control: '/c',
  proxy: 'http://127.0.0.1:1',
  ingress: 'http://127.0.0.1:2',
  ingressSocket: '/tmp/ingress.sock',
  adapter: 'node',
  caFile: '/ca',
  caBundle: '/bundle',
  runDir: '/run',
  config: '',
  warnings: ['careful'],
};

const READY = `
process.on('disconnect', () => process.exit(0));
process.send({ type: 'ready', ...${JSON.stringify(INFO)}, runDir: process.argv.slice(2).join(' ') });
`;

const PROGRAMS = {
  env: `${READY.replace("process.argv.slice(2).join(' ')", 'Object.keys(process.env).join()')}`,
  ready: `process.on('SIGTERM', () => process.exit(5)); ${READY}`,
  deaf: `process.on('SIGTERM', () => {}); ${READY}`,
  failed: `process.send({ type: 'failed', code: 'CONFIG_INVALID', message: 'firma.toml:3: no', exitCode: 2 });
    setInterval(() => {}, 1000);`,
  odd: `process.send({ type: 'ready', control: 1 }); setInterval(() => {}, 1000);`,
  gone: `process.exit(1);`,
  strict: `let made = true; try { new Function('1'); } catch { made = false; }
    process.send({ type: 'ready', ...${JSON.stringify(INFO)}, adapter: String(made) });
    process.on('disconnect', () => process.exit(0));`,
};

describe('a sidecar of our own', () => {
  let dir: string;

  const start = (name: keyof typeof PROGRAMS, more: object = {}) =>
    startSidecar({ entry: join(dir, `${name}.mjs`), ...more });

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'firma-sidecar-'));
    for (const [name, text] of Object.entries(PROGRAMS)) writeFileSync(join(dir, `${name}.mjs`), text);
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  it('is told its configuration, says where it is reached, and ends when it is told to', async () => {
    const options = { configPath: '/firma.toml', stateDir: '/state', current: true };
    const { exited, info, pid, stop } = await start('ready', options);
    expect(info).toMatchObject({ ...INFO, runDir: '--config /firma.toml --state-dir /state --current' });
    await stop();
    expect(await exited).toBe(5);
    expect(existsSync(`/proc/${pid}`)).toBe(false);
  });

  it('has the environment it is given', async () => {
    const { info, stop } = await start('env', { env: { ONLY: 'this' } });
    expect(info.runDir.split(',').filter((name) => !name.startsWith('NODE_CHANNEL_'))).toEqual(['ONLY']);
    await stop();
  });

  it('makes no code from strings', async () => {
    const { info, stop } = await start('strict');
    expect(info.adapter).toBe('false');
    await stop();
  });

  it('is not in the process group of its parent: a Ctrl-C in the terminal is for the agent', async () => {
    const { pid, stop } = await start('ready');
    expect(() => process.kill(-pid, 0)).not.toThrow();
    await stop();
  });

  it('that does not listen is ended', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    try {
      const { exited, stop } = await start('deaf');
      const stopped = stop();
      await vi.advanceTimersByTimeAsync(10_000);
      await stopped;
      expect(await exited).toBe(128);
    } finally {
      vi.useRealTimers();
    }
  });

  it('that fails to start says why, and is gone', async () => {
    await expect(start('failed')).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: 'firma.toml:3: no',
    });
  });

  it.each(['odd', 'gone'] as const)('that says nothing of use (%s) has not started', async (name) => {
    await expect(start(name)).rejects.toMatchObject({ code: 'START_FAILED' });
  });
});
