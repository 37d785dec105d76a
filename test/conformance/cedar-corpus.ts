import { gunzipSync } from 'node:zlib';
import { type PolicyJson, policyToJson } from '@cedar-policy/cedar-wasm/web';
import {
  authorize,
  type AuthorizationRequest,
  type LinkedPolicy,
  REQUEST_ACCESS,
} from '../policy/compiled/cedar/authorize.ts';
import { EntityStore } from '../policy/compiled/cedar/entity-store.ts';
import { readRecord, readUid } from '../policy/compiled/cedar/json-values.ts';
import { linkPolicy } from '../../native-free-core/policy/compiled/link.ts';
import { lowerPolicy } from '../../native-free-core/policy/compiled/lower.ts';
import { splitLongs } from '../../native-free-core/policy/compiled/split-longs.ts';
import { isRecord } from '../../native-free-core/policy/expression.ts';
import { splitPolicies } from '../../native-free-core/policy/source.ts';

// Cedar's integration tests: `<name>.json` names the files of one test and holds its requests with the expected answers.

interface TypeAndId {
  readonly type: string;
  readonly id: string;
}

export interface CedarTestRequest {
  readonly description: string;
  readonly principal: TypeAndId;
  readonly action: TypeAndId;
  readonly resource: TypeAndId;
  readonly context: unknown;
  readonly decision: 'allow' | 'deny';
  /** Determining policies: `policy0` is the first of the file. */
  readonly reason: readonly string[];
  readonly errors: readonly string[];
}

export interface CedarTest {
  readonly name: string;
  /** Cedar. */
  readonly policies: string;
  /** Cedar's JSON, as it stands in the file. */
  readonly entities: string;
  readonly requests: readonly CedarTestRequest[];
}

interface TestFile {
  readonly policies: string;
  readonly entities: string;
  readonly requests: readonly CedarTestRequest[];
}

const NUMBER_OR_STRING = /"(?:[^"\\]|\\.)*"|-?\d{16,}/g;
/** Stands for an integer beyond 2^53, which is a bigint once it is read. */
const LONG_MARK = '__long';

function markLongs(json: string): string {
  return json.replace(NUMBER_OR_STRING, (token) =>
    token.startsWith('"') || Number.isSafeInteger(Number(token)) ? token : `{"${LONG_MARK}":"${token}"}`,
  );
}

function reviveLong(_: string, value: unknown): unknown {
  return isRecord(value) && LONG_MARK in value ? BigInt(String(value[LONG_MARK])) : value;
}

/** @param read the text of a file that the test names */
export function readTest(name: string, text: string, read: (path: string) => string): CedarTest {
  const parsed: TestFile = JSON.parse(markLongs(text), reviveLong);
  return {
    name,
    policies: read(parsed.policies),
    entities: read(parsed.entities),
    requests: parsed.requests,
  };
}

const BLOCK = 512;

function readTar(bytes: Buffer): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  let at = 0;
  while (at < bytes.length && bytes[at] !== 0) {
    const [name = ''] = bytes.toString('utf8', at, at + 100).split('\0');
    const size = Number.parseInt(bytes.toString('latin1', at + 124, at + 136), 8);
    at += BLOCK;
    files.set(name, bytes.toString('utf8', at, at + size));
    at += Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}

/** The tests of `cedar-corpus.tar.gz`. */
export function readCorpus(archive: Uint8Array): CedarTest[] {
  const files = readTar(gunzipSync(archive));
  const read = (path: string): string => {
    const text = files.get(path);
    if (text === undefined) throw new Error(`the corpus has no ${path}`);
    return text;
  };
  const tests: CedarTest[] = [];
  for (const [path, text] of files) {
    if (path.endsWith('.json') && !path.endsWith('.entities.json')) tests.push(readTest(path, text, read));
  }
  return tests;
}

export function parsePolicy(text: string): PolicyJson {
  const answer = policyToJson(text);
  if (answer.type === 'failure') throw new Error(answer.errors[0]?.message);
  return answer.json;
}

/** Policies of a file under the ids that Cedar gives them, or why one of them is declined. */
export function compile(
  text: string,
): readonly LinkedPolicy<AuthorizationRequest>[] | { readonly declined: string } {
  const linked: LinkedPolicy<AuthorizationRequest>[] = [];
  let policies;
  try {
    policies = splitPolicies({ file: '', text });
  } catch (error) {
    return { declined: error instanceof Error ? error.message.replace(/^[:\d]+ /, '') : '' };
  }
  for (const [index, policy] of policies.entries()) {
    const lowered = lowerPolicy(parsePolicy(splitLongs(policy.text)));
    if ('declined' in lowered) return lowered;
    // As it is where it was lowered in another thread.
    const posted = structuredClone(lowered);
    linked.push({
      id: `policy${index}`,
      effect: posted.effect,
      evaluate: linkPolicy(posted, REQUEST_ACCESS),
    });
  }
  return linked;
}

function toRequest(request: CedarTestRequest, entities: EntityStore): AuthorizationRequest {
  const principal = readUid(request.principal);
  const action = readUid(request.action);
  const resource = readUid(request.resource);
  const context = readRecord(request.context);
  if (!principal || !action || !resource || !context) throw new Error(`unreadable: ${request.description}`);
  return { principal, action, resource, context, entities };
}

/** What an engine answers, in the form of the expected answer. */
export interface Answer {
  readonly decision: string;
  readonly reason: readonly string[];
  readonly errors: readonly string[];
}

export function answerOf(decision: string, reason: readonly string[], errors: readonly string[]): Answer {
  return { decision, reason: reason.toSorted(), errors: errors.toSorted() };
}

export function expectedAnswers(test: CedarTest): Answer[] {
  return test.requests.map(({ decision, reason, errors }) => answerOf(decision, reason, errors));
}

/** The compiled engine's answers to the requests of a test, or why it declines its policies. */
export function compiledAnswers(test: CedarTest): Answer[] | { readonly declined: string } {
  const policies = compile(test.policies);
  if ('declined' in policies) return policies;
  const json: unknown[] = JSON.parse(markLongs(test.entities), reviveLong);
  const entities = EntityStore.read(json);
  if (entities === undefined) throw new Error(`unreadable entities: ${test.name}`);
  return test.requests.map((request) => {
    const { allowed, determining, errored } = authorize(policies, toRequest(request, entities));
    return answerOf(allowed ? 'allow' : 'deny', determining, errored);
  });
}
