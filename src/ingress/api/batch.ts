import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Answer, badRequest, errorAnswer, type IngressRequest, MAX_BODY_BYTES } from '../port.ts';
import type { DecisionService } from '../service.ts';
import { decodeUtf8 } from '../strict-json.ts';
import { BatchReader, MAX_CALLS } from './batch-reader.ts';
import { decidedJson, type DecidedJson, optionsOf } from './decide.ts';
import { parseDecideRequest } from './decide-request.ts';
import { isEnforcementPoint } from './enforcement-point.ts';

/** So much is read, and so many calls are decided, before the thread does something else. */
const SLICE_BYTES = 256 * 1024;
const SLICE_CALLS = 64;

/** Calls of one batch that wait at once: its share of token verifications. */
const MAX_WAITING = 8;

type Entry = DecidedJson | { readonly error: { readonly code: string; readonly message: string } };

function notDecided(message: string, code = 'BAD_REQUEST'): Entry {
  return { error: { code, message } };
}

/** Decides one entry; a bad one is an answer like any other. */
function decideEntry(
  bytes: Uint8Array,
  { source }: IngressRequest,
  mayCommit: boolean,
  service: DecisionService,
): Entry | Promise<Entry> {
  if (bytes.length > MAX_BODY_BYTES) return notDecided(`the call is longer than ${MAX_BODY_BYTES} bytes`);
  const text = decodeUtf8(bytes);
  if (text === undefined) return notDecided('the call is not UTF-8');
  const asked = parseDecideRequest(text);
  if ('invalid' in asked) return notDecided(asked.invalid);
  if (asked.receipt) {
    return notDecided('`receipt` is not for a batch: ask `/v1/events/{event_id}/proof` afterwards');
  }
  if (asked.commit === 'manual' && !mayCommit) {
    return notDecided('`commit: "manual"` is for enforcement points', 'UNAUTHENTICATED');
  }
  const decided = service.decide(asked.call, optionsOf(asked, source));
  return decided instanceof Promise ? decided.then(decidedJson) : decidedJson(decided);
}

async function decideAll(
  { bounds }: BatchReader,
  request: IngressRequest,
  service: DecisionService,
): Promise<Entry[]> {
  const mayCommit = isEnforcementPoint(request, service);
  const entries = Array.from<Entry>({ length: bounds.length / 2 });
  const waiting = new Set<Promise<Entry>>();
  let turnBytes = 0;
  for (let i = 0; i < entries.length; i++) {
    if (turnBytes > SLICE_BYTES || (i > 0 && i % SLICE_CALLS === 0)) {
      turnBytes = 0;
      await nextTurn();
    }
    const bytes = request.body.subarray(bounds[2 * i], bounds[2 * i + 1]);
    turnBytes += bytes.length;
    const entry = decideEntry(bytes, request, mayCommit, service);
    if (entry instanceof Promise) {
      const settled = entry.then((decided) => (entries[i] = decided));
      waiting.add(settled);
      void settled.then(() => waiting.delete(settled));
      if (waiting.size >= MAX_WAITING) await Promise.race(waiting);
    } else {
      entries[i] = entry;
    }
  }
  await Promise.all(waiting);
  return entries;
}

/** Each entry apart: one text of all would hold the thread. */
async function written(entries: readonly Entry[]): Promise<string> {
  const parts: string[] = [];
  for (let i = 0; i < entries.length; i++) {
    if (i > 0 && i % SLICE_CALLS === 0) await nextTurn();
    parts.push(JSON.stringify(entries[i]));
  }
  return `{"decisions":[${parts.join(',')}]}`;
}

/**
 * `POST /v1/decide/batch`: up to 1,000 calls, decided one after the other and answered in their order. A bad one is an
 * `error` in its place. Nothing is decided of a body that is no batch.
 */
export async function decideBatch(request: IngressRequest, service: DecisionService): Promise<Answer> {
  const reader = new BatchReader(request.body);
  for (;;) {
    const read = reader.read(SLICE_BYTES);
    if (read === 'done') break;
    if (read === 'too many') {
      return errorAnswer(413, 'BATCH_TOO_LONG', `a batch has at most ${MAX_CALLS} calls`);
    }
    if (read !== 'more') return badRequest(read.invalid);
    await nextTurn();
  }
  return { status: 200, body: await written(await decideAll(reader, request, service)) };
}
