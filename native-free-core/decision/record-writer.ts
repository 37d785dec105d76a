import { canonicalize, canonicalString } from '../audit/canonical-json.ts';
import type { DecisionLine, RecordedReading } from '../audit/event.ts';
import { NO_PARAMS, type Reading } from '../normalizer/envelope.ts';
import { uidOf } from '../normalizer/resource.ts';
import { wholeText } from '../registry/whole-text.ts';
import type { BudgetLine } from '../session/budget.ts';
import type { SessionSnapshot } from '../session/table.ts';
import type { Attempt } from './attempt.ts';
import type { MonotonicClock } from './clock.ts';
import type { AbortScope, Decision } from './decision.ts';
import type { Sha256Hex } from './ports.ts';
import { listText, RecordFrame, requestText } from './record-frame.ts';

// A method or target that was refused is shown in the record only up to here.
const MAX_SHOWN = 512;

// What a refused request called itself may hold anything; a record holds printable ASCII.
function shown(text: string): string {
  let out = '';
  const end = Math.min(text.length, MAX_SHOWN);
  for (let index = 0; index < end; index++) {
    const code = text.charCodeAt(index);
    out += code > 0x20 && code < 0x7f ? text.charAt(index) : '?';
  }
  return out;
}

/**
 * What a decision is about, in one line: the resource of its first reading, the bare target where no rule
 * matched, `?` where the target itself could not be read. A query is never part of it.
 */
function resourceName({ envelope, target }: Decision): string {
  if (envelope !== undefined) return envelope.readings[0].resource.uid;
  return target === undefined ? '?' : uidOf(target, target.matchPath);
}

function recordedReading(reading: Reading): RecordedReading {
  return {
    action_class: reading.actionClass.name,
    method: reading.resource.method,
    resource: reading.resource.uid,
    rule: reading.rule,
    params: reading.params,
  };
}

function budgetsText(lines: readonly BudgetLine[]): string {
  if (lines.length === 0) return '[]';
  let out = '[';
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index];
    if (line === undefined) continue;
    if (index > 0) out += ',';
    out += `{"charged":${line.charged},"name":${canonicalString(line.name)},"remaining":${line.remaining}}`;
  }
  return `${out}]`;
}

/** From the method to the resource, of any call. */
function answerText({ envelope, outcome, policies, reason }: Decision, rawMethod: string): string {
  let text = canonicalString(envelope === undefined ? shown(rawMethod) : envelope.method);
  text += `,"outcome":"${outcome}"`;
  if (envelope !== undefined) text += `,"params":${canonicalize(envelope.readings[0].params)}`;
  text += `,"policies":${listText(policies)}`;
  if (envelope !== undefined && envelope.readings.length > 1) {
    text += `,"readings":${canonicalize(envelope.readings.map(recordedReading))}`;
  }
  text += `,"reason":"${reason}"`;
  if (envelope !== undefined) text += `,${requestText(envelope)}`;
  return `${text},"resource":`;
}

function ruleText(
  first: Reading | undefined,
  scope: AbortScope | undefined,
  session: SessionSnapshot,
): string {
  const rule = first === undefined ? '' : `,"rule":${canonicalString(first.rule)}`;
  const ended = scope === undefined ? '' : `,"scope":"${scope}"`;
  return `${rule}${ended},"session":{"age_s":${session.ageS},"calls":`;
}

const SMALL = 64;

/** Texts over two counts, of which most are small and come again. */
class CountTexts {
  readonly #write: (first: number, second: number) => string;
  readonly #known: (string | undefined)[] = Array.from({ length: SMALL * SMALL }, () => undefined);

  constructor(write: (first: number, second: number) => string) {
    this.#write = write;
  }

  of(first: number, second: number): string {
    if (first >= SMALL || second >= SMALL) return this.#write(first, second);
    return (this.#known[first * SMALL + second] ??= wholeText(this.#write(first, second)));
  }
}

export interface RecordWriterOptions {
  readonly clock: MonotonicClock;
  readonly sha256Hex: Sha256Hex;
  readonly sidecarId: string;
}

/**
 * Writes the ExecutionEvent of a decision (semantics §6) as its canonical line.
 *
 * By hand, member after member as RFC 8785 sorts them, because every call pays for it; what stays the same from one call
 * to the next is text already.
 */
export class RecordWriter {
  readonly #clock: MonotonicClock;
  readonly #sha256Hex: Sha256Hex;
  readonly #sidecarText: string;
  readonly #spent = new CountTexts(
    (capability, normalize) =>
      `","kind":"decision","latency_us":{"capability":${capability},"normalize":${normalize},"policy":`,
  );
  readonly #total = new CountTexts((policy, total) => `${policy},"total":${total}},"method":`);
  #config: string | undefined = undefined;
  #configText = '';

  constructor({ clock, sha256Hex, sidecarId }: RecordWriterOptions) {
    this.#clock = clock;
    this.#sha256Hex = sha256Hex;
    this.#sidecarText = `,"sidecar_id":${canonicalString(sidecarId)},`;
  }

  /** @throws NotCanonical where a text in it has no UTF-8 form */
  write(attempt: Attempt, decision: Decision, eventId: string, session: SessionSnapshot): string {
    const { bearer, prepared, query } = attempt;
    const { envelope, scope, stage, timings } = decision;
    const frame = (bearer.frame ??= new RecordFrame(bearer.capability.claims, this.#sidecarText));
    const first = envelope?.readings[0];
    // Members that do not apply are left out.
    let line = frame.head(first === undefined ? -1 : first.actionClass.index) + budgetsText(decision.budgets);
    if (query !== undefined) {
      line += `,"cedar_context_hash":"${this.#sha256Hex(bearer.context.write(query.context))}"`;
    }
    line += this.#configOf(attempt.inForce.configDigest) + eventId;
    line +=
      this.#spent.of(timings.capability, timings.normalize) + this.#total.of(timings.policy, timings.total);
    line +=
      envelope !== undefined && envelope.readings.length === 1 && envelope.readings[0].params === NO_PARAMS
        ? frame.answer(decision, envelope)
        : answerText(decision, prepared.raw.method);
    line += canonicalString(resourceName(decision));
    line +=
      first !== undefined && scope === undefined
        ? frame.ruleAndAge(first.rule, session.ageS)
        : ruleText(first, scope, session);
    line += session.calls + frame.session(session, stage);
    return line + this.#clock.rfc3339(attempt.nowMs) + frame.end(prepared.raw.transport);
  }

  #configOf(digest: string): string {
    if (digest !== this.#config) {
      this.#config = digest;
      this.#configText = `,"config":${canonicalString(digest)},"event_id":"`;
    }
    return this.#configText;
  }
}

/** One decision's record, written when the log asks for it. */
export class PendingRecord implements DecisionLine {
  readonly kind = 'decision';
  readonly session_id: string;
  readonly #writer: RecordWriter;
  readonly #attempt: Attempt;
  readonly #decision: Decision;
  readonly #eventId: string;
  readonly #session: SessionSnapshot;

  constructor(
    writer: RecordWriter,
    attempt: Attempt,
    decision: Decision,
    eventId: string,
    session: SessionSnapshot,
  ) {
    this.session_id = attempt.bearer.identity.sid;
    this.#writer = writer;
    this.#attempt = attempt;
    this.#decision = decision;
    this.#eventId = eventId;
    this.#session = session;
  }

  line(): string {
    return this.#writer.write(this.#attempt, this.#decision, this.#eventId, this.#session);
  }
}
