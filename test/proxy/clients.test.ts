import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fetch, ProxyAgent } from 'undici';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { describeTools } from '../tools.ts';
import { startWorld, type World } from './world.ts';

const run = promisify(execFile);

let world: World;

beforeAll(async () => {
  world = await startWorld({
    'api.test:443': (req, res) => {
      res.setHeader('x-path', req.url ?? '');
      if (req.url === '/moved') res.writeHead(302, { location: 'https://elsewhere.test/' }).end();
      else req.pipe(res);
    },
    'plain.test:80': (req, res) => {
      res.end(`plain ${req.url} ${req.headers.host}`);
    },
  });
});

beforeEach(() => {
  world.enforcer.verdict = () => ({});
});

afterAll(() => world.close());

async function curl(...args: string[]): Promise<string> {
  const { stdout } = await run('curl', [
    '-sS',
    '-m',
    '10',
    '-x',
    world.url,
    '--cacert',
    world.ca.certificateFile,
    ...args,
  ]);
  return stdout;
}

describeTools('curl', ['curl'], () => {
  it('reaches a TLS upstream through CONNECT', async () => {
    const out = await curl('-d', 'hello=world', '-i', 'https://api.test/v1/things?a=b');
    expect(out).toContain('HTTP/1.1 200');
    expect(out).toContain('x-path: /v1/things?a=b');
    expect(out).toMatch(/hello=world$/);
  });

  it('reaches a plain upstream in absolute form', async () => {
    expect(await curl('http://plain.test/hello')).toBe('plain /hello plain.test');
  });

  it('reaches a plain upstream through CONNECT', async () => {
    expect(await curl('--proxytunnel', 'http://plain.test/hello')).toBe('plain /hello plain.test');
  });

  it('is shown the reason of a denial inside the tunnel', async () => {
    world.enforcer.verdict = () => ({
      outcome: 'DENY',
      reason: 'POLICY_FORBID',
      detail: 'not this one',
      remedy: 'ask',
    });
    const out = await curl('-i', '-X', 'DELETE', 'https://api.test/repos/a');
    expect(out).toContain('HTTP/1.1 403');
    expect(out).toContain('content-type: application/problem+json');
    const body: unknown = JSON.parse(out.slice(out.indexOf('{')));
    expect(body).toMatchObject({
      status: 403,
      detail: 'not this one',
      firma: { reason: 'POLICY_FORBID', remedy: 'ask' },
    });
  });

  it('is shown a redirect instead of its target', async () => {
    expect(await curl('-i', 'https://api.test/moved')).toContain('location: https://elsewhere.test/');
  });

  it('uploads with `Expect: 100-continue` without waiting', async () => {
    const file = join(world.stateDir, 'upload');
    await writeFile(file, Buffer.alloc(2_000_000, 'x'));
    const expecting = ['-H', 'Expect: 100-continue', '--expect100-timeout', '9', '--data-binary', `@${file}`];
    const written = ['-o', '/dev/null', '-w', '%{size_upload} %{size_download} %{http_code}'];
    expect(await curl(...expecting, ...written, 'https://api.test/')).toBe('2000000 2000000 200');

    world.enforcer.verdict = () => ({ outcome: 'DENY', reason: 'POLICY_FORBID' });
    expect(await curl(...expecting, ...written, 'https://api.test/')).toMatch(/^0 [0-9]+ 403$/);
  });

  it('is told by 407 that a session is missing', async () => {
    const before = world.enforcer.unauthenticatedCount;
    const proxy = `http://127.0.0.1:${world.proxy.port}`;
    const { stdout } = await run('curl', ['-sS', '-m', '10', '-i', '-x', proxy, 'http://plain.test/']);
    expect(stdout).toContain('HTTP/1.1 407');
    expect(stdout.toLowerCase()).toContain('proxy-authenticate: basic');
    expect(world.enforcer.unauthenticatedCount).toBe(before + 1);
  });
});

describeTools('git', ['git'], () => {
  it('is shown the reason as text', async () => {
    world.enforcer.verdict = () => ({ outcome: 'DENY', reason: 'POLICY_FORBID', detail: 'no cloning here' });
    const env = {
      PATH: process.env['PATH'],
      HOME: world.stateDir,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
      https_proxy: world.url,
      GIT_SSL_CAINFO: world.ca.certificateFile,
    };
    const failed: unknown = await run('git', ['ls-remote', 'https://api.test/a/b.git'], { env }).catch(
      (e: unknown) => e,
    );
    expect(String(failed)).toContain('no cloning here');
  });
});

describe("undici's proxy agent", () => {
  it('reaches TLS and plain upstreams', async () => {
    const dispatcher = new ProxyAgent({ uri: world.url, requestTls: { ca: world.ca.certificatePem } });
    try {
      const secure = await fetch('https://api.test/x', { method: 'POST', body: 'abc', dispatcher });
      expect(await secure.text()).toBe('abc');
      const plain = await fetch('http://plain.test/y', { dispatcher });
      expect(await plain.text()).toBe('plain /y plain.test');
    } finally {
      await dispatcher.close();
    }
  });
});
