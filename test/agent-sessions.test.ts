import { IssuanceDenied, sessionKeyOf } from '@firma/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AgentSessions } from '../src/agent-sessions.ts';
import type { Authority, IssueRequest } from '../src/authority/authority.ts';
import { builtinConfig } from '../src/config/builtin.ts';
import { type KnownSession, SessionDirectory } from '../src/session/directory.ts';
import { OpenTransports } from '../src/session/transports.ts';

const PROXY = 'http://127.0.0.1:3128';
const ISSUER = 'test-authority';
const ASKED = { agent: 'agent-7', groups: [], actions: ['code.read'], scope: ['*'], ttlS: 1000 };
const { config } = builtinConfig();

let asked: IssueRequest[];
let refuses: boolean;
let directory: SessionDirectory;
let transports: OpenTransports;
let sessions: AgentSessions;

/** An Authority whose n-th token is `token-n`. */
const authority: Pick<Authority, 'issue'> = {
  issue(request) {
    asked.push(request);
    if (refuses) return Promise.reject(new IssuanceDenied('no'));
    const { agent: sub, scope, ttlS } = request;
    const iat = Math.floor(Date.now() / 1000);
    const times = { iat, nbf: iat, exp: iat + ttlS };
    const sets = { groups: [], actionSet: ['code.read'], resourceScope: scope, budgets: [] };
    const ids = { iss: ISSUER, aud: 'firma', sub, sid: 'sid-1', jti: `${asked.length}`, contextHash: '' };
    return Promise.resolve({ token: `token-${asked.length}`, claims: { ...ids, ...times, ...sets } });
  },
};

function known(user: string, password: string): KnownSession | undefined {
  return directory.authenticate(`Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`);
}

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  refuses = false;
  directory = new SessionDirectory(2);
  transports = new OpenTransports();
  sessions = new AgentSessions(config, authority, directory, transports);
});

afterEach(() => {
  sessions.closeAll();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

describe('a session that is opened', () => {
  it('is known to the proxy by its credential, which holds nothing of its token', async () => {
    const opened = await sessions.open(ASKED, PROXY);
    expect(opened).toMatchObject({ proxy: PROXY, sid: 'sid-1' });
    expect([sessions.agentOf('sid-1'), sessions.agentOf('sid-2')]).toEqual(['agent-7', undefined]);
    expect(JSON.stringify(opened)).not.toContain('token-1');
    expect(known(opened.user, opened.password)).toEqual({
      sid: 'sid-1',
      sub: 'agent-7',
      token: 'token-1',
      sessionKey: sessionKeyOf(ISSUER, 'agent-7', 'sid-1'),
    });
    expect(sessions.count).toBe(1);
  });

  it('has the capability of the profile it names, or of the default one', async () => {
    await sessions.open({ profile: 'claude-code' }, PROXY);
    await sessions.open({ profile: undefined }, PROXY);
    expect(asked.map((request) => request.agent)).toEqual(['claude-code', 'agent']);
    await expect(sessions.open({ profile: 'none' }, PROXY)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('is none where the Authority refuses, or no further one fits', async () => {
    refuses = true;
    await expect(sessions.open(ASKED, PROXY)).rejects.toMatchObject({ code: 'ISSUANCE_DENIED' });
    refuses = false;
    await sessions.open(ASKED, PROXY);
    await sessions.open(ASKED, PROXY);
    await expect(sessions.open(ASKED, PROXY)).rejects.toMatchObject({ code: 'START_FAILED' });
    expect(sessions.count).toBe(2);
  });
});

describe('a session that is closed', () => {
  it('is cut, forgotten, and not renewed', async () => {
    const { user, password } = await sessions.open(ASKED, PROXY);
    const cut = vi.fn<() => void>();
    transports.attach(sessionKeyOf(ISSUER, 'agent-7', 'sid-1'), cut);
    sessions.close(user);
    sessions.close(user);
    expect(cut).toHaveBeenCalledOnce();
    expect(known(user, password)).toBeUndefined();
    expect(sessions.count).toBe(0);
    await vi.advanceTimersByTimeAsync(ASKED.ttlS * 1000);
    expect(asked).toHaveLength(1);
  });

  it.each([false, true])('while its renewal is under way stays closed (refused: %s)', async (refused) => {
    const { user, password } = await sessions.open(ASKED, PROXY);
    refuses = refused;
    vi.advanceTimersByTime(800_000);
    expect(asked).toHaveLength(2);
    sessions.close(user);
    await vi.advanceTimersByTimeAsync(ASKED.ttlS * 1000);
    expect(asked).toHaveLength(2);
    expect(known(user, password)).toBeUndefined();
  });
});

describe('the token of an open session', () => {
  it('is renewed in its last fifth, under whoever holds the session', async () => {
    const { user, password } = await sessions.open(ASKED, PROXY);
    const held = known(user, password);
    await vi.advanceTimersByTimeAsync(799_999);
    expect(held?.token).toBe('token-1');
    await vi.advanceTimersByTimeAsync(1);
    expect(asked[1]).toEqual({ ...ASKED, renews: 'token-1' });
    expect(held?.token).toBe('token-2');
    await vi.advanceTimersByTimeAsync(800_000);
    expect(asked[2]?.renews).toBe('token-2');
    expect(held?.token).toBe('token-3');
  });

  it('is asked for again after a refusal, twice a minute', async () => {
    const { user, password } = await sessions.open(ASKED, PROXY);
    refuses = true;
    await vi.advanceTimersByTimeAsync(800_000 + 29_999);
    expect(asked).toHaveLength(2);
    refuses = false;
    await vi.advanceTimersByTimeAsync(1);
    expect(known(user, password)?.token).toBe('token-3');
  });

  it.each([20, ASKED.ttlS])('of %i s is asked for no more once it can no longer be renewed', async (ttlS) => {
    const { user, password } = await sessions.open({ ...ASKED, ttlS }, PROXY);
    refuses = true;
    await vi.advanceTimersByTimeAsync(ttlS * 1000);
    const tries = asked.length;
    expect(tries).toBeGreaterThan(2);
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(24 * 3600 * 1000);
    expect(asked).toHaveLength(tries);
    expect(known(user, password)?.token).toBe('token-1');
  });
});
