// One decision in process, its whole record handed over as bytes: how long it takes, and where each part of it goes.
// A part's share is what it takes by itself, or what the median loses where the part is left out.

import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import {
  type AuditPort,
  type Caller,
  CompiledEngine,
  compileScope,
  Decider,
  type Decision,
  type Envelope,
  type InForce,
  linkBundle,
  loadBundle,
  loadMappings,
  Normalizer,
  type PolicyQuery,
  type RawRequest,
  ReferenceEngine,
  RevocationSet,
  SessionTable,
  startCedar,
  TokenVerifier,
} from '@firma/core';
import { serialize } from '../../src/audit/serialize.ts';
import { cedarModule } from '../../src/cedar-module.ts';
import { sha256Hex } from '../../src/sha256.ts';
import { systemClock } from '../../src/wall-clock.ts';
import { assertAllowed, NO_BODY, READ_REPOSITORY } from '../workloads/decisions.ts';
import { shippedTables } from '../workloads/requests.ts';

const POLICIES = `
@id("read-code") permit (principal, action == Firma::Action::"code.read", resource);
@id("runaway") @outcome("abort") forbid (principal, action, resource) when { context.session.denies > 1000 };
`;
const ACTIONS = [
  'code.read',
  'code.review.read',
  'code.write',
  'issue.read',
  'issue.write',
  'payment.transfer',
];
const TTL_S = 3600;
const RING_BYTES = 1 << 20;

/** `token` and `handle` are whole decisions, `unwritten` is one without its record; the others are parts by themselves. */
const CASES = ['token', 'handle', 'unwritten', 'hash', 'prepare', 'session', 'policies', 'nothing'] as const;
type Case = (typeof CASES)[number];

/** Of one case, in microseconds: the lowest of all rounds, because noise only adds. */
export interface InProcessFigure {
  readonly medianUs: number;
  readonly p99Us: number;
  readonly p999Us: number;
}

export interface InProcess {
  readonly figures: ReadonlyMap<Case, InProcessFigure>;
  readonly lineBytes: number;
}

/** Takes lines as the log's rings do: as UTF-8, in memory that is there already. */
class Ring implements AuditPort {
  readonly #bytes = Buffer.alloc(RING_BYTES);
  #at = 0;
  lastBytes = 0;

  append(record: Parameters<AuditPort['append']>[0]): boolean {
    const line = serialize(record);
    if (line === undefined) return false;
    if (this.#at + 3 * line.length > RING_BYTES) this.#at = 0;
    this.lastBytes = this.#bytes.write(line, this.#at);
    this.#at += this.lastBytes;
    return true;
  }
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function mint(key: KeyObject): string {
  const nowS = Math.floor(Date.now() / 1000);
  const sid = randomBytes(16).toString('base64url');
  const input = `${encode({ alg: 'EdDSA', typ: 'firma-cap+jwt', kid: 'bench' })}.${encode({
    iss: 'bench',
    aud: 'bench',
    sub: 'bench',
    groups: ['benches'],
    sid,
    jti: sid,
    iat: nowS,
    nbf: nowS,
    exp: nowS + TTL_S,
    action_set: ACTIONS,
    resource_scope: ['*'],
    context_hash: sha256Hex(sid),
  })}`;
  const token = `${input}.${sign(null, Buffer.from(input), key).toString('base64url')}`;
  // As it comes from a socket: in memory of its own.
  return Buffer.from(token, 'latin1').toString('latin1');
}

type Run = (turn: number) => void;

interface Opened {
  readonly runs: ReadonlyMap<Case, Run>;
  readonly ring: Ring;
}

async function open(agents: number): Promise<Opened> {
  startCedar(cedarModule());
  const mappings = loadMappings(shippedTables());
  const bundle = loadBundle([{ file: 'bench.cedar', text: POLICIES }], {
    params: mappings.params,
    budgets: [],
  });
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const { crv, kty, x } = publicKey.export({ format: 'jwk' });
  const verifier = await TokenVerifier.create({
    issuer: 'bench',
    audience: 'bench',
    skewS: 5,
    maxTtlS: TTL_S,
    keys: new Map([['bench', { crv, kty, x }]]),
    sha256Hex,
    compileScope,
  });
  const revocations = new RevocationSet();
  revocations.replace({ sequence: 1, jti: [], sid: [], sub: [] }, Date.now() / 1000);
  const sessions = await SessionTable.open({ budgets: [], sha256Hex, steadyMs: () => performance.now() });
  const engine = new CompiledEngine(new ReferenceEngine(bundle), linkBundle(bundle));
  const inForce: InForce = { normalizer: new Normalizer(mappings), engine, configDigest: sha256Hex('bench') };
  const ring = new Ring();
  const deciderWith = (audit: AuditPort): Decider =>
    new Decider({
      defaultProtected: true,
      verifier,
      revocations,
      skewS: 5,
      sessions,
      idempotencyHeaders: [],
      audit,
      wallClock: systemClock(),
      randomBytes,
      sha256Hex,
      origin: { sidecarId: 'bench' },
      inForce,
      onSessionEnd: () => undefined,
    });
  const whole = deciderWith(ring);

  const raws = Array.from({ length: agents }, (_, at): RawRequest => {
    const target = Buffer.from(`${READ_REPOSITORY.target}-${at}`).toString('latin1');
    return { ...READ_REPOSITORY, target };
  });
  const byToken: Caller[] = raws.map(() => ({ token: mint(privateKey) }));
  const byHandle: Caller[] = [];
  const decisions: Decision[] = [];
  for (const caller of byToken) {
    const handle = await whole.session(caller.token ?? '');
    if ('refused' in handle) throw new Error(handle.detail);
    byHandle.push({ handle });
    const decision = await whole.decide(whole.prepare(READ_REPOSITORY), NO_BODY, caller);
    assertAllowed(decision);
    whole.answered(decision);
    decisions.push(decision);
  }
  const asked = askedOf(decisions[0]?.envelope ?? never());
  const deciding =
    (decider: Decider, callers: readonly Caller[]): Run =>
    (turn) => {
      const at = turn % agents;
      const decision = decider.decide(decider.prepare(raws[at] ?? never()), NO_BODY, callers[at] ?? never());
      if (decision instanceof Promise) throw new Error('a warm decision is there at once');
      assertAllowed(decision);
      decider.answered(decision);
    };
  const identities = decisions.map(({ capability }) => {
    const { claims, sessionKey } = capability ?? never();
    return { key: sessionKey, iss: claims.iss, sub: claims.sub, sid: claims.sid };
  });
  return {
    ring,
    runs: new Map<Case, Run>([
      ['token', deciding(whole, byToken)],
      ['handle', deciding(whole, byHandle)],
      ['unwritten', deciding(deciderWith({ append: () => true }), byHandle)],
      [
        'hash',
        (turn) =>
          void (sha256Hex(CONTEXT_SIZED[turn % CONTEXT_SIZED.length] ?? never()).length === 64 || never()),
      ],
      ['policies', () => void (engine.evaluate(asked) instanceof Promise && never())],
      ['nothing', () => undefined],
      [
        'prepare',
        (turn) => void (whole.prepare(raws[turn % agents] ?? never()).bodyNeed === 'none' || never()),
      ],
      [
        'session',
        (turn) => {
          const handle = sessions.open(identities[turn % agents] ?? never(), 0, NO_BUDGETS);
          if (typeof handle !== 'number' || !sessions.enter(handle)) throw new Error('no session');
          const reserved = sessions.reserve(handle, CHARGE);
          if ('reason' in reserved || sessions.abortReason(handle) !== undefined) throw new Error('no room');
          if (sessions.snapshot(handle, 0).calls === 0) throw new Error('no call');
          sessions.countAllow(handle, CHARGE.classIndex, CHARGE.host, reserved.id);
          sessions.leave(handle);
          sessions.commit(reserved.id);
          sessions.release(reserved.id);
        },
      ],
    ]),
  };
}

const NO_BUDGETS = Object.freeze([]);
const CHARGE = {
  classIndex: 0,
  otherClasses: [],
  amount: undefined,
  currency: undefined,
  host: 'api.github.com',
  idempotencyHeader: undefined,
  idempotency: undefined,
};

/** About as long as the context of a decision. */
const CONTEXT_SIZED = Array.from({ length: 64 }, () => randomBytes(350).toString('hex'));

const NO_NAMES = Object.freeze([]);

function askedOf({ readings: [{ actionClass, resource }] }: Envelope): PolicyQuery {
  return {
    principal: { id: 'bench', groups: NO_NAMES },
    action: actionClass,
    resource,
    context: {
      session: {
        id: 'bench',
        ageS: 0,
        calls: 1,
        denies: 0,
        classes: NO_NAMES,
        tools: NO_NAMES,
        hosts: NO_NAMES,
        injected: NO_NAMES,
        lastClass: '',
      },
      budget: {},
      request: { method: 'GET', scheme: 'https', transport: 'proxy', bodyBytes: 0, queryPresent: false },
      nowMs: 0,
      capability: { actions: NO_NAMES, scope: NO_NAMES, ageS: 0, ttlS: 0 },
      params: {},
    },
  };
}

function never(): never {
  throw new Error('nothing there');
}

function timed(run: Run, calls: number): Float64Array {
  const times = new Float64Array(calls);
  for (let turn = 0; turn < calls; turn++) {
    const startedAt = performance.now();
    run(turn);
    times[turn] = performance.now() - startedAt;
  }
  return times.sort();
}

function quantileUs(sorted: Float64Array, share: number): number {
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) * 1000;
}

/** Measures all cases once a round, in turns, forwards and backwards. */
export async function measureInProcess(rounds: number, calls: number, agents = 1): Promise<InProcess> {
  const { ring, runs } = await open(agents);
  const lowest = new Map<Case, InProcessFigure>();
  for (const run of runs.values()) timed(run, calls);
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? CASES : CASES.toReversed()) {
      globalThis.gc?.();
      const times = timed(runs.get(name) ?? never(), calls);
      const before = lowest.get(name);
      const least = (share: number, known = Infinity): number => Math.min(known, quantileUs(times, share));
      lowest.set(name, {
        medianUs: least(0.5, before?.medianUs),
        p99Us: least(0.99, before?.p99Us),
        p999Us: least(0.999, before?.p999Us),
      });
    }
  }
  return { figures: lowest, lineBytes: ring.lastBytes };
}

/** The figures in Markdown: the whole, then where each microsecond of it goes. */
export function inProcessLines({ figures, lineBytes }: InProcess): readonly string[] {
  const of = (name: Case): InProcessFigure => figures.get(name) ?? never();
  const us = (value: number): string => value.toFixed(2);
  const row = (what: string, { medianUs, p99Us, p999Us }: InProcessFigure): string =>
    `| ${what} | ${us(medianUs)} | ${us(p99Us)} | ${us(p999Us)} |`;
  const { medianUs: byToken } = of('token');
  const { medianUs: byHandle } = of('handle');
  // What it costs to look at the clock before and after.
  const { medianUs: clockUs } = of('nothing');
  const alone = (name: Case): number => of(name).medianUs - clockUs;
  const parts: readonly (readonly [string, number])[] = [
    ['token: SHA-256 of its text, look-up', byToken - byHandle],
    ['prepare: canonical target, rule', alone('prepare')],
    ['session: open, reserve, snapshot, count, commit, release', alone('session')],
    ['policies', alone('policies')],
    ['record: SHA-256 of the context', alone('hash')],
    ['record: context, line, written into the ring', byHandle - of('unwritten').medianUs - alone('hash')],
    ['looking at the clock, by this bench', clockUs],
  ];
  const rest = byToken - parts.reduce((sum, [, part]) => sum + part, 0);
  return [
    '| in process, record handed over | median µs | p99 µs | p99.9 µs |',
    '| --- | ---: | ---: | ---: |',
    row('by token', of('token')),
    row('by handle', of('handle')),
    '',
    `| where a decision by token goes (a line of ${lineBytes} bytes) | µs |`,
    '| --- | ---: |',
    ...parts.map(([what, part]) => `| ${what} | ${us(part)} |`),
    `| the rest: standing, grant, charge, query, id, times, the decision itself | ${us(rest)} |`,
  ];
}
