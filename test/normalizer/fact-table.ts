import { expect } from 'vitest';
import type { Params } from '../../native-free-core/normalizer/envelope.ts';
import { bytes, isRefusal, normalizerOf, request } from './request.ts';

export const FORM = 'application/x-www-form-urlencoded';

/** Facts from every place of a request. */
const normalizer = normalizerOf(`
[[rules]]
method = "POST"
host = "h.example"
path = "/form"
action_class = "payment.transfer"
[rules.params]
amount = "form:amount"
currency = "form:currency"
note = "form:note"

[[rules]]
method = "POST"
host = "h.example"
path = "/json"
action_class = "payment.transfer"
[rules.params]
amount = "json:/data/0/amount"
currency = "json:/currency"

[[rules]]
host = "h.example"
path = "/query"
action_class = "payment.transfer"
[rules.params]
amount = "query:amount"

[[rules]]
host = "h.example"
path = "/items"
action_class = "payment.transfer"
[rules.params]
amount = "form:line_items[0][amount]"
currency = "form:transfer_data[currency]"

[[rules]]
host = "h.example"
path = "/items-query"
action_class = "payment.transfer"
[rules.params]
amount = "query:line_items[0][amount]"

[[rules]]
host = "h.example"
path = "/users/*/**"
action_class = "payment.transfer"
[rules.params]
count = "header:x-count"
user = "path:2"
tail = "path:4"
`);

export interface Sent {
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly bodyLength?: number | undefined;
}

/** The facts of a call, or why it is refused as PARAMS_UNREADABLE. */
export function facts(path: string, sent: Sent): Params | string {
  const body = typeof sent.body === 'string' ? bytes(sent.body) : sent.body;
  const bodyLength = 'bodyLength' in sent ? sent.bodyLength : (body?.length ?? 0);
  const raw = request('POST', `https://h.example${path}`, { headers: sent.headers ?? {}, bodyLength });
  const matched = normalizer.match(raw);
  if (isRefusal(matched)) return matched.refused;
  const envelope = normalizer.envelope(matched, body);
  if (!isRefusal(envelope)) return envelope.readings[0].params;
  expect(envelope.refused).toBe('PARAMS_UNREADABLE');
  return envelope.detail;
}

export function form(body: string | Uint8Array, target = '/form'): Params | string {
  return facts(target, { body, headers: { 'content-type': FORM } });
}

export function json(body: string | Uint8Array, target = '/json'): Params | string {
  return facts(target, { body, headers: { 'content-type': 'application/json' } });
}
