import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { decisionJson, type DecisionJson } from '../../src/call.ts';
import { verifyRunLog } from '../../src/audit/verify-run.ts';
import { trust } from '../../src/config/trust.ts';
import { type Sidecar, startSidecarHere } from '../../src/sidecar.ts';
import { MAPPINGS, POLICIES } from '../conformance/decisions.ts';
import { makeLastingDir } from '../config/place.ts';

const REQUESTS = 10_000;
const A_BATCH = 1_000;
const SESSIONS = 20;
const ASKED = {
  agent: 'a',
  groups: [],
  actions: ['code.read', 'code.write', 'payment.transfer'],
  scope: ['api.test', 'pay.test'],
  ttlS: 3000,
};

function config(ingress: string): string {
  return `
[sidecar.mapping]
rules_path = "own.toml"
[sidecar.policy]
path = "own.cedar"
[[sidecar.budgets]]
name = "writes"
match = ["code.write"]
max_calls = 100
[[sidecar.budgets]]
name = "spend"
match = ["payment.transfer"]
max_amount = 900000
currency = "usd"
per = "sidecar"
[sidecar.ingress]
${ingress}
`;
}

// A policy that looks at what the session did before, so that the order within a session matters.
const WALL = `
@id("wall") forbid (principal, action == Firma::Action::"payment.transfer", resource)
when { context.session.calls > 400 && context.session.denies > 20 };
`;

interface Asked {
  readonly session: number;
  readonly call: {
    readonly method: string;
    readonly url: string;
    readonly headers?: object;
    readonly body?: string;
  };
}

/** The same ones each time: a linear congruential generator of their own. */
function requests(): Asked[] {
  let state = 42;
  const below = (limit: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % limit;
  };
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  return Array.from({ length: REQUESTS }, () => {
    const session = below(SESSIONS);
    const repository = `https://api.test/repos/o/r${below(50)}`;
    const kinds = [
      { method: 'GET', url: repository },
      { method: 'POST', url: repository, body: '{}' },
      { method: 'DELETE', url: repository },
      { method: 'GET', url: `https://api.test/unknown/${below(9)}` },
      { method: 'GET', url: 'https://api.test/a/../b' },
      {
        method: 'POST',
        url: 'https://pay.test/charges',
        headers: form,
        body: `amount=${below(6_000)}&currency=usd`,
      },
    ];
    return { session, call: kinds[below(kinds.length)] ?? { method: 'GET', url: repository } };
  });
}

type Summary = readonly unknown[];

function summary({
  outcome,
  reason,
  action_class: kind,
  policies,
  resource,
  budgets,
}: DecisionJson): Summary {
  return [outcome, reason, kind, policies, resource, budgets];
}

async function withSidecar<T>(ingress: string, run: (sidecar: Sidecar) => Promise<T>): Promise<T> {
  const { root, remove } = makeLastingDir({
    'firma.toml': config(ingress),
    'own.toml': MAPPINGS,
    'own.cedar': POLICIES + WALL,
  });
  const place = { config: join(root, 'firma.toml'), stateDir: join(root, 'state') };
  await trust(place.config, place.stateDir);
  const sidecar = await startSidecarHere(place);
  try {
    return await run(sidecar);
  } finally {
    await sidecar.close();
    remove();
  }
}

async function tokensOf({ firma }: Sidecar): Promise<string[]> {
  const issued = Array.from({ length: SESSIONS }, () => firma.parts.authority.issue(ASKED));
  return (await Promise.all(issued)).map(({ token }) => token);
}

/** Every request in order, a thousand at a time. */
async function throughApi(sidecar: Sidecar, asked: readonly Asked[]): Promise<Summary[]> {
  const tokens = await tokensOf(sidecar);
  const found: Summary[] = [];
  for (let from = 0; from < asked.length; from += A_BATCH) {
    const calls = asked
      .slice(from, from + A_BATCH)
      .map(({ session, call }) => ({ ...call, token: tokens[session] }));
    const response = await fetch(`${sidecar.info.ingress}/v1/decide/batch`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ calls }),
    });
    const { decisions } = (await response.json()) as { decisions: DecisionJson[] };
    found.push(...decisions.map(summary));
  }
  return found;
}

describe('the same ten thousand requests', () => {
  const asked = requests();
  let expected: Summary[] = [];

  beforeAll(async () => {
    expected = await withSidecar('', async (sidecar) => {
      const tokens = await tokensOf(sidecar);
      const found: Summary[] = [];
      for (const { session, call } of asked) {
        const { headers, ...rest } = call;
        const whole = {
          ...rest,
          ...(headers === undefined ? {} : { headers: { ...headers } as Record<string, string> }),
        };
        found.push(
          summary(decisionJson(await sidecar.firma.decide({ ...whole, token: tokens[session] ?? '' }))),
        );
      }
      return found;
    });
  }, 60_000);

  it('meet every outcome there is to meet', () => {
    const reasons = new Set(expected.map(([, reason]) => reason));
    expect([...reasons].sort()).toEqual([
      'ACTION_NOT_GRANTED',
      'BUDGET_EXCEEDED',
      'MALFORMED_REQUEST',
      'OK',
      'POLICY_FORBID',
      'UNCLASSIFIED_ACTION',
    ]);
  });

  it.each([
    ['one thread that listens and decides', 'workers = 1'],
    ['two of them on one port', 'workers = 2'],
    ['one that listens and two that decide', 'workers = 2\nplacement = "pool"'],
    ['node:http', 'adapter = "node"'],
  ])(
    'get the same decisions through %s',
    async (_what, ingress) => {
      await withSidecar(ingress, async (sidecar) => {
        expect(await throughApi(sidecar, asked)).toEqual(expected);
      });
    },
    60_000,
  );
});

describe('two threads that decide', () => {
  let outcome: {
    readonly decisions: number;
    readonly perSession: Map<string, number[]>;
    readonly ok: boolean;
  };

  // Ten callers at once, each on a connection of its own, with the sessions shared among them.
  beforeAll(async () => {
    outcome = await withSidecar('workers = 2', async (sidecar) => {
      const tokens = await tokensOf(sidecar);
      const ask = async (offset: number): Promise<void> => {
        for (let turn = 0; turn < 100; turn++) {
          const token = tokens[(turn + offset) % tokens.length];
          const response = await fetch(`${sidecar.info.ingress}/v1/decide`, {
            method: 'POST',
            headers: { 'content-type': 'application/json', connection: 'close' },
            body: JSON.stringify({ token, method: 'GET', url: 'https://api.test/repos/o/r' }),
          });
          expect(response.status).toBe(200);
          expect(await response.json()).toMatchObject({ outcome: 'ALLOW' });
        }
      };
      await Promise.all(Array.from({ length: 10 }, (_, at) => ask(at)));
      const { runDir, state } = sidecar.firma.parts;
      await sidecar.close();
      const lines = readFileSync(join(runDir, 'events-0.jsonl'), 'utf8').trimEnd().split('\n');
      const perSession = new Map<string, number[]>();
      for (const line of lines) {
        const record = JSON.parse(line) as { kind: string; session_id: string; session: { calls: number } };
        if (record.kind !== 'decision') continue;
        const calls = perSession.get(record.session_id) ?? [];
        calls.push(record.session.calls);
        perSession.set(record.session_id, calls);
      }
      const verifierKey = readFileSync(state.logKeyFile.replace(/key$/, 'vkey'), 'utf8');
      const { ok } = await verifyRunLog(runDir, { verifierKey });
      const decisions = [...perSession.values()].reduce((sum, { length }) => sum + length, 0);
      return { decisions, perSession, ok };
    });
  }, 60_000);

  it('leave every decision in the log, which verifies', () => {
    expect(outcome.decisions).toBe(1_000);
    expect(outcome.ok).toBe(true);
  });

  it('decide about a session one call after the other, and record them in that order', () => {
    for (const calls of outcome.perSession.values()) {
      expect(calls).toEqual(Array.from({ length: calls.length }, (_, at) => at + 1));
    }
  });
});
