// The core alone, in a worker that has no Node: clock, randomness, SHA-256 and the log are handed to it, and nothing is
// read or written. It gets one message with everything to decide by, then one a call, and answers each with its decision.
// `BroadcastChannel` stands for whatever a host talks to its worker with: browsers, Deno, Bun and Node all have it.

import { sha256 } from '@noble/hashes/sha2';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils';
import {
  type AuditRecord,
  CompiledEngine,
  compileScope,
  Decider,
  type Decision,
  linkBundle,
  loadBundle,
  loadMappings,
  Normalizer,
  ReferenceEngine,
  RevocationSet,
  SessionTable,
  startCedar,
  TokenVerifier,
  type VerificationJwk,
} from '../index.ts';

/** What the host gives it first. */
export interface BareStart {
  /** The bytes of cedar-wasm's web build. */
  readonly cedar: Uint8Array;
  readonly tables: string;
  readonly policies: string;
  readonly issuer: string;
  readonly audience: string;
  readonly kid: string;
  readonly key: VerificationJwk;
}

export interface BareCall {
  readonly id: number;
  readonly token: string;
  readonly method: string;
  readonly host: string;
  readonly target: string;
}

/** What it answers: a decision, and the record that a host would have to accept before the call leaves. */
export interface BareAnswer {
  readonly id: number;
  readonly outcome: Decision['outcome'];
  readonly reason: Decision['reason'];
  readonly record: AuditRecord | undefined;
}

const NO_HEADERS: ReadonlyMap<string, readonly string[]> = new Map();
const EMPTY = new Uint8Array(0);
const SHA256_OF = (text: string): string => bytesToHex(sha256(utf8ToBytes(text)));

async function open(start: BareStart): Promise<(call: BareCall) => Promise<BareAnswer>> {
  startCedar(new WebAssembly.Module(start.cedar));
  const mappings = loadMappings([{ file: 'tables', text: start.tables }]);
  const bundle = loadBundle([{ file: 'policies', text: start.policies }], {
    params: mappings.params,
    budgets: [],
  });
  const revocations = new RevocationSet();
  revocations.replace({ sequence: 0, jti: [], sid: [], sub: [] }, Date.now() / 1000);
  let last: AuditRecord | undefined;
  const decider = new Decider({
    defaultProtected: true,
    verifier: await TokenVerifier.create({
      issuer: start.issuer,
      audience: start.audience,
      skewS: 5,
      maxTtlS: 3600,
      keys: new Map([[start.kid, start.key]]),
      sha256Hex: SHA256_OF,
      compileScope,
    }),
    revocations,
    skewS: 5,
    sessions: await SessionTable.open({
      budgets: [],
      sha256Hex: SHA256_OF,
      steadyMs: () => performance.now(),
    }),
    idempotencyHeaders: [],
    audit: {
      append(record) {
        last = 'line' in record ? (JSON.parse(record.line()) as AuditRecord) : record;
        return true;
      },
    },
    wallClock: () => Date.now(),
    randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
    sha256Hex: SHA256_OF,
    origin: { sidecarId: 'bare' },
    inForce: {
      normalizer: new Normalizer(mappings),
      engine: new CompiledEngine(new ReferenceEngine(bundle), linkBundle(bundle)),
      configDigest: SHA256_OF(start.tables + start.policies),
    },
    onSessionEnd: () => {},
  });
  return async ({ id, token, method, host, target }) => {
    last = undefined;
    const prepared = decider.prepare({
      method,
      scheme: 'https',
      hostPort: host,
      target,
      headers: NO_HEADERS,
      transport: 'in-process',
      bodyLength: 0,
    });
    const decision = await decider.decide(prepared, EMPTY, { token });
    if (decision.outcome === 'ALLOW') decider.answered(decision);
    return { id, outcome: decision.outcome, reason: decision.reason, record: last };
  };
}

const channel = new BroadcastChannel('firma-bare-worker');
let deciding: Promise<(call: BareCall) => Promise<BareAnswer>> | undefined;

channel.onmessage = ({ data }) => {
  const message = data as
    { readonly start: BareStart } | { readonly call: BareCall } | { readonly answer: unknown };
  if ('start' in message) {
    deciding = open(message.start);
    void deciding.then(() => channel.postMessage({ ready: true }));
  } else if ('call' in message) {
    void deciding?.then(async (decide) => channel.postMessage({ answer: await decide(message.call) }));
  }
};
channel.postMessage({ loaded: true });
