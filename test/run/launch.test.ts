import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IssuanceDenied } from '@firma/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Control, startControl } from '../../src/session/control.ts';
import type { OpenSessionRequest } from '../../src/session/control-messages.ts';
import { controlHandlers } from '../session-host/handlers.ts';
import { launch, type Launched } from './launcher.ts';

const PRINT_ENV = ['-e', 'process.stdout.write(JSON.stringify(process.env))'];

let dir: string;
let path: string;
let control: Control;
let opened: OpenSessionRequest[];
let closed: string[];

const run = (command: string, args: readonly string[], more: object = {}): Launched =>
  launch({ control: path, command, args, ...more });

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'firma-run-'));
  path = join(dir, 'run', 'control.sock');
  opened = [];
  closed = [];
  control = await startControl({
    path,
    handlers: controlHandlers({
      openSession: (request) => {
        opened.push(request);
        if ('profile' in request && request.profile === 'refused')
          return Promise.reject(new IssuanceDenied('no'));
        return Promise.resolve({
          user: 'user',
          password: 'pass',
          proxy: 'http://127.0.0.1:3128',
          sid: 's',
        });
      },
      closeSession: (user) => void closed.push(user),
    }),
  });
});

afterEach(async () => {
  await control.close();
  rmSync(dir, { recursive: true });
});

describe('a launched agent', () => {
  it('has no secret of its caller in its environment, and a session of its own', async () => {
    const env = { GITHUB_TOKEN: 'SECRET', STRIPE_KEY: 'SECRET', HTTPS_PROXY: 'http://SECRET', EDITOR: 'vi' };
    const { code, stdout, stderr } = await run(process.execPath, PRINT_ENV, {
      env,
      profile: { passEnv: ['EDITOR'], env: { MODE: 'agent' } },
    }).ended;
    expect(code).toBe(0);
    expect(stdout).not.toContain('SECRET');
    const seen = JSON.parse(stdout) as Record<string, string>;
    expect(seen).toMatchObject({
      EDITOR: 'vi',
      MODE: 'agent',
      HTTPS_PROXY: 'http://user:pass@127.0.0.1:3128',
    });
    expect(seen['PATH']).toBe(process.env['PATH']);
    expect(opened).toEqual([{ profile: 'test' }]);
    expect(closed).toEqual(['user']);
    expect(stderr).toContain('no kernel sandbox is active yet');
    expect(stderr).toContain('/run/1');
    expect(stderr).not.toContain('pass@');
  });

  it.each([0, 7])('that exits with %i is what the launcher exits with', async (code) => {
    expect((await run('sh', ['-c', `exit ${code}`]).ended).code).toBe(code);
  });

  it('that a signal ends is 128 and its number, as a shell says it', async () => {
    expect((await run('sh', ['-c', 'kill -KILL $$']).ended).code).toBe(137);
    expect(closed).toEqual(['user']);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('gets the %s its launcher gets', async (signal) => {
    const wait = `process.on('${signal}', () => process.exit(42)); setInterval(() => {}, 1000); process.stdout.write('up')`;
    const { child, ended, output } = run(process.execPath, ['-e', wait]);
    await output();
    child.kill(signal);
    expect((await ended).code).toBe(42);
    expect(closed).toEqual(['user']);
  });

  it('gets its arguments as they are, without a shell', async () => {
    const args = ['$HOME', '*', ';', '--profile', 'a b', ''];
    const { ended } = run(process.execPath, [
      '-e',
      'process.stdout.write(JSON.stringify(process.argv.slice(1)))',
      '--',
      ...args,
    ]);
    expect(JSON.parse((await ended).stdout)).toEqual(args);
  });

  it('that does not exist is a failure to start, and its session is closed', async () => {
    const { code, stderr } = await run('no-such-command-anywhere', []).ended;
    expect(code).toBe(3);
    expect(stderr).toMatch(/START_FAILED command `no-such-command-anywhere` was not found/);
    expect(closed).toEqual(['user']);
  });

  it('is not started where the Authority refuses its session', async () => {
    const { code, stdout, stderr } = await run(process.execPath, PRINT_ENV, { profile: { id: 'refused' } })
      .ended;
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toContain('ISSUANCE_DENIED');
  });

  it('is not started where no sidecar answers', async () => {
    await control.close();
    const { code, stdout, stderr } = await run(process.execPath, PRINT_ENV).ended;
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toContain('START_FAILED');
  });
});
