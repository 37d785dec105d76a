import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FirmaError, type Resource } from '@firma/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type StartedBroker, startBroker } from '../../src/broker/client.ts';
import type { CredentialConfig } from '../../src/config/config.ts';
import { entryPoint } from '../../src/entry-point.ts';

const SECRET = 'sk_live_THESECRET';

function credential(entry: Partial<CredentialConfig>): CredentialConfig {
  return {
    label: 'stripe',
    bind: ['api.stripe.com'],
    source: { kind: 'env', name: 'FIRMA_TEST_STRIPE' },
    header: 'authorization',
    scheme: 'bearer',
    user: '',
    ...entry,
  };
}

function resource(host: string, path = '/'): Resource {
  const uid = host + path;
  const names = { provider: '', method: 'GET', uid, hostGroups: [], foldMask: 0 };
  return { host, path, port: 443, scheme: 'https', ...names };
}

let dir: string;
let broker: StartedBroker | undefined;

async function start(...credentials: CredentialConfig[]): Promise<StartedBroker> {
  broker = await startBroker(credentials);
  return broker;
}

async function failure(asked: Promise<unknown>): Promise<FirmaError> {
  const error: unknown = await asked.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof FirmaError)) throw new Error('no FirmaError was thrown');
  return error;
}

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'firma-broker-'));
  process.env['FIRMA_TEST_STRIPE'] = SECRET;
});

afterEach(async () => {
  await broker?.close();
  broker = undefined;
  delete process.env['FIRMA_TEST_STRIPE'];
  rmSync(dir, { recursive: true });
});

describe('a credential', () => {
  it('is the header its entry describes, for a resource it is bound to', async () => {
    const { credentialFor, headers } = bound(await start(credential({})));
    expect(headers).toEqual(['authorization']);
    expect(await credentialFor(resource('api.stripe.com', '/v1/charges'))).toEqual({
      label: 'stripe',
      header: 'authorization',
      value: `Bearer ${SECRET}`,
    });
    expect(await credentialFor(resource('paste.example'))).toBeUndefined();
  });

  it('comes from the first entry of the file that matches', async () => {
    writeFileSync(join(dir, 'other'), 'other\n', { mode: 0o600 });
    const source = { kind: 'file', path: join(dir, 'other') } as const;
    const { credentialFor, headers } = bound(
      await start(
        credential({
          label: 'special',
          bind: ['api.stripe.com/v1/refunds'],
          source,
          header: 'x-api-key',
          scheme: 'raw',
        }),
        credential({}),
      ),
    );
    expect(headers).toEqual(['x-api-key', 'authorization']);
    const refunds = await credentialFor(resource('api.stripe.com', '/v1/refunds'));
    expect(refunds).toEqual({ label: 'special', header: 'x-api-key', value: 'other' });
    expect((await credentialFor(resource('api.stripe.com', '/v1/charges')))?.label).toBe('stripe');
  });

  it('that is missing at start is a warning, and is used once it is there', async () => {
    const path = join(dir, 'late');
    const started = await start(credential({ source: { kind: 'file', path } }));
    expect(started.warnings).toEqual([expect.stringMatching(/credential `stripe` is not available.*late/)]);
    const error = await failure(started.credentialFor(resource('api.stripe.com')));
    expect(error.message).toContain('stripe');
    writeFileSync(path, 'now', { mode: 0o600 });
    expect((await started.credentialFor(resource('api.stripe.com')))?.value).toBe('Bearer now');
  });

  it('in a file that others can read is refused without a word of it', async () => {
    const path = join(dir, 'open');
    writeFileSync(path, SECRET);
    chmodSync(path, 0o644);
    const started = await start(credential({ source: { kind: 'file', path } }));
    const error = await failure(started.credentialFor(resource('api.stripe.com')));
    expect(error.message).toContain('0644');
    expect(`${error.stack} ${started.warnings.join(' ')}`).not.toContain(SECRET);
  });

  it('that no header can carry is refused without a word of it', async () => {
    process.env['FIRMA_TEST_STRIPE'] = `${SECRET}\r\nx-more: 1`;
    const started = await start(credential({}));
    const error = await failure(started.credentialFor(resource('api.stripe.com')));
    expect(`${error.stack} ${started.warnings.join(' ')}`).not.toContain(SECRET);
  });

  it('whose binding is no pattern stops the start, before a process runs', async () => {
    const error = await failure(startBroker([credential({ bind: ['api.*.com'] })]));
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toContain('credential `stripe`');
    expect(process.env['FIRMA_TEST_STRIPE']).toBe(SECRET);
  });
});

describe('the broker process', () => {
  it('is not started without a credential entry', async () => {
    const started = await start();
    expect(started.pid).toBeUndefined();
    expect(await started.credentialFor(resource('api.stripe.com'))).toBeUndefined();
  });

  it('takes the variable with it where it is told to: no later child of the sidecar has it', async () => {
    const entries = [credential({}), credential({ label: 'again' })];
    broker = await startBroker(entries, { takeEnvironment: true });
    expect(process.env['FIRMA_TEST_STRIPE']).toBeUndefined();
    expect(execFileSync('env', { encoding: 'utf8' })).not.toContain(SECRET);
    expect(broker.warnings).toEqual([]);
  });

  it('leaves the environment of a host as it is, so that a second one has the credential too', async () => {
    await start(credential({}));
    expect(process.env['FIRMA_TEST_STRIPE']).toBe(SECRET);
    await broker?.close();
    const second = await start(credential({}));
    expect(second.warnings).toEqual([]);
    expect((await second.credentialFor(resource('api.stripe.com')))?.value).toBe(`Bearer ${SECRET}`);
  });

  it('gets the named variables, and nothing else of the environment', async () => {
    process.env['FIRMA_TEST_UNRELATED'] = 'unrelated';
    const { pid } = await start(credential({}));
    delete process.env['FIRMA_TEST_UNRELATED'];
    const environ = readFileSync(`/proc/${pid}/environ`, 'utf8')
      .split('\0')
      .filter((entry) => entry !== '');
    const names = environ.map((entry) => entry.slice(0, entry.indexOf('=')));
    expect(names.filter((name) => !name.startsWith('NODE_CHANNEL_'))).toEqual(['FIRMA_TEST_STRIPE']);
  });

  it('says the secret in answer to its request alone, and writes nothing', async () => {
    const child = fork(entryPoint('broker/broker-process.js'), [], {
      env: { FIRMA_TEST_STRIPE: SECRET, FIRMA_TEST_BAD: `${SECRET}\n` },
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    let written = '';
    const messages: { readonly type: string; readonly id?: number }[] = [];
    const streams = [child.stdout, child.stderr].flatMap((stream) => stream ?? []);
    for (const stream of streams) stream.on('data', (chunk) => (written += String(chunk)));
    const entry = { label: 'a', scheme: 'raw', user: '', source: { kind: 'env', name: 'FIRMA_TEST_STRIPE' } };
    const bad = { ...entry, label: 'b', source: { kind: 'env', name: 'FIRMA_TEST_BAD' } };
    const ask = async (message: object): Promise<void> => {
      const answered = once(child, 'message');
      child.send(message);
      messages.push((await answered)[0]);
    };
    await ask({ type: 'start', entries: [entry, bad] });
    await ask({ type: 'get', id: 1, label: 'b' });
    await ask({ type: 'get', id: 2, label: 'no such' });
    expect(JSON.stringify(messages)).not.toContain(SECRET);
    await ask({ type: 'get', id: 3, label: 'a' });
    expect(messages.at(-1)).toEqual({ type: 'value', id: 3, ok: true, value: SECRET });
    const ended = Promise.all([once(child, 'exit'), ...streams.map((stream) => once(stream, 'close'))]);
    child.disconnect();
    expect((await ended)[0]).toEqual([0, null]);
    expect(written).toBe('');
  });

  it('fails the calls under way when it is killed, and is started again', async () => {
    const started = await start(credential({}));
    const { pid } = started;
    process.kill(pid ?? 0, 'SIGSTOP');
    const waiting = failure(started.credentialFor(resource('api.stripe.com')));
    process.kill(pid ?? 0, 'SIGKILL');
    const error = await waiting;
    expect(error.code).toBe('START_FAILED');
    expect(error.message).not.toContain(SECRET);
    await vi.waitFor(async () => {
      expect((await started.credentialFor(resource('api.stripe.com')))?.value).toBe(`Bearer ${SECRET}`);
    }, 10_000);
    expect(started.pid).not.toBe(pid);
  });

  it('that hangs fails the call in time', async () => {
    broker = await startBroker([credential({})], { answerTimeoutMs: 50 });
    process.kill(broker.pid ?? 0, 'SIGSTOP');
    const error = await failure(broker.credentialFor(resource('api.stripe.com')));
    expect(error.message).toContain('in time');
    process.kill(broker.pid ?? 0, 'SIGCONT');
  });

  it('outlives the signals a terminal sends to the whole group', async () => {
    const started = await start(credential({}));
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(started.pid ?? 0, signal);
    expect((await started.credentialFor(resource('api.stripe.com')))?.value).toBe(`Bearer ${SECRET}`);
  });

  it('is asked at most 256 things at once', async () => {
    const started = await start(credential({}));
    const asked = Array.from({ length: 300 }, () => started.credentialFor(resource('api.stripe.com')));
    const settled = await Promise.allSettled(asked);
    expect(settled.filter((one) => one.status === 'fulfilled')).toHaveLength(256);
  });

  it('ends when it is closed', async () => {
    const started = await start(credential({}));
    const { pid } = started;
    await started.close();
    expect(existsSync(`/proc/${pid}`)).toBe(false);
  });
});

function bound(started: StartedBroker): Pick<StartedBroker, 'credentialFor' | 'headers'> {
  return { headers: started.headers, credentialFor: (asked) => started.credentialFor(asked) };
}
