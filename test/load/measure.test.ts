import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isSuccess, measure, type MeasureOptions } from '../../src/load/measure.ts';
import type { Mix } from '../../src/load/mix.ts';
import { ALLOWED, answerOf, type ScriptedServer, scriptedServer } from './scripted-server.ts';

const MIX: Mix = {
  agents: { actions: ['code.read'], scope: ['*'], groups: [], zipf: 0, callsPerSession: 5 },
  calls: { zipf: 0, denials: 0, coldTokens: 0 },
  endpoints: [{ method: 'GET', url: 'https://a.example/', headers: {}, body: '', denied: false }],
};

let server: ScriptedServer;
beforeEach(async () => {
  server = await scriptedServer(({ socket }) => void socket.write(answerOf(ALLOWED)));
});
afterEach(() => server.close());

function options(): MeasureOptions {
  return {
    target: 'decide',
    endpoint: { host: '127.0.0.1', port: server.port },
    hostHeader: 'x',
    mix: MIX,
    agents: 2,
    rate: 200,
    durationMs: 100,
    warmupMs: 0,
    connections: 2,
    seed: 1,
    bodyBytes: 300,
    timeoutMs: 5000,
    credentials: { chars: 5, of: (agent, begins) => `${agent}-${begins ? 'new' : 'old'}` },
    budgets: new Map(),
  };
}

describe('a measured run', () => {
  it('says what was asked and what came', async () => {
    const result = await measure(options());
    expect(result).toMatchObject({
      v: 1,
      address: `127.0.0.1:${server.port}`,
      endpoints: 1,
      rate: 200,
      durationS: 0.1,
      due: 20,
      answered: 20,
    });
    expect(result.requestBytes).toBeGreaterThan(300);
    expect(isSuccess(result)).toBe(true);
  });

  it('has an agent begin a session with its first call, and after as many as the mix says', async () => {
    await measure(options());
    const begun = server.requests.filter((request) => request.includes('-new')).length;
    // Twenty calls of two agents, five a session.
    expect(begun).toBeGreaterThanOrEqual(4);
    expect(begun).toBeLessThanOrEqual(5);
  });

  it('leaves what came before it, to warm up, out of the figures', async () => {
    const result = await measure({ ...options(), warmupMs: 50 });
    expect(result).toMatchObject({ due: 20, answered: 20, warmupS: 0.05 });
    expect(server.requests).toHaveLength(30);
  });

  it('holds latencies to budgets, each by its name', async () => {
    const budgets: MeasureOptions['budgets'] = new Map([
      ['p50', 0.0001],
      ['p99.9', 60_000],
    ]);
    const result = await measure({ ...options(), budgets });
    expect(result.budgets).toEqual([
      { quantile: 'p50', limitMs: 0.0001, latencyMs: result.latencyMs.p50, ok: false },
      { quantile: 'p99.9', limitMs: 60_000, latencyMs: result.latencyMs.p999, ok: true },
    ]);
    expect(isSuccess(result)).toBe(false);
    expect(isSuccess({ ...result, budgets: [] })).toBe(true);
    expect(isSuccess({ ...result, budgets: [], errors: { reset: 1 } })).toBe(false);
    expect(isSuccess({ ...result, budgets: [], unsent: 1 })).toBe(false);
    expect(isSuccess({ ...result, budgets: [], reasons: { 'DENY POLICY_FORBID': 20 } })).toBe(true);
    expect(isSuccess({ ...result, budgets: [], reasons: { 'DENY INTERNAL': 1 } })).toBe(false);
  });
});
