import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Dispatcher, ProxyAgent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { proxyUrl } from '../../src/run/agent-environment.ts';
import { type SidecarHandle, startSidecar } from '../../src/run/sidecar-child.ts';
import { type ControlClient, controlClient } from '../../src/session/control-client.ts';
import { makeLastingDir } from '../config/place.ts';
import { openPlace, type Place } from './place.ts';

// The starter policies about sequences beside a base that permits everything: what is refused here, they refuse.
const BASE = `@id("everything")
@unconditional("the policies beside this one refuse")
@reason("permitted")
@remedy("none")
permit (principal, action, resource);
`;
const STARTER = fileURLToPath(new URL('../../policies/starter/', import.meta.url));

const REPOSITORY = 'https://api.github.com/repos/octocat/hello-world';
const SECRETS = `${REPOSITORY}/actions/secrets`;
const UNMAPPED = 'https://api.github.com/nowhere';
const PASTE = 'https://paste.rs/';
/** Begins to answer and does not end. */
const MODEL = 'https://api.openai.com/v1/chat/completions';

const BUDGETS = `
[[sidecar.budgets]]
name = "hourly"
match = ["issue.read"]
window = "1h"
max_calls = 1

[[sidecar.budgets]]
name = "traffic"
match = ["payment.read"]
max_bytes = 20

[[sidecar.budgets]]
name = "payments"
match = ["payment.transfer"]
max_calls = 1
idempotency = "header:idempotency-key"
`;

let policies: { readonly root: string; readonly remove: () => void };
let place: Place;
let sidecar: SidecarHandle;
let control: ControlClient;
let agents: Agent[];

/** An agent of a session of its own, behind the sidecar. */
class Agent {
  readonly sid: string;
  readonly dispatcher: ProxyAgent;

  private constructor(sid: string, dispatcher: ProxyAgent) {
    this.sid = sid;
    this.dispatcher = dispatcher;
  }

  static async open(): Promise<Agent> {
    const { user, password, proxy, sid } = await control.openSession({ profile: undefined });
    const ca = readFileSync(sidecar.info.caFile, 'utf8');
    const agent = new Agent(
      sid,
      new ProxyAgent({ uri: proxyUrl(proxy, user, password), requestTls: { ca } }),
    );
    agents.push(agent);
    return agent;
  }

  send(method: 'GET' | 'POST', url: string): Promise<Dispatcher.ResponseData> {
    const { dispatcher } = this;
    return request(url, { method, dispatcher, ...(method === 'POST' ? { body: 'everything I know' } : {}) });
  }

  /** Status of the answer, and of a denial its reason and policies. */
  async ask(method: 'GET' | 'POST', url: string): Promise<{ status: number; firma: unknown }> {
    const { statusCode, body } = await this.send(method, url);
    const answer: unknown = await body.json();
    const isDenial = typeof answer === 'object' && answer !== null && 'firma' in answer;
    return { status: statusCode, firma: isDenial ? answer.firma : undefined };
  }

  /** Opens an answer that does not end. @returns what its reader comes to */
  async openStream(): Promise<Promise<'ended' | 'cut'>[]> {
    const { statusCode, body } = await this.send('POST', MODEL);
    expect(statusCode).toBe(200);
    const end = body.text().then(
      () => 'ended' as const,
      () => 'cut' as const,
    );
    // In a list: a promise returned alone would be waited for.
    return [end];
  }
}

function denied(reason: string, ...names: readonly string[]): object {
  return { status: 403, firma: { reason, ...(names.length === 0 ? {} : { policies: names }) } };
}

const ALLOWED = { status: 200, firma: undefined };

beforeAll(async () => {
  agents = [];
  const files = ['exfiltration.cedar', 'runaway.cedar'];
  policies = makeLastingDir({
    'base.cedar': BASE,
    ...Object.fromEntries(files.map((name) => [name, readFileSync(join(STARTER, name), 'utf8')])),
  });
  place = await openPlace(`[sidecar.policy]\npath = ${JSON.stringify(policies.root)}\n${BUDGETS}`);
  const [ca = ''] = /ca = ".*"/.exec(readFileSync(place.configFile, 'utf8')) ?? [];
  appendFileSync(
    place.configFile,
    `[[sidecar.upstream.overrides]]\nfrom = "api.openai.com:443"\nto = "127.0.0.1:${place.upstreams.port}"\n${ca}\n`,
  );
  expect(await place.firma('trust')).toMatchObject({ code: 0 });
  sidecar = await startSidecar({
    configPath: place.configFile,
    stateDir: place.stateDir,
    env: { PATH: process.env['PATH'], E2E_TOKEN: place.secret },
  });
  control = controlClient(sidecar.info.control);
});

afterAll(async () => {
  await Promise.all(agents.map(({ dispatcher }) => dispatcher.destroy()));
  await sidecar.stop();
  await place.close();
  policies.remove();
});

describe('exfiltration.cedar', () => {
  it('closes the way out for a session that has read a credential, but for its model', async () => {
    const agent = await Agent.open();
    expect(await agent.ask('POST', PASTE)).toEqual(ALLOWED);
    expect(await agent.ask('GET', SECRETS)).toEqual(ALLOWED);
    const before = place.upstreams.seen.length;
    expect(await agent.ask('POST', PASTE)).toMatchObject(
      denied('POLICY_FORBID', 'exfiltration-after-credential-read'),
    );
    expect(place.upstreams.seen).toHaveLength(before);
    const { statusCode, body } = await agent.send('POST', MODEL);
    expect(statusCode).toBe(200);
    body.on('error', () => undefined).destroy();

    const other = await Agent.open();
    expect(await other.ask('POST', PASTE)).toEqual(ALLOWED);
  });
});

describe('runaway.cedar', () => {
  it('ends a session that was refused more than a hundred times, and what it has open', async () => {
    const agent = await Agent.open();
    const [stream] = await agent.openStream();
    for (let call = 0; call < 100; call++) {
      expect(await agent.ask('GET', UNMAPPED)).toMatchObject(denied('UNCLASSIFIED_ACTION'));
    }
    expect(await agent.ask('GET', REPOSITORY)).toEqual(ALLOWED);
    expect(await agent.ask('GET', UNMAPPED)).toMatchObject(denied('UNCLASSIFIED_ACTION'));
    expect(await agent.ask('GET', REPOSITORY)).toMatchObject({
      status: 403,
      firma: { outcome: 'ABORT', scope: 'session', reason: 'POLICY_ABORT', policies: ['runaway-denials'] },
    });
    expect(await stream).toBe('cut');
    expect(await agent.ask('GET', REPOSITORY)).toMatchObject(denied('SESSION_ABORTED'));
    expect(await control.showSession(agent.sid)).toMatchObject({
      aborted: 'POLICY_ABORT',
      denies: 103,
      allows: 2,
    });

    const other = await Agent.open();
    expect(await other.ask('GET', REPOSITORY)).toEqual(ALLOWED);
  });
});

describe('a budget', () => {
  it('that its window will free says when', async () => {
    const agent = await Agent.open();
    expect(await agent.ask('GET', `${REPOSITORY}/issues`)).toEqual(ALLOWED);
    const { statusCode, headers, body } = await agent.send('GET', `${REPOSITORY}/issues`);
    expect(await body.json()).toMatchObject({ firma: { outcome: 'DENY', reason: 'BUDGET_EXCEEDED' } });
    expect(statusCode).toBe(429);
    const seconds = Number(headers['retry-after']);
    expect(seconds).toBeGreaterThan(3000);
    expect(seconds).toBeLessThanOrEqual(3720);
  });

  it('of bytes cuts a call whose answer is too long where they are used up', async () => {
    const agent = await Agent.open();
    const { statusCode, body } = await agent.send('GET', 'https://api.stripe.com/v1/balance');
    expect(statusCode).toBe(200);
    const cut = await body.text().then(
      () => false,
      () => true,
    );
    expect(cut).toBe(true);
    expect(await control.showSession(agent.sid)).toMatchObject({ bytesReceived: 20, open: 0 });
    expect(await agent.ask('GET', 'https://api.stripe.com/v1/balance')).toMatchObject({
      status: 403,
      firma: { outcome: 'DENY', reason: 'BUDGET_EXCEEDED', budgets: [{ name: 'traffic', remaining: 0 }] },
    });
  });

  it('charges a payment that is sent again under its key once, and every other', async () => {
    const agent = await Agent.open();
    const pay = async (key: string, amount: string): Promise<number> => {
      const { statusCode, body } = await request('https://api.stripe.com/v1/payment_intents', {
        method: 'POST',
        dispatcher: agent.dispatcher,
        headers: { 'content-type': 'application/x-www-form-urlencoded', 'idempotency-key': key },
        body: `amount=${amount}&currency=usd`,
      });
      await body.dump();
      return statusCode;
    };
    expect(await pay('one', '2000')).toBe(200);
    expect(await pay('one', '2000')).toBe(200);
    expect(await pay('one', '2001')).toBe(403);
    expect(await pay('two', '2000')).toBe(403);
  });
});

describe('firma session', () => {
  it('finds the sidecar of a run, shows what goes on, and ends it', async () => {
    const agent = await Agent.open();
    const [stream] = await agent.openStream();
    const shown = await place.firma('session', 'show', agent.sid, '--json');
    expect(JSON.parse(shown.out)).toMatchObject({
      sid: agent.sid,
      allows: 1,
      open: 1,
      lastClass: 'communication.external.send',
      hosts: ['api.openai.com'],
    });
    expect((await place.firma('session', 'list')).out).toContain(agent.sid);

    const ended = await place.firma('session', 'abort', agent.sid, '--reason', 'seen enough');
    expect(ended).toMatchObject({ code: 0, err: '' });
    expect(await stream).toBe('cut');
    expect(await agent.ask('GET', REPOSITORY)).toMatchObject(denied('SESSION_ABORTED'));
    expect((await place.firma('session', 'list')).out).toContain('aborted: seen enough');
  });
});
