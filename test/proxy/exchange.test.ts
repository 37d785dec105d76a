import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gate } from './gate.ts';
import { bodyOf, dial, tlsTunnel, type Wire } from './wire.ts';
import { startWorld, type World } from './world.ts';

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: readonly string[];
  readonly body: string;
}

let world: World;
let seen: Seen[];
let respond: (req: IncomingMessage, res: ServerResponse) => void;

beforeEach(async () => {
  seen = [];
  respond = (_req, res) => res.end('ok');
  const collect = (req: IncomingMessage, res: ServerResponse): void => {
    let body = '';
    req.setEncoding('latin1').on('data', (piece: string) => {
      body += piece;
    });
    req.on('end', () => {
      seen.push({
        method: req.method,
        url: req.url,
        headers: req.rawHeaders.map((text) => text.toLowerCase()),
        body,
      });
      respond(req, res);
    });
  };
  world = await startWorld({ 'api.test:443': collect, 'plain.test:80': collect });
});

afterEach(() => world.close());

const HEAD = 'Host: api.test\r\n';

async function ask(text: string): Promise<{ wire: Wire; answer: string }> {
  const wire = await tlsTunnel(world, 'api.test:443');
  const ended = world.enforcer.finished.length + 1;
  wire.send(text);
  const answer = await wire.until('\r\n\r\n');
  await wire.until(answer.includes('firma') ? '}\n' : 'ok');
  if (world.enforcer.decided.length > 0)
    await world.enforcer.until(() => world.enforcer.finished.length >= ended || !answer.includes(' 200 '));
  return { wire, answer: wire.text };
}

describe('an allowed call', () => {
  it('is dispatched as its canonical target, committed once and finished once', async () => {
    respond = (_req, res) => res.writeHead(201, { 'x-a': '1' }).end('ok');
    const { wire, answer } = await ask(
      `POST /v1/../v2/x?b=1&a HTTP/1.1\r\n${HEAD}Content-Length: 5\r\n\r\nhello`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 201 /);
    expect(seen).toMatchObject([{ method: 'POST', url: '/v2/x?b=1&a', body: 'hello' }]);
    await world.enforcer.until(() => world.enforcer.finished.length === 1);
    expect(world.enforcer.committed).toEqual(['event-1']);
    expect(world.enforcer.finished).toMatchObject([
      { eventId: 'event-1', facts: { status: 201, bytesSent: 5, bytesReceived: 2 } },
    ]);
    expect(world.enforcer.finished[0]?.facts.reason).toBeUndefined();
    expect(Number.isInteger(world.enforcer.finished[0]?.facts.latencyUs)).toBe(true);
    wire.destroy();
  });

  it('shows classification the headers it reads and no other', async () => {
    const { wire } = await ask(
      `GET / HTTP/1.1\r\n${HEAD}X-Fact: one\r\nAuthorization: secret\r\nX-FACT: two\r\nContent-Type: a/b\r\n\r\n`,
    );
    expect([...(world.enforcer.decided[0]?.raw.headers ?? [])]).toEqual([
      ['x-fact', ['one', 'two']],
      ['content-type', ['a/b']],
    ]);
    wire.destroy();
  });

  it('loses every credential of the agent, in any spelling, and gets ours', async () => {
    world.enforcer.credential = () =>
      Promise.resolve({ label: 'stripe', header: 'authorization', value: 'Bearer real' });
    const { wire } = await ask(
      `GET / HTTP/1.1\r\n${HEAD}Authorization: Bearer fake\r\nauthorization: again\r\nCookie: a=b\r\nX-API-Key: k\r\n` +
        `x_api_key: k\r\nX-Service-Key: s\r\nProxy-Authorization: Basic eDp5\r\nX-Kept: yes\r\n\r\n`,
    );
    const text = seen[0]?.headers.join('|') ?? '';
    expect(text).toContain('authorization|bearer real');
    expect(text).toContain('x-kept|yes');
    for (const gone of ['fake', 'again', 'a=b', 'api', 'service', 'proxy-auth']) {
      expect(text.replaceAll('host|api.test', '')).not.toContain(gone);
    }
    expect(seen[0]?.headers.filter((name) => name === 'authorization')).toHaveLength(1);
    expect(world.enforcer.finished[0]?.facts.injected).toBe('stripe');
    wire.destroy();
  });

  it('loses what a server may take for a header that classification reads, and classification does not', async () => {
    const { wire } = await ask(
      `POST / HTTP/1.1\r\n${HEAD}Content_Type: text/plain\r\nContent-Length: 0\r\n\r\n`,
    );
    expect(world.enforcer.readHeaders.has('content-type')).toBe(true);
    expect(seen[0]?.headers).not.toContain('content_type');
    wire.destroy();
  });

  it('passes on no field of the connection, also not those that `Connection` names, and classification sees none', async () => {
    const { wire } = await ask(
      `GET / HTTP/1.1\r\n${HEAD}Connection: close, X-Hop, X-Fact\r\nX-Hop: 1\r\nX-Fact: 2\r\nTE: trailers\r\n` +
        `Keep-Alive: 5\r\nProxy-Connection: keep-alive\r\nUpgrade: h2c\r\nX-End: 3\r\n\r\n`,
    );
    const names = seen[0]?.headers.filter((_text, index) => index % 2 === 0);
    expect(names).toEqual(['host', 'connection', 'x-end']);
    expect(world.enforcer.decided[0]?.raw.headers.size).toBe(0);
    wire.destroy();
  });

  it('returns repeated fields, without those of the upstream connection', async () => {
    respond = (_req, res) =>
      res
        .writeHead(200, [
          ['Set-Cookie', 'a=1'],
          ['Set-Cookie', 'b=2'],
          ['Connection', 'close, X-Hop'],
          ['X-Hop', '1'],
          ['Proxy-Authenticate', 'Basic'],
          ['X-End', '3'],
        ])
        .end('ok');
    const { wire, answer } = await ask(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
    expect(answer.match(/set-cookie: ./gi)).toHaveLength(2);
    expect(answer).toContain('X-End: 3');
    expect(answer.toLowerCase()).not.toMatch(/x-hop|proxy-authenticate/);
    wire.destroy();
  });

  it.each([
    ['HEAD', `HEAD / HTTP/1.1\r\n${HEAD}\r\n`, 200],
    ['204', `DELETE / HTTP/1.1\r\n${HEAD}\r\n`, 204],
    ['304', `GET / HTTP/1.1\r\n${HEAD}\r\n`, 304],
  ])('without a response body (%s) leaves the connection usable', async (_name, text, status) => {
    respond = (req, res) => {
      if (req.url === '/next') res.end('next');
      else res.writeHead(status, status === 200 ? { 'content-length': '10' } : {}).end();
    };
    const wire = await tlsTunnel(world, 'api.test:443');
    expect(await wire.send(text).until('\r\n\r\n')).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(await wire.send(`GET /next HTTP/1.1\r\n${HEAD}\r\n`).until('next')).toContain('next');
    wire.destroy();
  });

  it('carries a chunked body and a body on GET', async () => {
    const chunked = await ask(
      `PUT / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`,
    );
    expect(seen[0]?.body).toBe('abcde');
    expect(world.enforcer.decided[0]?.raw.bodyLength).toBeUndefined();
    chunked.wire.destroy();
    const get = await ask(`GET / HTTP/1.1\r\n${HEAD}Content-Length: 2\r\n\r\nhi`);
    expect(seen[1]?.body).toBe('hi');
    get.wire.destroy();
  });

  it('that no rule matches goes where its target says, without a credential', async () => {
    let asked = 0;
    world.enforcer.verdict = () => ({ reason: 'PASS_THROUGH' });
    world.enforcer.credential = () => {
      asked += 1;
      return Promise.resolve({ label: 'stripe', header: 'authorization', value: 'Bearer real' });
    };
    const { wire, answer } = await ask(
      `PUT /a/../b?c HTTP/1.1\r\n${HEAD}Authorization: Bearer fake\r\nContent-Length: 2\r\n\r\nhi`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(seen).toMatchObject([{ method: 'PUT', url: '/b?c', body: 'hi' }]);
    expect(seen[0]?.headers).not.toContain('authorization');
    expect(asked).toBe(0);
    wire.destroy();
  });

  it('that no rule matches is held to the destinations that are permitted', async () => {
    world.enforcer.verdict = () => ({ reason: 'PASS_THROUGH' });
    const wire = await tlsTunnel(world, '10.0.0.1:443', { servername: '', host: '10.0.0.1' });
    const answer = await wire.send('GET / HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n').until('}\n');
    expect(JSON.parse(bodyOf(answer))).toMatchObject({ firma: { reason: 'DESTINATION_FORBIDDEN' } });
    expect(world.enforcer.committed).toHaveLength(0);
    wire.destroy();
  });

  it('in absolute form is authenticated by its own header', async () => {
    const wire = await dial(world);
    wire.send(
      `GET http://plain.test/x HTTP/1.1\r\nHost: plain.test\r\nProxy-Authorization: ${world.authorization}\r\n\r\n`,
    );
    expect(await wire.until('ok')).toMatch(/^HTTP\/1\.1 200 /);
    expect(seen[0]).toMatchObject({ url: '/x' });
    expect(seen[0]?.headers.join()).not.toContain('proxy-authorization');
    expect(world.enforcer.decided[0]?.raw).toMatchObject({
      scheme: 'http',
      hostPort: 'plain.test',
      target: '/x',
    });
    wire.destroy();
  });

  it('is not given the same connection while it answers another: pipelined requests keep their order', async () => {
    respond = (req, res) => {
      if (req.url === '/slow') setImmediate(() => res.end('slow'));
      else res.end('fast');
    };
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(`GET /slow HTTP/1.1\r\n${HEAD}\r\nGET /fast HTTP/1.1\r\n${HEAD}\r\n`);
    const text = await wire.until('fast');
    expect(text.indexOf('slow')).toBeLessThan(text.indexOf('fast'));
    expect(seen.map(({ url }) => url)).toEqual(['/slow', '/fast']);
    wire.destroy();
  });

  it('leaves only once its record is where it has to be', async () => {
    const record = gate();
    world.enforcer.recording = async () => void (await record.opened);
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
    await world.enforcer.until(() => world.enforcer.decided.length === 1);
    expect(world.enforcer.committed).toHaveLength(0);
    record.open();
    expect(await wire.until('ok')).toContain(' 200 ');
    wire.destroy();
  });

  it('does not leave where its record cannot be written', async () => {
    world.enforcer.recording = () => Promise.reject(new Error('disk full'));
    const { wire, answer } = await ask(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 503 [^]*retry-after: 1/i);
    expect(seen).toHaveLength(0);
    expect(world.enforcer.committed).toHaveLength(0);
    expect(world.enforcer.finished).toMatchObject([{ facts: { reason: 'AUDIT_UNAVAILABLE' } }]);
    wire.destroy();
  });
});

describe('a body that has to be read first', () => {
  beforeEach(() => {
    world.enforcer.bodyNeed = 'whole';
  });

  it('is given whole to the decision and to the upstream', async () => {
    const { wire } = await ask(`POST / HTTP/1.1\r\n${HEAD}Content-Length: 8\r\n\r\namount=5`);
    expect(Buffer.from(world.enforcer.decided[0]?.body ?? []).toString()).toBe('amount=5');
    expect(seen[0]?.body).toBe('amount=5');
    wire.destroy();
  });

  it('is empty, not unread, where there is none', async () => {
    const { wire } = await ask(`POST / HTTP/1.1\r\n${HEAD}\r\n`);
    expect(world.enforcer.decided[0]?.body).toHaveLength(0);
    wire.destroy();
  });

  it.each([
    ['declared', `Content-Length: 2000\r\n\r\n${'x'.repeat(2000)}`],
    ['chunked', `Transfer-Encoding: chunked\r\n\r\n7d0\r\n${'x'.repeat(2000)}\r\n0\r\n\r\n`],
  ])('that is too long (%s) is unread, and would still be forwarded unchanged', async (_name, rest) => {
    const { wire } = await ask(`POST / HTTP/1.1\r\n${HEAD}${rest}`);
    expect(world.enforcer.decided[0]?.body).toBeUndefined();
    expect(seen[0]?.body).toBe('x'.repeat(2000));
    wire.destroy();
  });

  it.each([
    ['hangs up', (wire: Wire) => wire.destroy()],
    ['breaks its framing', (wire: Wire) => wire.send('zz\r\n')],
  ])('is unread where the agent %s', async (_name, act) => {
    world.enforcer.verdict = () => ({ outcome: 'DENY', reason: 'PARAMS_UNREADABLE' });
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(`POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`);
    act(wire);
    await world.enforcer.until(() => world.enforcer.decided.length === 1);
    expect(world.enforcer.decided[0]?.body).toBeUndefined();
    expect(world.enforcer.refusals).toHaveLength(0);
    wire.destroy();
  });
});

describe('a body whose head has to be read first', () => {
  const PACK = 'p'.repeat(200_000);

  beforeEach(() => {
    world.enforcer.bodyNeed = 'head';
    world.enforcer.headEnd = (bytes) => bytes.includes('0000');
  });

  it('is decided by the head, as soon as that is there, and forwarded whole', async () => {
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(`POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n4\r\n0000\r\n`);
    await world.enforcer.until(() => world.enforcer.decided.length === 1);
    expect(Buffer.from(world.enforcer.decided[0]?.body ?? []).toString()).toBe('hello0000');
    wire.send(`${PACK.length.toString(16)}\r\n${PACK}\r\n0\r\n\r\n`);
    expect(await wire.until('ok')).toContain(' 200 ');
    expect(seen[0]?.body).toBe(`hello0000${PACK}`);
    wire.destroy();
  });

  it('is given whole where it ends with its head', async () => {
    const { wire } = await ask(`POST / HTTP/1.1\r\n${HEAD}Content-Length: 5\r\n\r\nhello`);
    expect(Buffer.from(world.enforcer.decided[0]?.body ?? []).toString()).toBe('hello');
    expect(seen[0]?.body).toBe('hello');
    wire.destroy();
  });

  it('is looked at no further than the bound', async () => {
    const { wire } = await ask(`POST / HTTP/1.1\r\n${HEAD}Content-Length: ${PACK.length}\r\n\r\n${PACK}`);
    expect(world.enforcer.decided[0]?.body).toHaveLength(1024);
    expect(seen[0]?.body).toBe(PACK);
    wire.destroy();
  });

  it('does not go out where the agent hung up, even if the call is allowed without it', async () => {
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(`POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`);
    wire.destroy();
    await world.enforcer.until(() => world.enforcer.finished.length === 1);
    expect(world.enforcer.decided[0]?.body).toBeUndefined();
    expect(world.enforcer.committed).toHaveLength(0);
    expect(seen).toHaveLength(0);
  });
});

describe('a denied call', () => {
  it('opens no connection and keeps the one of the agent', async () => {
    world.enforcer.verdict = () => ({
      outcome: 'DENY',
      reason: 'POLICY_NO_PERMIT',
      detail: 'no permit for this',
    });
    const wire = await tlsTunnel(world, 'api.test:443');
    const body = 'x'.repeat(100_000);
    for (const text of [
      `GET / HTTP/1.1\r\n${HEAD}\r\n`,
      `POST / HTTP/1.1\r\n${HEAD}Content-Length: 100000\r\n\r\n${body}`,
    ]) {
      wire.text = '';
      const answer = await wire.send(text).until('}\n');
      expect(answer).toMatch(/^HTTP\/1\.1 403 /);
      expect(JSON.parse(bodyOf(answer))).toMatchObject({ firma: { reason: 'POLICY_NO_PERMIT' } });
    }
    expect(seen).toHaveLength(0);
    expect(world.enforcer.finished).toHaveLength(0);
    wire.destroy();
  });

  it('has no body for HEAD', async () => {
    world.enforcer.verdict = () => ({ outcome: 'DENY', reason: 'POLICY_FORBID' });
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(`HEAD / HTTP/1.1\r\n${HEAD}Connection: close\r\n\r\n`);
    expect(bodyOf(await wire.end())).toBe('');
  });
});

async function aborted(): Promise<{ status: string; body: unknown; reason: string | undefined }> {
  const { wire, answer } = await ask(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
  wire.destroy();
  await world.enforcer.until(() => world.enforcer.finished.length === 1);
  return {
    status: answer.slice(9, 12),
    body: JSON.parse(bodyOf(answer)),
    reason: world.enforcer.finished[0]?.facts.reason,
  };
}

describe('a call that fails after ALLOW', () => {
  it.each([
    ['that cannot be had', () => Promise.reject(new Error('the secret is hunter2'))],
    [
      'with a line break',
      () => Promise.resolve({ label: 'l', header: 'authorization', value: 'hunter2\r\nx-evil: 1' }),
    ],
    [
      'that is not ASCII',
      () => Promise.resolve({ label: 'l', header: 'authorization', value: 'hunter2\u00ff' }),
    ],
    ['that is empty', () => Promise.resolve({ label: 'l', header: 'authorization', value: '' })],
  ])('for a credential %s says so and nothing of it', async (_name, credential) => {
    world.enforcer.credential = credential;
    const { status, body, reason } = await aborted();
    expect(status).toBe('403');
    expect(reason).toBe('CREDENTIAL_UNAVAILABLE');
    expect(body).toMatchObject({
      firma: { outcome: 'ABORT', scope: 'call', reason: 'CREDENTIAL_UNAVAILABLE', event_id: 'event-1' },
    });
    expect(JSON.stringify(body)).not.toContain('hunter2');
    expect(world.enforcer.committed).toHaveLength(0);
    expect(seen).toHaveLength(0);
  });

  it('because the upstream hangs up is 502, and stays committed', async () => {
    respond = (_req, res) => res.destroy();
    const { status, reason } = await aborted();
    expect(status).toBe('502');
    expect(reason).toBe('UPSTREAM_UNREACHABLE');
    expect(world.enforcer.committed).toEqual(['event-1']);
    // Nothing that was written is written again.
    expect(seen).toHaveLength(1);
  });

  it('because the upstream answers with something else than HTTP is 502', async () => {
    respond = (req) => req.socket.end('SSH-2.0-x\r\n\r\n');
    expect(await aborted()).toMatchObject({ status: '502', reason: 'UPSTREAM_UNREACHABLE' });
  });
});
