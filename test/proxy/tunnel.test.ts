import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { openCertificateAuthority, temporaryDir } from './certificates.ts';
import { gate } from './gate.ts';
import { bodyOf, dial, tlsTunnel, tunnel, type Wire } from './wire.ts';
import { SESSION, startWorld, type World } from './world.ts';

let world: World;

beforeEach(async () => {
  world = await startWorld({
    'api.test:443': (req, res) => {
      req.on('end', () => res.end('from upstream')).resume();
    },
  });
});

afterEach(() => world.close());

async function refusedOnce(): Promise<string> {
  await world.enforcer.until(() => world.enforcer.refusals.length > 0);
  expect(world.enforcer.refusals).toHaveLength(1);
  expect(world.enforcer.finished).toHaveLength(0);
  return world.enforcer.refusals[0] ?? '';
}

async function send(wire: Wire, text: string): Promise<string> {
  return wire.send(text).end();
}

describe('CONNECT', () => {
  it.each(['', 'Proxy-Authorization: Basic bm9ib2R5Om5vdGhpbmc=\r\n', 'Proxy-Authorization: Bearer x\r\n'])(
    'without a session is answered 407 and counted (%j)',
    async (header) => {
      const wire = await dial(world);
      const answer = await send(wire, `CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n${header}\r\n`);
      expect(answer).toMatch(/^HTTP\/1\.1 407 /);
      expect(answer.toLowerCase()).toContain('proxy-authenticate: basic');
      expect(JSON.parse(bodyOf(answer))).toMatchObject({ status: 407 });
      expect(world.enforcer.unauthenticatedCount).toBe(1);
      expect(world.enforcer.refusals).toHaveLength(0);
    },
  );

  it.each([
    'api.test',
    'api.test:0',
    'api.test:443:443',
    '[::1',
    'api.test:65536',
    ':443',
    'user@api.test:443',
    'https://api.test:443/',
    'a b:1',
    '999.1.1.1:443',
    '/',
  ])('to %j is refused and recorded', async (target) => {
    const wire = await dial(world);
    const head = `Host: x\r\nProxy-Authorization: ${world.authorization}\r\n\r\n`;
    const answer = await send(wire, `CONNECT ${target} HTTP/1.1\r\n${head}`);
    // Some of these the parser takes for no target at all, and then nobody is known.
    expect(answer).toMatch(/^HTTP\/1\.1 40[03] /);
    expect(world.enforcer.refusals.length + world.enforcer.unauthenticatedCount).toBe(1);
  });

  it('takes what was sent with it as the first bytes inside', async () => {
    const wire = await dial(world);
    wire.send(
      `CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\nProxy-Authorization: ${world.authorization}\r\n\r\n` +
        'GET / HTTP/1.1\r\nHost: api.test:443\r\n\r\n',
    );
    await wire.until('\r\n\r\n');
    await world.enforcer.until(() => world.enforcer.decided.length > 0);
    expect(world.enforcer.decided[0]?.raw).toMatchObject({
      scheme: 'http',
      hostPort: 'api.test:443',
      target: '/',
    });
    wire.destroy();
  });

  it('inside a tunnel is refused', async () => {
    const wire = await tlsTunnel(world, 'api.test:443');
    const answer = await send(wire, 'CONNECT other.test:443 HTTP/1.1\r\nHost: other.test:443\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
    await refusedOnce();
  });
});

describe('a tunnel', () => {
  it('carries several requests of its session, and nothing of the credential', async () => {
    const wire = await tlsTunnel(world, 'api.test:443');
    for (const path of ['/a', '/b']) {
      wire.text = '';
      wire.send(`GET ${path} HTTP/1.1\r\nHost: api.test\r\n\r\n`);
      expect(await wire.until('from upstream')).toMatch(/^HTTP\/1\.1 200 /);
    }
    expect(world.enforcer.decided.map(({ raw }) => raw.target)).toEqual(['/a', '/b']);
    expect(world.enforcer.decided[0]?.caller).toEqual({
      token: SESSION.token,
      session: { sid: SESSION.sid, sub: SESSION.sub },
      source: SESSION.sid,
    });
    expect(world.enforcer.finished).toHaveLength(2);
    wire.destroy();
  });

  it('serves a name without SNI and an IP literal with a certificate for each', async () => {
    for (const hostPort of ['name.test:443', '192.0.2.5:443', '[2001:db8::5]:443']) {
      const outer = await tunnel(world, hostPort);
      outer.socket.removeAllListeners('data');
      const host = hostPort.replace(/:443$/, '').replace(/^\[|\]$/g, '');
      const inner = connectTls({ socket: outer.socket, host, ca: world.ca.certificatePem, servername: '' });
      await once(inner, 'secureConnect');
      expect(inner.authorized || inner.authorizationError).toBeTruthy();
      expect(inner.getPeerX509Certificate()?.subjectAltName).toMatch(/name\.test|192\.0\.2\.5|2001:DB8/);
      inner.destroy();
    }
  });

  it('answers 421 where the SNI is another host', async () => {
    const wire = await tlsTunnel(world, 'api.test:443', {
      servername: 'other.test',
      rejectUnauthorized: false,
    });
    const answer = await wire.send('GET / HTTP/1.1\r\nHost: api.test\r\n\r\n').until('\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 421 /);
    await refusedOnce();
    wire.destroy();
  });

  it.each(['other.test', 'api.test:8443', 'api.test.evil.test', 'localhost', ''])(
    'answers 421 where `Host` is %j',
    async (host) => {
      const wire = await tlsTunnel(world, 'api.test:443');
      const answer = await wire.send(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`).until('\r\n\r\n');
      expect(answer).toMatch(/^HTTP\/1\.1 421 /);
      expect(await refusedOnce()).toContain('Host');
      wire.destroy();
    },
  );

  it.each(['API.test', 'api.test.', 'api.test:443'])('takes `Host: %s` as the same host', async (host) => {
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    expect(await wire.until('from upstream')).toMatch(/^HTTP\/1\.1 200 /);
    wire.destroy();
  });

  it('answers 421 where the target in absolute form is another host', async () => {
    const wire = await tlsTunnel(world, 'api.test:443');
    const answer = await wire.send('GET https://b.test/ HTTP/1.1\r\nHost: b.test\r\n\r\n').until('\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 421 /);
    await refusedOnce();
    wire.destroy();
  });
});

describe('bad first bytes in a tunnel', () => {
  it.each([
    ['binary', '\x00\x01\x02'],
    ['an HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['lower case', 'get / http/1.1\r\n\r\n'],
  ])('%s is closed and recorded once', async (_name, bytes) => {
    const wire = await tunnel(world, 'api.test:443');
    await send(wire, bytes);
    expect(await refusedOnce()).not.toBe('');
  });

  it('a TLS client that hangs up in the middle of its handshake is one event', async () => {
    const wire = await tunnel(world, 'api.test:443');
    wire.send(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00]));
    wire.socket.end();
    expect(await refusedOnce()).toContain('hung up');
    await wire.end();
  });

  it('a TLS client that resets in the middle of its handshake is one event', async () => {
    const wire = await tunnel(world, 'api.test:443');
    wire.send(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00]));
    wire.socket.resetAndDestroy();
    expect(await refusedOnce()).toContain('hung up');
  });

  it('a broken ClientHello is one event', async () => {
    const wire = await tunnel(world, 'api.test:443');
    await send(wire, '\x16\x03\x01\x00\x05garbagegarbage');
    expect(await refusedOnce()).toContain('handshake');
  });

  it('a client that does not trust the certificate is one event that says so', async () => {
    const outer = await tunnel(world, 'api.test:443');
    outer.socket.removeAllListeners('data');
    const inner = connectTls({
      socket: outer.socket,
      servername: 'api.test',
      ca: world.upstreamCa.certificatePem,
    });
    await expect(once(inner, 'secureConnect')).rejects.toThrow('certificate');
    expect(await refusedOnce()).toMatch(/ERR_SSL_TLSV1_ALERT_UNKNOWN_CA|hung up/);
  });

  it('a broken record after the handshake closes the connection', async () => {
    const outer = await tunnel(world, 'api.test:443');
    outer.socket.removeAllListeners('data');
    const inner = connectTls({ socket: outer.socket, servername: 'api.test', ca: world.ca.certificatePem });
    await once(inner, 'secureConnect');
    const closed = once(outer.socket, 'close');
    inner.on('error', () => undefined);
    outer.socket.write(Buffer.from([0x17, 0x03, 0x03, 0x00, 0x20, ...Buffer.alloc(32, 7)]));
    await closed;
    expect(world.enforcer.decided).toHaveLength(0);
  });
});

describe('while the certificate of a host is made', () => {
  const hello = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00]);

  /** A world whose authority signs when it is let, and fails where it is told to. */
  async function slowWorld(fails = false): Promise<{ asked: Promise<unknown>; sign: () => void }> {
    await world.close();
    const dir = await temporaryDir();
    onTestFinished(dir.remove);
    const ca = await openCertificateAuthority(dir.path);
    const [asked, allowed] = [gate(), gate()];
    world = await startWorld(
      {},
      {
        ca: {
          ...ca,
          async signLeaf(...args) {
            asked.open();
            await allowed.opened;
            if (fails) throw new Error('planted');
            return ca.signLeaf(...args);
          },
        },
      },
    );
    return { asked: asked.opened, sign: allowed.open };
  }

  it.each(['end', 'resetAndDestroy'] as const)('a client that leaves (%s) is one event', async (leave) => {
    const { asked, sign } = await slowWorld();
    const wire = await tunnel(world, 'api.test:443');
    wire.send(hello);
    await asked;
    wire.socket[leave]();
    // Whatever the proxy sees of it, it sees before this.
    await tunnel(world, 'other.test:443').then((other) => other.destroy());
    sign();
    expect(await refusedOnce()).toContain('hung up');
  });

  it('a session that ends takes the tunnel with it', async () => {
    const { asked, sign } = await slowWorld();
    const wire = await tunnel(world, 'api.test:443');
    wire.send(hello);
    await asked;
    world.enforcer.transports.end(SESSION.sessionKey, 'POLICY_ABORT');
    await wire.end();
    sign();
    expect(await refusedOnce()).toContain('hung up');
  });

  it('a failure closes the tunnel and is one event', async () => {
    const { asked, sign } = await slowWorld(true);
    const wire = await tunnel(world, 'api.test:443');
    wire.send(hello);
    await asked;
    sign();
    expect(await wire.end()).not.toContain('planted');
    expect(await refusedOnce()).toContain('certificate');
  });
});

describe('a request that two servers could read in two ways', () => {
  const host = 'Host: api.test\r\n';
  it.each([
    [
      'content length and transfer coding',
      `POST / HTTP/1.1\r\n${host}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ['two content lengths', `POST / HTTP/1.1\r\n${host}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`],
    ['a list of content lengths', `POST / HTTP/1.1\r\n${host}Content-Length: 3, 3\r\n\r\nabc`],
    ['a signed content length', `POST / HTTP/1.1\r\n${host}Content-Length: +3\r\n\r\nabc`],
    ['bare line feeds', `GET / HTTP/1.1\nHost: api.test\n\n`],
    ['a bare line feed in the head', `GET / HTTP/1.1\r\nHost: api.test\nX: y\r\n\r\n`],
    ['a bare carriage return', `GET / HTTP/1.1\r\nHost: api.test\rX: y\r\n\r\n`],
    ['a folded header', `GET / HTTP/1.1\r\n${host}X: y\r\n z\r\n\r\n`],
    ['a space before the colon', `GET / HTTP/1.1\r\nHost : api.test\r\n\r\n`],
    ['NUL in a header', `GET / HTTP/1.1\r\n${host}X: a\0b\r\n\r\n`],
    [
      'another transfer coding',
      `POST / HTTP/1.1\r\n${host}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    ],
    ['an unknown transfer coding', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
    [
      'two transfer codings',
      `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    [
      'a transfer coding in HTTP/1.0',
      `POST / HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ['no host', 'GET / HTTP/1.1\r\n\r\n'],
    ['two hosts', `GET / HTTP/1.1\r\n${host}Host: other.test\r\n\r\n`],
    ['two equal hosts', `GET / HTTP/1.1\r\n${host}${host}\r\n`],
    ['HTTP/0.9', 'GET /\r\n\r\n'],
    ['an upgrade to WebSocket', `GET / HTTP/1.1\r\n${host}Connection: upgrade\r\nUpgrade: websocket\r\n\r\n`],
  ])('%s is refused and recorded once', async (_name, text) => {
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(text);
    const answer = await wire.until('}\n');
    expect(answer).toMatch(/^HTTP\/1\.1 4[0-9]{2} /);
    expect(JSON.parse(bodyOf(answer))).toMatchObject({
      firma: { outcome: 'DENY', reason: 'MALFORMED_REQUEST' },
    });
    await refusedOnce();
    expect(world.enforcer.decided).toHaveLength(0);
    wire.destroy();
  });

  it('an oversized head is answered 431 and recorded once', async () => {
    const wire = await tlsTunnel(world, 'api.test:443');
    const answer = await send(wire, `GET / HTTP/1.1\r\n${host}X: ${'a'.repeat(20_000)}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
    await refusedOnce();
  });

  it('more header fields than Node keeps by default are all seen', async () => {
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(`GET / HTTP/1.1\r\n${host}${'a:\r\n'.repeat(2500)}Host: other.test\r\n\r\n`);
    expect(await wire.until('\r\n\r\n')).toMatch(/^HTTP\/1\.1 403 /);
    expect(await refusedOnce()).toContain('more than one');
    wire.destroy();
  });
});

describe('outside a tunnel', () => {
  it('a request that is not in absolute form is refused', async () => {
    const wire = await dial(world);
    wire.send(
      `GET /healthz HTTP/1.1\r\nHost: api.test\r\nProxy-Authorization: ${world.authorization}\r\n\r\n`,
    );
    expect(await wire.until('\r\n\r\n')).toMatch(/^HTTP\/1\.1 403 /);
    await refusedOnce();
    wire.destroy();
  });

  it.each([
    ['GET ftp://api.test/ HTTP/1.1\r\nHost: api.test', 'scheme'],
    ['GET http://a@api.test/ HTTP/1.1\r\nHost: api.test', 'host'],
    ['GET http:// HTTP/1.1\r\nHost: api.test', 'host'],
    ['GET http://api.test/ HTTP/1.1\r\nHost: other.test', 'Host'],
  ])('%j is refused', async (head, word) => {
    const wire = await dial(world);
    const answer = await wire
      .send(`${head}\r\nProxy-Authorization: ${world.authorization}\r\n\r\n`)
      .until('\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 40[03] /);
    expect(world.enforcer.refusals.length + world.enforcer.unauthenticatedCount).toBe(1);
    expect(world.enforcer.refusals.join()).toContain(word);
    wire.destroy();
  });

  it('a session holds for its own request only', async () => {
    const wire = await dial(world);
    const first = 'GET http://api.test:443/ HTTP/1.1\r\nHost: api.test:443\r\n';
    world.enforcer.verdict = () => ({ outcome: 'DENY', reason: 'POLICY_FORBID' });
    await wire.send(`${first}Proxy-Authorization: ${world.authorization}\r\n\r\n`).until('}\n');
    wire.text = '';
    expect(await wire.send(`${first}\r\n`).until('}\n')).toMatch(/^HTTP\/1\.1 407 /);
    expect(world.enforcer.decided).toHaveLength(1);
    wire.destroy();
  });

  it('an unreadable request is nobody: answered, counted, no decision', async () => {
    const wire = await dial(world);
    expect(await send(wire, 'GET / HTTP/1.1\nHost: x\n\n')).toMatch(/^HTTP\/1\.1 400 /);
    expect(world.enforcer.unauthenticatedCount).toBe(1);
    expect(world.enforcer.refusals).toHaveLength(0);
  });
});
