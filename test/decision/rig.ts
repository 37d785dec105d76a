import { randomBytes } from 'node:crypto';
import {
  type AuditRecord,
  type BudgetInput,
  type Caller,
  compileBudgets,
  CompiledEngine,
  compileScope,
  Decider,
  type Decision,
  type DecisionLine,
  type DecisionRecord,
  type InForce,
  linkBundle,
  loadBundle,
  loadMappings,
  Normalizer,
  type PolicyEngine,
  type RawRequest,
  ReferenceEngine,
  RevocationSet,
  SessionTable,
  startCedar,
  type StateStore,
  TokenVerifier,
} from '@firma/core';
import { cedarModule } from '../../src/cedar-module.ts';
import { claims, mint, NOW_S, sha256Hex, signer } from '../capability/authority.ts';

const MAPPINGS = `
[[rules]]
method = "GET"
host = "api.test"
path = "/repos/*/*"
action_class = "code.read"

[[rules]]
method = "POST"
host = "api.test"
path = "/repos/*/*"
action_class = "code.write"

[[rules]]
method = "DELETE"
host = "api.test"
path = "/repos/*/*"
action_class = "repo.admin"

[[rules]]
method = "POST"
host = "pay.test"
path = "/charges"
action_class = "payment.transfer"
[rules.params]
amount = "form:amount"
currency = "form:currency"
`;

export const POLICIES = `
@id("reads") permit (principal, action == Firma::Action::"code.read", resource);
@id("writes") permit (principal, action == Firma::Action::"code.write", resource);
@id("pays") permit (principal, action == Firma::Action::"payment.transfer", resource);
@id("limit") @reason("payments end at 50.00") @remedy("ask a person")
forbid (principal, action == Firma::Action::"payment.transfer", resource)
unless { context.params has amount && context.params.amount <= 5000 };
`;

export interface RigOptions {
  readonly mappings?: string;
  readonly policies?: string;
  readonly budgets?: readonly BudgetInput[];
  readonly defaultProtected?: boolean;
  readonly engine?: PolicyEngine;
  /** Stands before the engine of the policies. */
  readonly before?: (engine: PolicyEngine) => PolicyEngine;
  readonly maxSessions?: number;
  readonly store?: StateStore;
  readonly maxInFlightPerSource?: number;
}

export type Ask = Partial<RawRequest> & { readonly body?: string; readonly form?: boolean };

const authority = signer('key-1');

/** What a decision's line says. */
function parsed(record: DecisionLine): DecisionRecord {
  return JSON.parse(record.line()) as DecisionRecord;
}

/** A decider over real rooms, with a clock to turn, a log to read, and tokens for the asking. */
export async function rig(options: RigOptions = {}) {
  startCedar(cedarModule());
  const mappings = loadMappings([{ file: 'test.toml', text: options.mappings ?? MAPPINGS }]);
  const budgets = compileBudgets(options.budgets ?? []);
  const names = budgets.map((budget) => budget.name);
  const bundle = loadBundle([{ file: 'test.cedar', text: options.policies ?? POLICIES }], {
    params: mappings.params,
    budgets: names,
  });
  const verifier = await TokenVerifier.create({
    issuer: 'https://authority.test',
    audience: 'sidecar-1',
    skewS: 5,
    maxTtlS: 3600,
    keys: new Map([[authority.kid, authority.jwk]]),
    sha256Hex,
    compileScope,
    ...(options.maxInFlightPerSource === undefined
      ? {}
      : { maxInFlightPerSource: options.maxInFlightPerSource }),
  });
  const records: AuditRecord[] = [];
  const ended: string[] = [];
  const state = { nowMs: NOW_S * 1000, auditAccepts: true };
  const revocations = new RevocationSet();
  revocations.replace({ sequence: 1, jti: [], sid: [], sub: [] }, NOW_S);
  const sessions = await SessionTable.open({
    budgets,
    sha256Hex,
    steadyMs: () => state.nowMs,
    maxSessions: options.maxSessions ?? 1000,
    store: options.store,
  });
  const normalizer = new Normalizer(mappings);
  const compiled = new CompiledEngine(new ReferenceEngine(bundle), linkBundle(bundle));
  const inForce: InForce = {
    normalizer,
    engine: options.engine ?? options.before?.(compiled) ?? compiled,
    configDigest: 'config-digest',
  };
  const decider = new Decider({
    defaultProtected: options.defaultProtected ?? true,
    verifier,
    revocations,
    skewS: 5,
    sessions,
    idempotencyHeaders: ['idempotency-key'],
    audit: {
      append(record) {
        if (state.auditAccepts) records.push('line' in record ? parsed(record) : record);
        return state.auditAccepts;
      },
    },
    wallClock: () => state.nowMs,
    randomBytes,
    sha256Hex,
    origin: { sidecarId: 'sidecar-1' },
    inForce,
    onSessionEnd: (key) => void ended.push(key),
  });

  const token = (changes: Readonly<Record<string, unknown>> = {}): string =>
    mint(
      authority,
      claims({
        action_set: ['code.read', 'code.write', 'payment.transfer', 'repo.admin'],
        resource_scope: ['*'],
        budgets: undefined,
        ...changes,
      }),
    );

  const raw = ({ body = '', form = true, ...changes }: Ask): { raw: RawRequest; body: Uint8Array } => ({
    raw: {
      method: 'GET',
      scheme: 'https',
      hostPort: 'api.test',
      target: '/repos/o/r',
      headers: new Map(form && body !== '' ? [['content-type', ['application/x-www-form-urlencoded']]] : []),
      transport: 'proxy',
      bodyLength: body.length,
      ...changes,
    },
    body: new TextEncoder().encode(body),
  });

  const ask = async (asked: Ask = {}, caller: Caller = { token: token() }): Promise<Decision> => {
    const request = raw(asked);
    return decider.decide(decider.prepare(request.raw), request.body, caller);
  };

  return {
    decider,
    records,
    ended,
    state,
    sessions,
    verifier,
    inForce,
    revocations,
    token,
    raw,
    ask,
    pay: (amount: number | string, caller?: Caller) =>
      ask(
        { method: 'POST', hostPort: 'pay.test', target: '/charges', body: `amount=${amount}&currency=usd` },
        caller,
      ),
    decisions: () => records.filter((record): record is DecisionRecord => record.kind === 'decision'),
  };
}

export type Rig = Awaited<ReturnType<typeof rig>>;
