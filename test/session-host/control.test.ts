import { chmodSync, lstatSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IssuanceDenied } from '@firma/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Control, type ControlHandlers, startControl } from '../../src/session/control.ts';
import { controlClient } from '../../src/session/control-client.ts';
import type {
  AbortedSession,
  AbortRequest,
  OpenedSession,
  OpenSessionRequest,
} from '../../src/session/control-messages.ts';
import { controlHandlers } from './handlers.ts';
import { sessionDetail } from './session-detail.ts';

const OPENED: OpenedSession = {
  user: 'user_1',
  password: 'password',
  proxy: 'http://127.0.0.1:3128',
  sid: 'sid-1',
};

const ASKED = { agent: 'a', groups: ['g'], actions: ['code.read'], scope: ['api.github.com'], ttlS: 60 };

let dir: string;
let path: string;
let control: Control | undefined;
let asked: OpenSessionRequest[];
let closed: string[];
let listed: { limit: number; after: number | undefined }[];
let aborted: AbortRequest[];

const KNOWN = sessionDetail({ sid: 'sid-1' });
const CURSOR = Number.MAX_SAFE_INTEGER;
const ABORTED: AbortedSession = {
  sid: 'sid-1',
  agent: 'agent-7',
  endedBefore: undefined,
  notKept: undefined,
};

const handlers: ControlHandlers = controlHandlers({
  openSession: (one) => {
    asked.push(one);
    if ('profile' in one && one.profile === 'refused')
      return Promise.reject(new IssuanceDenied('not for this one'));
    if ('profile' in one && one.profile === 'broken') return Promise.reject(new Error('INNER DETAIL'));
    return Promise.resolve(OPENED);
  },
  closeSession: (user) => void closed.push(user),
  listSessions: (limit, after) => {
    listed.push({ limit, after });
    return after === undefined ? { sessions: [KNOWN], next: CURSOR } : { sessions: [], next: undefined };
  },
  showSession: (sid) => (sid === KNOWN.sid ? KNOWN : undefined),
  abortSession: (one) => {
    aborted.push(one);
    return Promise.resolve(one.sid === KNOWN.sid ? ABORTED : undefined);
  },
  reloadPolicies: () => Promise.resolve(true),
  status: () => ({ running: true }),
});

async function start(at = path): Promise<void> {
  control = await startControl({ path: at, handlers });
}

function send(method: string, target: string, body?: string): Promise<{ status: number; body: unknown }> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: path, method, path: target, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += String(chunk)));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'firma-control-'));
  path = join(dir, 'run', 'control.sock');
  asked = [];
  closed = [];
  listed = [];
  aborted = [];
});

afterEach(async () => {
  await control?.close();
  control = undefined;
  rmSync(dir, { recursive: true });
});

describe('the control socket', () => {
  it("is its owner's alone, and gone when it is closed", async () => {
    await start();
    expect(statSync(path).isSocket()).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(dir, 'run')).mode & 0o777).toBe(0o700);
    await control?.close();
    expect(() => lstatSync(path)).toThrow('ENOENT');
  });

  it('is not opened in a directory that others can enter', async () => {
    mkdirSync(join(dir, 'run'));
    chmodSync(join(dir, 'run'), 0o755);
    await expect(start()).rejects.toMatchObject({ code: 'STATE_UNUSABLE' });
  });

  it('is not opened beside another one', async () => {
    await start();
    await expect(startControl({ path, handlers })).rejects.toMatchObject({ code: 'START_FAILED' });
    expect(await controlClient(path).status()).toEqual({ running: true });
  });

  it('whose path is longer than a socket may have says so, and makes nothing', async () => {
    const long = join(dir, 'x'.repeat(100), 'control.sock');
    await expect(start(long)).rejects.toMatchObject({
      code: 'START_FAILED',
      message: expect.stringMatching(/control\.sock.*107.*shorter/s),
    });
    expect(() => lstatSync(join(dir, 'x'.repeat(100)))).toThrow('ENOENT');
  });

  it('opens and closes sessions, and says how it is', async () => {
    await start();
    const client = controlClient(path);
    expect(await client.openSession({ profile: 'p' })).toEqual(OPENED);
    expect(await client.openSession({ profile: undefined })).toEqual(OPENED);
    expect(await client.openSession(ASKED)).toEqual(OPENED);
    expect(asked).toEqual([{ profile: 'p' }, { profile: undefined }, ASKED]);
    await client.closeSession('user_1');
    expect(closed).toEqual(['user_1']);
    expect(await client.reloadPolicies()).toBe(true);
    expect(await client.status()).toEqual({ running: true });
  });

  it('names its fields as the other interfaces do', async () => {
    await start();
    const { ttlS, ...rest } = ASKED;
    expect(await send('POST', '/v1/sessions', JSON.stringify({ ...rest, ttl_s: ttlS }))).toEqual({
      status: 200,
      body: OPENED,
    });
    expect(asked).toEqual([ASKED]);
  });

  it('tells why a session was refused, and of an unexpected error no detail', async () => {
    await start();
    const client = controlClient(path);
    await expect(client.openSession({ profile: 'refused' })).rejects.toMatchObject({
      code: 'ISSUANCE_DENIED',
      message: 'not for this one',
    });
    expect(await send('POST', '/v1/sessions', '{"profile":"broken"}')).toEqual({
      status: 500,
      body: { error: { code: 'INTERNAL', message: expect.not.stringContaining('INNER') } },
    });
  });

  it.each([
    ['nothing', ''],
    ['no JSON', '{'],
    ['a list', '[]'],
    ['null', 'null'],
    ['an unknown field', '{"profile":"p","agent":"a"}'],
    ['a profile that is no name', '{"profile":1}'],
    ['an empty profile', '{"profile":""}'],
    ['no life', '{"agent":"a","actions":[],"scope":[]}'],
    ['half a second', '{"agent":"a","actions":[],"scope":[],"ttl_s":0.5}'],
    ['no actions', '{"agent":"a","scope":[],"ttl_s":1}'],
    ['actions that are no list', '{"agent":"a","actions":"code.read","scope":[],"ttl_s":1}'],
    ['a scope of numbers', '{"agent":"a","actions":[],"scope":[1],"ttl_s":1}'],
    [
      'too many groups',
      JSON.stringify({ agent: 'a', groups: Array(257).fill('g'), actions: [], scope: [], ttl_s: 1 }),
    ],
  ])('answers %s with 400 and opens nothing', async (_what, body) => {
    await start();
    expect((await send('POST', '/v1/sessions', body)).status).toBe(400);
    expect(asked).toEqual([]);
  });

  it('reads at most 64 KiB', async () => {
    await start();
    expect((await send('POST', '/v1/sessions', 'x'.repeat(64 * 1024 + 1))).status).toBe(413);
  });

  it.each([
    ['GET', '/', 404],
    ['DELETE', '/v1/sessions/', 404],
    ['DELETE', '/v1/sessions/a/b', 404],
    ['DELETE', '/v1/sessions/..%2f', 404],
    ['DELETE', `/v1/sessions/${'a'.repeat(65)}`, 404],
    ['PUT', '/v1/sessions', 405],
    ['POST', '/v1/sessions?limit=1', 405],
    ['POST', '/v1/sessions/a', 405],
    ['GET', '/v1/sessions/a/abort', 405],
    ['DELETE', '/v1/sessions/a/abort', 405],
    ['GET', '/v1/sessions/a/abort/', 404],
    ['POST', '/v1/status', 405],
  ])('answers %s %s with %i', async (method, target, status) => {
    await start();
    expect((await send(method, target)).status).toBe(status);
    expect(closed).toEqual([]);
  });

  it('lists sessions a page at a time, and shows one', async () => {
    await start();
    const client = controlClient(path);
    expect(await client.listSessions(undefined, 1)).toEqual({ sessions: [KNOWN], next: CURSOR });
    expect(await client.listSessions(CURSOR)).toEqual({ sessions: [], next: undefined });
    expect(listed).toEqual([
      { limit: 1, after: undefined },
      { limit: 1000, after: CURSOR },
    ]);
    expect(await client.showSession('sid-1')).toEqual(KNOWN);
    expect(await client.showSession('sid-2')).toBeUndefined();
    expect(await send('GET', '/v1/sessions')).toEqual({
      status: 200,
      body: { sessions: [KNOWN], next: String(CURSOR) },
    });
    expect(listed.at(-1)).toEqual({ limit: 1000, after: undefined });
  });

  it.each([
    'limit=0',
    'limit=1001',
    'limit=-1',
    'limit=1e2',
    'limit=',
    'after=',
    'after=sid-1',
    'after=1.5',
    'after=-1',
    'after=00000000000000001',
    'after=%00',
    'x=1',
  ])('answers a list with `%s` with 400', async (query) => {
    await start();
    expect((await send('GET', `/v1/sessions?${query}`)).status).toBe(400);
    expect(listed).toEqual([]);
  });

  it('ends a session it knows, with a reason or without', async () => {
    await start();
    const client = controlClient(path);
    expect(await client.abortSession('sid-1', { reason: 'sends too much', agent: 'a' })).toEqual(ABORTED);
    expect(await client.abortSession('sid-1')).toEqual(ABORTED);
    expect(await client.abortSession('sid-2')).toBeUndefined();
    expect(aborted).toEqual([
      { sid: 'sid-1', reason: 'sends too much', agent: 'a' },
      { sid: 'sid-1', reason: 'ended by hand', agent: undefined },
      { sid: 'sid-2', reason: 'ended by hand', agent: undefined },
    ]);
    expect(await send('POST', '/v1/sessions/sid-2/abort', '{}')).toMatchObject({
      status: 404,
      body: { error: { code: 'SESSION_UNKNOWN' } },
    });
  });

  it.each([
    ['nothing', ''],
    ['a text', '"why"'],
    ['a list', '[]'],
    ['another field', '{"why":"x"}'],
    ['an empty reason', '{"reason":""}'],
    ['a reason that is no text', '{"reason":1}'],
    ['an agent that is no text', '{"agent":["a"]}'],
    ['an empty agent', '{"agent":""}'],
    ['a long agent', JSON.stringify({ agent: 'x'.repeat(1025) })],
    ['a long reason', JSON.stringify({ reason: 'x'.repeat(257) })],
  ])('ends no session for %s', async (_what, body) => {
    await start();
    expect((await send('POST', '/v1/sessions/sid-1/abort', body)).status).toBe(400);
    expect(aborted).toEqual([]);
  });

  it('lives on when a caller hangs up', async () => {
    await start();
    const caller = connect(path);
    await new Promise<void>((resolve) => {
      caller.write('POST /v1/sessions HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{', () => resolve());
    });
    caller.destroy();
    expect(await controlClient(path).status()).toEqual({ running: true });
    expect(asked).toEqual([]);
  });
});

describe('a client of a control socket', () => {
  it.each([
    ['no list', { listSessions: () => ({ sessions: [{ ...KNOWN, allows: 'many' }] }) }],
    ['no end', { abortSession: () => Promise.resolve({ sid: 'sid-1' }) }],
    ['no session', { showSession: () => ({ ...KNOWN, budgets: [{}] }) }],
  ])('takes %s for no sidecar of this version', async (what, own) => {
    control = await startControl({ path, handlers: Object.assign(controlHandlers(), own) });
    const client = controlClient(path);
    const asked =
      what === 'no list'
        ? client.listSessions()
        : what === 'no end'
          ? client.abortSession('sid-1')
          : client.showSession('sid-1');
    await expect(asked).rejects.toMatchObject({ code: 'START_FAILED' });
  });

  it('where nobody listens says what to do', async () => {
    await expect(controlClient(join(dir, 'none.sock')).status()).rejects.toMatchObject({
      code: 'START_FAILED',
      message: expect.stringContaining('firma sidecar'),
    });
  });
});
