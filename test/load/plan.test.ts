import { describe, expect, it } from 'vitest';
import type { Mix } from '../../src/load/mix.ts';
import { Plan, sessionsOf } from '../../src/load/plan.ts';

const endpoint = { method: 'GET', headers: {}, body: '' };
const MIX: Mix = {
  agents: { actions: ['code.read'], scope: ['*'], groups: [], zipf: 1, callsPerSession: 100 },
  calls: { zipf: 1, denials: 0.1, coldTokens: 0.01 },
  endpoints: [
    { ...endpoint, url: 'https://a.example/1', denied: false },
    { ...endpoint, url: 'https://a.example/2', denied: true },
    { ...endpoint, url: 'https://a.example/3', denied: false },
  ],
};

interface Step {
  readonly agent: number;
  readonly endpoint: number;
  readonly begins: boolean;
}

function steps(mix: Mix, agents: number, seed: number, count: number): Step[] {
  const plan = new Plan(mix, agents, seed);
  return Array.from({ length: count }, () => {
    plan.step();
    return { agent: plan.agent, endpoint: plan.endpoint, begins: plan.beginsSession };
  });
}

describe('a plan of calls', () => {
  it('follows from the seed', () => {
    expect(steps(MIX, 20, 1, 200)).toEqual(steps(MIX, 20, 1, 200));
    expect(steps(MIX, 20, 1, 200)).not.toEqual(steps(MIX, 20, 2, 200));
  });

  it('holds to the shares of the mix', () => {
    const made = steps(MIX, 50, 1, 50_000);
    const denied = made.filter((step) => step.endpoint === 1).length / made.length;
    expect(Math.abs(denied - 0.1)).toBeLessThan(0.01);
    const toFirst = made.filter((step) => step.endpoint === 0).length;
    const toSecond = made.filter((step) => step.endpoint === 2).length;
    expect(Math.abs(toFirst / toSecond - 2)).toBeLessThan(0.1);
  });

  it('begins a session with the first call of an agent, and lets none make more calls than it may', () => {
    const calls = new Map<number, number>();
    for (const { agent, begins } of steps(MIX, 5, 1, 5000)) {
      expect(begins || calls.has(agent)).toBe(true);
      const made = begins ? 1 : (calls.get(agent) ?? 0) + 1;
      expect(made).toBeLessThanOrEqual(100);
      calls.set(agent, made);
    }
  });

  it('says beforehand how many sessions each agent begins', () => {
    const begun = [0, 0, 0, 0];
    for (const { agent, begins } of steps(MIX, 4, 9, 3000))
      if (begins) begun[agent] = (begun[agent] ?? 0) + 1;
    expect([...sessionsOf(new Plan(MIX, 4, 9), 4, 3000, 10_000)]).toEqual(begun);
  });

  it('counts no more sessions than it is asked for', () => {
    const sessions = sessionsOf(new Plan(MIX, 4, 9), 4, 100_000, 7);
    expect(sessions.reduce((sum, count) => sum + count, 0)).toBe(7);
  });
});
