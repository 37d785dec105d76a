import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Caller, Decision, RawRequest } from '@firma/core';
import type { Enforcer, Prepared } from '../firma.ts';
import { otherHeaders } from '../other-headers.ts';
import type { KnownSession, SessionDirectory } from '../session/directory.ts';
import { AllowedCall } from './allowed-call.ts';
import {
  type Answer,
  answerDenial,
  answerUnauthenticated,
  type Asker,
  denialOf,
  failureOf,
} from './answer.ts';
import { type BodyHead, BROKEN, readBody, readHead, RequestBody } from './body.ts';
import type { Connection, InFlight } from './connection.ts';
import { cutFor, type Failure, GONE, SILENT } from './failure.ts';
import { isHeaderValue, type RequestHeaderFilter } from './headers.ts';
import type { ProxyLimits } from './limits.ts';
import { Relay } from './relay.ts';
import { readRequest } from './request.ts';
import type { Upstreams } from './upstream.ts';

export interface ExchangeParts {
  readonly enforcer: Enforcer;
  readonly sessions: SessionDirectory;
  readonly upstreams: Upstreams;
  readonly headers: RequestHeaderFilter;
  readonly limits: ProxyLimits;
}

/** What a token's session is to the enforcer: the transport knows whose token it has to be. */
export function callerOf(session: KnownSession): Caller {
  const { sid, sub, token } = session;
  return { token, session: { sid, sub }, source: sid };
}

const EMPTY_BODY: BodyHead = { bytes: Buffer.alloc(0), isWhole: true };

/** One request of an agent, from its head to the end of its answer. */
export class Exchange implements InFlight {
  readonly #parts: ExchangeParts;
  readonly #connection: Connection;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #awaitsContinue: boolean;
  #phase: 'reading' | 'deciding' | 'forwarding' | 'answering' = 'deciding';
  #continued = false;
  #cut: Failure | undefined;
  #stopped: Failure | undefined;
  #relay: Relay | undefined;

  /** @param awaitsContinue the agent sends its body only when told to (`Expect: 100-continue`) */
  constructor(
    parts: ExchangeParts,
    connection: Connection,
    req: IncomingMessage,
    res: ServerResponse,
    awaitsContinue: boolean,
  ) {
    this.#parts = parts;
    this.#connection = connection;
    this.#req = req;
    this.#res = res;
    this.#awaitsContinue = awaitsContinue;
  }

  get received(): boolean {
    return this.#req.complete;
  }

  async run(): Promise<void> {
    const over = new Promise<void>((resolve) => {
      this.#res.once('close', () => {
        if (!this.#res.writableFinished) this.#stop(GONE);
        resolve();
      });
    });
    try {
      await this.#serve();
    } catch {
      // Ours: the enforcer answers with values. Nothing of it is told, and the connection is no longer understood.
      this.#connection.socket.destroy();
    }
    await over;
    this.#drain();
  }

  get answers(): boolean {
    return this.#phase === 'deciding' || this.#phase === 'answering';
  }

  cut(reason: string): void {
    this.#cut ??= cutFor(reason);
    if (this.#phase === 'forwarding') this.#stop(this.#cut);
  }

  idle(): boolean {
    if (this.#phase !== 'forwarding') return false;
    // An agent that does not take what is there has left, whatever its socket says.
    this.#stop(this.#res.writableNeedDrain ? GONE : SILENT);
    return !this.#res.headersSent;
  }

  async #serve(): Promise<void> {
    const { enforcer, sessions } = this.#parts;
    const { tunnel } = this.#connection;
    const session = tunnel?.session ?? sessions.authenticate(this.#req.headers['proxy-authorization']);
    if (session === undefined) {
      enforcer.unauthenticated();
      this.#answer(answerUnauthenticated(this.#asker()));
      return;
    }
    // A tunnel is attached as a whole.
    const detach =
      tunnel === undefined ? enforcer.attach(session.sessionKey, this.#connection.cut) : undefined;
    try {
      await this.#decide(callerOf(session));
    } finally {
      detach?.();
    }
  }

  async #decide(caller: Caller): Promise<void> {
    const { enforcer } = this.#parts;
    const reading = readRequest(this.#req, this.#connection.tunnel, this.#readable);
    if (!reading.ok) {
      const refusal = await enforcer.refuse(reading.detail, caller, 'proxy');
      this.#answer(answerDenial(denialOf(refusal), this.#asker(), reading.status));
      return;
    }
    const raw = this.#withOtherHeaders(reading.raw);
    const prepared = enforcer.prepare(raw);
    const head = await this.#readBody(prepared);
    // A body that did not end with its head is streamed.
    const body = head?.isWhole === true ? head.bytes : undefined;
    const decided = enforcer.decidePrepared(prepared, head?.bytes, caller);
    const decision = decided instanceof Promise ? await decided : decided;
    if (decision.outcome !== 'ALLOW') {
      this.#answer(answerDenial(denialOf(decision), this.#asker()));
      return;
    }
    const call = new AllowedCall(enforcer, decision);
    try {
      await this.#forward(call, raw.method, body, reading.dropped);
    } finally {
      call.finish('INTERNAL');
    }
  }

  /** What makes a repeated call one of its own, beside its body. */
  #withOtherHeaders(raw: RawRequest): RawRequest {
    const { idempotencyHeaders } = this.#parts.enforcer;
    if (!idempotencyHeaders.some((name) => raw.headers.has(name))) return raw;
    const fields: [string, string][] = [];
    const { rawHeaders } = this.#req;
    for (let i = 0; i + 1 < rawHeaders.length; i += 2)
      fields.push([rawHeaders[i] ?? '', rawHeaders[i + 1] ?? '']);
    return { ...raw, otherHeaders: otherHeaders(fields, idempotencyHeaders) };
  }

  /** As much of the body as the decision needs; undefined where it needs none, or cannot be had. */
  async #readBody(prepared: Prepared): Promise<BodyHead | undefined> {
    const { enforcer, limits } = this.#parts;
    const { raw, bodyNeed } = prepared;
    if (raw.bodyLength === 0) return EMPTY_BODY;
    if (bodyNeed === 'none') return undefined;
    if (bodyNeed === 'whole' && (raw.bodyLength ?? 0) > enforcer.maxBodyBytes) return undefined;
    this.#continue();
    this.#phase = 'reading';
    const ends = (bytes: Buffer): boolean => enforcer.headEnds(prepared, bytes);
    const read =
      bodyNeed === 'head'
        ? await readHead(this.#req, enforcer.maxBodyBytes, limits.bodyMs, ends)
        : await readBody(this.#req, enforcer.maxBodyBytes, limits.bodyMs);
    this.#phase = 'deciding';
    if (read === BROKEN) this.#stopped ??= GONE;
    if (read === BROKEN || read === undefined) return undefined;
    return Buffer.isBuffer(read) ? { bytes: read, isWhole: true } : read;
  }

  /** Everything between ALLOW and the outcome. A failure before the response began is told to the agent. */
  async #forward(
    call: AllowedCall,
    method: string,
    body: Buffer | undefined,
    dropped: ReadonlySet<string>,
  ): Promise<void> {
    const failure =
      (await this.#held(call)) ??
      (await this.#checkDestination(call.decision)) ??
      (await this.#exchange(call, method, body, dropped));
    if (failure === undefined) {
      this.#phase = 'answering';
      call.finish();
      return;
    }
    call.finish(failure === GONE ? undefined : failure.reason);
    if (failure === GONE || this.#res.headersSent) this.#connection.socket.destroy();
    else this.#answer(answerDenial(failureOf(call.decision, failure), this.#asker()));
  }

  /** No ALLOW leaves before its record is where it has to be. */
  async #held({ decision }: AllowedCall): Promise<Failure | undefined> {
    try {
      await this.#parts.enforcer.recorded(decision);
    } catch {
      return { reason: 'AUDIT_UNAVAILABLE', detail: 'the decision could not be recorded' };
    }
    if (this.#cut !== undefined) return this.#cut;
    this.#phase = 'forwarding';
    return this.#connection.closing ? GONE : this.#stopped;
  }

  async #checkDestination({ target }: Decision): Promise<Failure | undefined> {
    if (target === undefined) return { reason: 'INTERNAL', detail: 'an allowed call has no target' };
    return (await this.#parts.upstreams.check(target)) ?? this.#stopped;
  }

  async #credential(call: AllowedCall, headers: string[]): Promise<Failure | undefined> {
    const { decision } = call;
    const resource = decision.envelope?.readings[0].resource;
    if (resource === undefined || decision.reason === 'PASS_THROUGH') return undefined;
    const failure: Failure = {
      reason: 'CREDENTIAL_UNAVAILABLE',
      detail: `the credential for \`${resource.host}\` cannot be had`,
    };
    try {
      const injection = await this.#parts.enforcer.credentialFor(decision, resource);
      if (injection === undefined) return this.#stopped;
      if (!isHeaderValue(injection.value)) return failure;
      headers.push(injection.header, injection.value);
      call.injected = injection.label;
      return this.#stopped;
    } catch {
      return failure;
    }
  }

  async #exchange(
    call: AllowedCall,
    method: string,
    body: Buffer | undefined,
    dropped: ReadonlySet<string>,
  ): Promise<Failure | undefined> {
    const { target, envelope } = call.decision;
    const headers = this.#parts.headers.forwarded(this.#req.rawHeaders, dropped);
    const failure = await this.#credential(call, headers);
    if (failure !== undefined) return failure;
    if (target === undefined) return undefined;
    this.#continue();
    const stream = this.#streamed(call, body);
    if (stream === undefined) call.bytesSent = body?.length ?? 0;
    else {
      const length = body === undefined ? this.#req.headers['content-length'] : String(body.length);
      if (length !== undefined) headers.push('content-length', length);
    }
    return new Promise((resolve) => {
      this.#relay = new Relay(call, this.#res, stream, this.#parts.upstreams.heldBack, resolve);
      const request = { method: envelope?.method ?? method, headers, body: stream ?? body ?? null };
      this.#parts.upstreams.dispatch(target, request, this.#relay);
    });
  }

  /** What has to be sent a piece at a time: what was not read, and what a budget may have no room for. */
  #streamed(call: AllowedCall, body: Buffer | undefined): RequestBody | undefined {
    if (body !== undefined && (body.length === 0 || call.decision.budgets.length === 0)) return undefined;
    return new RequestBody(this.#req, call, body);
  }

  /** Credentials are no facts, even where a rule asks for one: they do not go to the upstream either. */
  readonly #readable = (name: string): boolean =>
    this.#parts.enforcer.readHeaders.has(name) && !this.#parts.headers.isCredential(name);

  #stop(failure: Failure): void {
    this.#stopped ??= failure;
    this.#relay?.stop(this.#stopped);
  }

  #continue(): void {
    if (!this.#awaitsContinue || this.#continued) return;
    this.#continued = true;
    this.#res.writeContinue();
  }

  #asker(): Asker {
    return { accept: this.#req.headers.accept, userAgent: this.#req.headers['user-agent'] };
  }

  #answer({ status, headers, body }: Answer): void {
    this.#phase = 'answering';
    // An agent that was not told to continue may send its body or not: what follows cannot be told apart.
    const last = this.#connection.closing || (this.#awaitsContinue && !this.#continued);
    this.#res.writeHead(status, last ? { ...headers, connection: 'close' } : headers);
    this.#res.end(this.#req.method === 'HEAD' ? undefined : body);
  }

  /** Lets an agent finish sending a body that nobody wants, for a while: it may read the answer only then. */
  #drain(): void {
    const { socket } = this.#connection;
    if (this.#req.complete || socket.destroyed) return;
    const timer = setTimeout(() => socket.destroy(), this.#parts.limits.drainMs);
    this.#req.once('close', () => clearTimeout(timer));
    this.#req.resume();
  }
}
