import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readMix } from '../../src/load/read-mix.ts';
import { ALLOWED, answerOf, type Got, type ScriptedServer, scriptedServer } from '../load/scripted-server.ts';
import { firma, type Finished } from './firma.ts';

const MIX = `
agents.actions = ["code.read"]
calls.denials = 0.5
[[endpoints]]
url = "https://api.github.com/repos/o/r"
[[endpoints]]
url = "https://api.github.com/user/keys"
denied = true
`;

let dir = '';
let server: ScriptedServer | undefined;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'firma-load-'));
  await writeFile(join(dir, 'mix.toml'), MIX);
});
afterAll(() => rm(dir, { recursive: true, force: true }));
afterEach(async () => {
  await server?.close();
  server = undefined;
});

function run(...args: readonly string[]): Promise<Finished> {
  return firma(['load', '--state-dir', join(dir, 'state'), ...args], { cwd: dir });
}

async function against(script: (got: Got) => void, ...args: readonly string[]): Promise<Finished> {
  server = await scriptedServer(script);
  const url = `http://127.0.0.1:${server.port}`;
  return run(
    '--url',
    url,
    '--mix',
    'mix.toml',
    '--agents',
    '3',
    '--rate',
    '100',
    '--duration',
    '300ms',
    ...args,
  );
}

/** Answers as a sidecar would: by what is asked for. */
const decide = ({ request, socket }: Got): void => {
  const denied = '{"outcome":"DENY","reason":"ACTION_NOT_GRANTED"}';
  socket.write(answerOf(request.includes('/user/keys') ? denied : ALLOWED));
};

describe('firma load', () => {
  it('asks as the mix says, with tokens of its own, and prints figures but no token', async () => {
    const { code, err, out } = await against(decide, '--json', '--html', 'load.html', '--budget', 'max=1m');
    expect(code).toBe(0);
    const result: unknown = JSON.parse(out);
    expect(result).toMatchObject({
      v: 1,
      target: 'decide',
      rate: 100,
      due: 30,
      sent: 30,
      answered: 30,
      unsent: 0,
      errors: {},
      interrupted: false,
      budgets: [{ quantile: 'max', ok: true }],
    });
    const requests = server?.requests ?? [];
    const tokens = new Set(requests.map((request) => /"token":"([^"]+)"/.exec(request)?.[1] ?? ''));
    expect(tokens.size).toBeGreaterThan(1);
    expect(tokens.size).toBeLessThanOrEqual(4);
    const page = await readFile(join(dir, 'load.html'), 'utf8');
    for (const token of tokens) {
      expect(token.split('.')).toHaveLength(3);
      expect(out + err + page).not.toContain(token);
    }
    const denied = requests.filter((request) => request.includes('/user/keys')).length;
    expect(result).toMatchObject({ outcomes: { DENY: denied, ALLOW: 30 - denied } });
    expect(page).toContain('<svg ');
  });

  it('prints a table for a person, and fails where an answer is no decision', async () => {
    const { code, out } = await against((got) => {
      if (got.index > 0) decide(got);
      else got.socket.write(answerOf('{}', '500 Internal Server Error'));
    });
    expect(code).toBe(1);
    for (const text of ['p99.9', 'since it was due', 'ALLOW OK', 'DENY ACTION_NOT_GRANTED', 'status 500']) {
      expect(out).toContain(text);
    }
  });

  it('makes a mix from the tables and policies in force that reads back', async () => {
    const { code, out } = await run('--print-mix');
    expect(code).toBe(0);
    const { agents, endpoints } = readMix(out, 'mix.toml');
    expect(agents.actions).toContain('code.read');
    expect(agents.actions).not.toContain('repo.admin');
    expect(endpoints.length).toBeGreaterThan(30);
    expect(endpoints.some(({ body, denied }) => body !== '' && !denied)).toBe(true);
  });

  it('asks nobody but this machine, unless it is told that the other is owned', async () => {
    const { code, err } = await run('--url', 'http://203.0.113.7:81', '--mix', 'mix.toml');
    expect(code).toBe(2);
    expect(err).toContain('--i-own-this-host');
  });

  it('asks nothing of the proxy that would leave this machine', async () => {
    const { code, err } = await run('--target', 'proxy', '--url', 'http://127.0.0.1:1');
    expect(code).toBe(2);
    expect(err).toContain('[[sidecar.upstream.overrides]]');
  });

  it('says before the load that its page has no place', async () => {
    const { code, err } = await run('--url', 'http://127.0.0.1:1', '--html', 'none/load.html');
    expect(code).toBe(2);
    expect(err).toContain('--html');
  });

  it('says that no sidecar runs', async () => {
    const { code, err } = await run();
    expect(code).toBe(3);
    expect(err).toContain('firma sidecar');
  });
});
