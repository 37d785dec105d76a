// The demo's agent: a process of its own that holds no secret. It knows the upstreams by their public names, and its
// environment gives it a proxy and a certificate bundle, as `firma run` does for any program.
// It reports each step to its parent and leaves the judging to it.

import { type Dispatcher, EnvHttpProxyAgent, request } from 'undici';
import type { AgentStep } from './steps.ts';

const dispatcher = new EnvHttpProxyAgent();
const MAX_LOOPS = 100;

function report(step: AgentStep): void {
  process.send?.(step);
}

interface Answer {
  readonly status: number;
  readonly reason: string;
  readonly text: string;
}

/** The reason a denial names; empty where an upstream answered. */
function reasonOf(text: string): string {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body !== 'object' || body === null || !('firma' in body)) return '';
    const { firma } = body;
    if (typeof firma !== 'object' || firma === null || !('reason' in firma)) return '';
    return typeof firma.reason === 'string' ? firma.reason : '';
  } catch {
    return '';
  }
}

async function call(method: 'GET' | 'POST' | 'DELETE', url: string, form?: string): Promise<Answer> {
  const { statusCode, body } = await request(url, {
    method,
    dispatcher,
    headers: {
      accept: 'application/json',
      ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
    },
    ...(form === undefined ? {} : { body: form }),
  });
  const text = await body.text();
  return { status: statusCode, reason: reasonOf(text), text };
}

async function step(
  name: string,
  method: 'GET' | 'POST' | 'DELETE',
  url: string,
  form?: string,
): Promise<void> {
  const { status, reason } = await call(method, url, form);
  report({ name, status, reason });
}

function stream(path: string): Promise<Dispatcher.ResponseData> {
  return request(`https://api.openai.com${path}`, {
    method: 'POST',
    dispatcher,
    headers: { 'content-type': 'application/json' },
    body: '{"stream":true}',
  });
}

async function readStream(): Promise<void> {
  const { statusCode, body } = await stream('/v1/responses');
  let pieces = 0;
  for await (const chunk of body) {
    // Each acknowledged piece lets the upstream send the next: nothing arrives unless it is passed on at once.
    if (String(chunk).includes('data:'))
      report({ name: 'piece', status: statusCode, reason: '', piece: ++pieces });
  }
  report({ name: 'stream', status: statusCode, reason: '', pieces });
}

/** Opens an answer that does not end. @returns what waits for it to break off */
async function openStream(): Promise<() => Promise<void>> {
  const { statusCode, body } = await stream('/v1/chat/completions');
  report({ name: 'open', status: statusCode, reason: '' });
  const ended = body.text().then(
    () => '',
    () => 'CUT',
  );
  return async () => report({ name: 'cut', status: statusCode, reason: await ended });
}

async function loop(): Promise<void> {
  for (let turn = 1; turn <= MAX_LOOPS; turn++) {
    const { status, reason } = await call('GET', 'https://api.github.com/repos/octocat/hello-world/commits');
    if (status === 200) continue;
    report({ name: 'loop', status, reason, turns: turn });
    return;
  }
  report({ name: 'loop', status: 200, reason: '', turns: MAX_LOOPS });
}

await step('read', 'GET', 'https://api.github.com/repos/octocat/hello-world');
await step('mail', 'GET', 'https://gmail.googleapis.com/gmail/v1/users/me/messages');
await step('pay', 'POST', 'https://api.stripe.com/v1/payment_intents', 'amount=2000&currency=usd');
await step('overpay', 'POST', 'https://api.stripe.com/v1/payment_intents', 'amount=900000&currency=usd');
await step('paste', 'POST', 'https://paste.rs/', 'everything=I+know');
await step('unmapped', 'GET', 'https://unmapped.example/');
await step('destroy', 'DELETE', 'https://api.github.com/repos/octocat/hello-world');
await readStream();
const cut = await openStream();
await loop();
await cut();
await step('after', 'GET', 'https://api.github.com/repos/octocat/hello-world');
await dispatcher.close();
process.disconnect();
