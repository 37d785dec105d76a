import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gate } from './gate.ts';
import { bodyOf, dial, tlsTunnel } from './wire.ts';
import { SESSION, startWorld, type World } from './world.ts';

const HEAD = 'Host: api.test\r\n';

let world: World;
let seen: (string | undefined)[];
let respond: (req: IncomingMessage, res: ServerResponse) => void;

beforeEach(async () => {
  seen = [];
  respond = (_req, res) => res.end('ok');
  const serve = (req: IncomingMessage, res: ServerResponse): void => {
    req.on('end', () => {
      seen.push(req.url);
      respond(req, res);
    });
    req.resume();
  };
  world = await startWorld({ 'api.test:443': serve, 'plain.test:80': serve });
});

afterEach(() => world.close());

describe('the end of a session', () => {
  it('reaches the aborting request as an answer, and cuts what else is open', async () => {
    const streaming = await tlsTunnel(world, 'api.test:443');
    const idle = await tlsTunnel(world, 'api.test:443');
    respond = (_req, res) => res.write('begun');
    await streaming.send(`GET /stream HTTP/1.1\r\n${HEAD}\r\n`).until('begun');

    world.enforcer.verdict = () => {
      world.enforcer.transports.end(SESSION.sessionKey, 'POLICY_ABORT');
      return { outcome: 'ABORT', scope: 'session', reason: 'BUDGET_EXCEEDED', detail: 'no more of this' };
    };
    const aborting = await tlsTunnel(world, 'api.test:443');
    const answer = await aborting
      .send(`GET / HTTP/1.1\r\n${HEAD}\r\nGET /more HTTP/1.1\r\n${HEAD}\r\n`)
      .end();
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
    expect(answer.toLowerCase()).toContain('connection: close');
    expect(JSON.parse(bodyOf(answer))).toMatchObject({
      title: 'Session ended',
      firma: { outcome: 'ABORT', scope: 'session', reason: 'BUDGET_EXCEEDED' },
    });
    await Promise.all([streaming.end(), idle.end()]);
    await world.enforcer.until(() => world.enforcer.finished.length === 1);
    expect(world.enforcer.finished).toMatchObject([{ facts: { status: 200, reason: 'SESSION_ABORTED' } }]);
    expect(world.enforcer.decided).toHaveLength(2);
  });

  it('reaches an aborting request in absolute form too', async () => {
    world.enforcer.verdict = () => {
      world.enforcer.transports.end(SESSION.sessionKey, 'POLICY_ABORT');
      return { outcome: 'ABORT', scope: 'session', reason: 'POLICY_ABORT' };
    };
    const wire = await dial(world);
    wire.send(
      `GET http://plain.test/ HTTP/1.1\r\nHost: plain.test\r\nProxy-Authorization: ${world.authorization}\r\n\r\n`,
    );
    expect(await wire.end()).toMatch(/^HTTP\/1\.1 403 [^]*POLICY_ABORT/);
  });

  it('between ALLOW and its dispatch stops the call, unpaid', async () => {
    const record = gate();
    world.enforcer.recording = async () => void (await record.opened);
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
    await world.enforcer.until(() => world.enforcer.decided.length === 1);
    world.enforcer.transports.end(SESSION.sessionKey, 'POLICY_ABORT');
    record.open();
    expect(await wire.end()).toMatch(/^HTTP\/1\.1 403 [^]*SESSION_ABORTED/);
    expect(seen).toHaveLength(0);
    expect(world.enforcer.committed).toHaveLength(0);
    expect(world.enforcer.finished).toMatchObject([{ facts: { reason: 'SESSION_ABORTED' } }]);
  });

  it.each(['DENY', 'ALLOW'] as const)(
    'before a tunnel opens is told to its first request, whatever is decided (%s)',
    async (outcome) => {
      world.enforcer.transports.end(SESSION.sessionKey, 'POLICY_ABORT');
      world.enforcer.verdict = () => ({ outcome, reason: outcome === 'DENY' ? 'SESSION_ABORTED' : 'OK' });
      const wire = await tlsTunnel(world, 'api.test:443');
      wire.send(`GET / HTTP/1.1\r\n${HEAD}\r\nGET /next HTTP/1.1\r\n${HEAD}\r\n`);
      const answer = await wire.end();
      expect(answer).toMatch(/^HTTP\/1\.1 403 [^]*SESSION_ABORTED/);
      expect(answer.toLowerCase()).toContain('connection: close');
      expect(world.enforcer.decided).toHaveLength(1);
      expect(seen).toHaveLength(0);
      expect(world.enforcer.committed).toHaveLength(0);
    },
  );

  it('before a request in absolute form is told to it', async () => {
    world.enforcer.transports.end(SESSION.sessionKey, 'POLICY_ABORT');
    const wire = await dial(world);
    wire.send(
      `GET http://plain.test/ HTTP/1.1\r\nHost: plain.test\r\nProxy-Authorization: ${world.authorization}\r\n\r\n`,
    );
    expect(await wire.end()).toMatch(/^HTTP\/1\.1 403 [^]*SESSION_ABORTED/);
    expect(seen).toHaveLength(0);
  });

  it('stops a call that waits for its credential', async () => {
    const asked = gate();
    const given = gate();
    world.enforcer.credential = async () => {
      asked.open();
      await given.opened;
      return { label: 'l', header: 'authorization', value: 'v' };
    };
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
    await asked.opened;
    world.enforcer.transports.end(SESSION.sessionKey, 'POLICY_ABORT');
    await wire.end();
    given.open();
    await world.enforcer.until(() => world.enforcer.finished.length === 1);
    expect(seen).toHaveLength(0);
    expect(world.enforcer.committed).toHaveLength(0);
  });
});

describe('an agent that hangs up', () => {
  it('stops its call with the upstream; what was sent stays committed', async () => {
    const arrived = new Promise<IncomingMessage>((resolve) => {
      respond = (req, res) => {
        res.write('begun');
        resolve(req);
      };
    });
    const wire = await tlsTunnel(world, 'api.test:443');
    await wire.send(`GET / HTTP/1.1\r\n${HEAD}\r\n`).until('begun');
    const upstream = await arrived;
    const closed = once(upstream.socket, 'close');
    wire.destroy();
    await closed;
    await world.enforcer.until(() => world.enforcer.finished.length === 1);
    expect(world.enforcer.committed).toEqual(['event-1']);
    expect(world.enforcer.finished[0]?.facts).toMatchObject({ status: 200, bytesReceived: 5 });
    expect(world.enforcer.finished[0]?.facts.reason).toBeUndefined();
  });

  it('in the middle of its body ends the call once', async () => {
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(`POST / HTTP/1.1\r\n${HEAD}Content-Length: 1000\r\n\r\nabc`);
    await world.enforcer.until(() => world.enforcer.decided.length === 1);
    wire.destroy();
    await world.enforcer.until(() => world.enforcer.finished.length === 1);
    expect(seen).toHaveLength(0);
  });
});
