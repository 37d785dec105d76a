import { parseCall, decisionJson, type DecisionJson } from '../../src/call.ts';
import { DecisionPoint } from '../../src/decision-point.ts';
import { ApiHandler } from '../../src/ingress/api.ts';
import type { AdapterOptions, Ingress } from '../../src/ingress/port.ts';
import { sharedStats, ThreadStats } from '../../src/metrics/thread-stats.ts';
import { type Entrance, MAPPINGS, POLICIES } from '../conformance/decisions.ts';
import { type Rig, rig } from '../decision/rig.ts';
import { ScriptedService } from './scripted-service.ts';

/** A point of decisions over real rooms, and what made it. */
export async function openPoint(): Promise<{ readonly rooms: Rig; readonly point: DecisionPoint }> {
  const rooms = await rig({ mappings: MAPPINGS, policies: POLICIES });
  const point = new DecisionPoint({
    decider: rooms.decider,
    log: { written: () => undefined },
    stats: new ThreadStats(sharedStats(1), 0),
    idempotencyHeaders: [],
  });
  return { rooms, point };
}

/** The decision API over it: what is asked beside decisions is scripted. */
export function apiOf(point: DecisionPoint): ApiHandler {
  const service = new ScriptedService();
  service.answer = (call, options) => point.decide(call, options);
  return new ApiHandler(service);
}

/** `/v1/decide` of an adapter, over real decisions. */
export async function entranceOver(start: (options: AdapterOptions) => Promise<Ingress>): Promise<Entrance> {
  const { rooms, point } = await openPoint();
  const listen = { host: '127.0.0.1', port: 0 };
  const ingress = await start({ listen, trusted: [], isShared: false, handler: apiOf(point) });
  return {
    token: () => rooms.token(),
    async decide(call) {
      const answer = await fetch(`http://127.0.0.1:${ingress.port}/v1/decide`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(call),
      });
      const body = (await answer.json()) as DecisionJson;
      return answer.status === 200 ? body : 'refused';
    },
    async close() {
      await ingress.close();
      point.close();
    },
  };
}

/** The same without a socket. */
export async function entranceWithoutSocket(): Promise<Entrance> {
  const { rooms, point } = await openPoint();
  return {
    token: () => rooms.token(),
    async decide(asked) {
      const call = parseCall(asked);
      if ('invalid' in call) return 'refused';
      const options = {
        transport: 'in-process',
        source: 'test',
        commit: 'answer',
        canonicalize: false,
      } as const;
      return decisionJson((await point.decide(call, options)).decision);
    },
    close: () => Promise.resolve(point.close()),
  };
}
