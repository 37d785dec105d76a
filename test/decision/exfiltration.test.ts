import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { type Ask, rig, type Rig } from './rig.ts';

const MAPPINGS = `
[[rules]]
method = "GET"
host = "api.test"
path = "/**"
action_class = "code.read"

[[rules]]
method = "PUT"
host = "api.test"
path = "/**"
action_class = "code.write"

[[rules]]
method = "POST"
host = "api.test"
path = "/graphql"
action_class = "code.read"
refine = "graphql"
[rules.refine_map]
createPullRequest = "code.write"

[[rules]]
method = "POST"
host = "api.test"
path = "/rpc"
action_class = "issue.read"
refine = "json-rpc"
[rules.refine_map]
write = "code.write"
secret = "credential.read"

[[rules]]
method = "POST"
host = "outside.test"
path = "/"
action_class = "communication.external.send"
`;

const everything = '@id("everything") permit (principal, action, resource);\n';
const guard = readFileSync(new URL('../../policies/starter/exfiltration.cedar', import.meta.url), 'utf8');
const granted = ['code.read', 'code.write', 'issue.read', 'credential.read', 'communication.external.send'];
const SEND: Ask = { method: 'POST', hostPort: 'outside.test', target: '/' };

/** What becomes of a send after a call, in one session that a credential is injected into. */
async function sendAfter(first: Ask): Promise<string> {
  const subject: Rig = await rig({ mappings: MAPPINGS, policies: everything + guard });
  const caller = { token: subject.token({ action_set: granted }) };
  const decision = await subject.ask(first, caller);
  expect(decision.outcome).toBe('ALLOW');
  subject.decider.injected(decision, 'github');
  const { outcome, policies } = await subject.ask(SEND, caller);
  return `${outcome} ${policies.join(' ')}`;
}

function json(target: string, value: unknown): Ask {
  const headers = new Map([['content-type', ['application/json']]]);
  return { method: 'POST', target, headers, body: JSON.stringify(value) };
}

it('a session that changes code may send', async () => {
  expect(await sendAfter({ method: 'PUT' })).toBe('ALLOW everything');
});

it.each<[string, Ask]>([
  ['by itself', {}],
  ['behind a stricter method', { headers: new Map([['x-http-method-override', ['PUT']]]) }],
  ['behind a stricter method in the query', { target: '/repos/o/r?_method=PUT' }],
  [
    'in the answer of a mutation',
    json('/graphql', {
      query: 'mutation { createPullRequest(input: {}) { repository { object { text } } } }',
    }),
  ],
])('a session that reads code %s sends nothing outside', async (_how, read) => {
  expect(await sendAfter(read)).toBe('DENY exfiltration-after-private-read');
});

it('a session that reads a secret behind a stricter call of one batch sends nothing outside', async () => {
  const batch = json('/rpc', [{ method: 'write' }, { method: 'secret' }]);
  expect(await sendAfter(batch)).toBe('DENY exfiltration-after-credential-read');
});
