import { expect, it } from 'vitest';
import { hostMatches, pathMatches } from '../../native-free-core/normalizer/pattern.ts';
import type { Rule } from '../../native-free-core/normalizer/rules.ts';
import { isRefusal, request } from '../normalizer/request.ts';
import { mappings, normalizer } from './tables.ts';

interface Pair {
  readonly call: string;
  /** Path pattern of the rule that answers. */
  readonly wins: string;
  /** Path pattern of another rule that matches the call too. */
  readonly over: string;
  readonly why: string;
}

const PAIRS: readonly Pair[] = [
  {
    call: 'POST https://slack.com/api/chat.scheduledMessages.list',
    wins: '/api/chat.scheduledMessages.list',
    over: '/api/chat.*',
    why: 'the list of what will be sent is not a message',
  },
  {
    call: 'POST https://slack.com/api/apps.auth.external.get',
    wins: '/api/apps.auth.external.get',
    over: '/api/apps.*',
    why: 'it hands out a token, it does not change the app',
  },
  {
    call: 'POST https://slack.com/api/conversations.open',
    wins: '/api/conversations.open',
    over: '/api/conversations.*',
    why: 'opening a direct message adds nobody to a channel',
  },
  {
    call: 'POST https://acme.atlassian.net/rest/api/3/issue/bulkfetch',
    wins: '/rest/api/*/issue/bulkfetch',
    over: '/rest/api/*/issue/**',
    why: 'a literal stands before the rest of a path: a read that is sent as POST',
  },
  {
    call: 'POST https://acme.atlassian.net/rest/api/3/issue/ABC-1/notify',
    wins: '/rest/api/*/issue/*/notify',
    over: '/rest/api/*/issue/**',
    why: '`*` stands before `**`: mail is sent, the issue stays as it is',
  },
  {
    call: 'POST https://api.stripe.com/v1/invoices/create_preview',
    wins: '/v1/invoices/create_preview',
    over: '/v1/invoice*/**',
    why: 'a literal stands before a wildcard inside a segment: a preview bills nobody',
  },
  {
    call: 'GET https://api.stripe.com/v1/issuing/tokens/intok_1',
    wins: '/v1/issuing/tokens/*',
    over: '/v1/issuing/**',
    why: 'a token of a card is no plain read',
  },
  {
    call: 'GET https://api.stripe.com/v1/issuing/cards/ic_1',
    wins: '/v1/issuing/cards/**',
    over: '/v1/issuing/**',
    why: '`expand` shows the number of a card; of two `**` the one further right wins',
  },
  {
    call: 'GET https://api.stripe.com/v2/core/accounts/acct_1/person_tokens/pt_1',
    wins: '/v2/core/accounts/*/person_tokens/*',
    over: '/v2/core/accounts/**',
    why: 'a token below a customer is no customer',
  },
  {
    call: 'POST https://api.stripe.com/v2/billing/meter_event_session',
    wins: '/v2/billing/meter_event_session',
    over: '/v2/billing/**',
    why: 'a session for meter events is a token, not a bill',
  },
  {
    call: 'PUT https://gmail.googleapis.com/upload/gmail/v1/users/me/drafts/send',
    wins: '/upload/gmail/v1/users/*/drafts/send',
    over: '/upload/gmail/v1/users/*/drafts/*',
    why: 'no draft is called `send`: the last bytes of an upload send it',
  },
  {
    call: 'GET https://gmail.googleapis.com/gmail/v1/users/me/settings/sendAs/a@example.com/smimeInfo/1',
    wins: '/gmail/v1/users/*/settings/sendAs/*/smimeInfo/*',
    over: '/gmail/v1/users/*/**',
    why: 'an S/MIME key is no mail',
  },
  {
    call: 'GET https://gmail.googleapis.com/gmail/v1/users/me/settings/cse/keypairs',
    wins: '/gmail/v1/users/*/settings/cse/**',
    over: '/gmail/v1/users/*/**',
    why: 'keys of client-side encryption are no mail',
  },
  {
    call: 'POST https://api.github.com/user/codespaces/secrets/stop',
    wins: '/user/codespaces/secrets/**',
    over: '/user/codespaces/*/stop',
    why: 'the leftmost difference decides: a literal there beats any literal behind it',
  },
  {
    call: 'POST https://api.github.com/user/packages/projectsV2/1/drafts',
    wins: '/user/packages/*/*/**',
    over: '/user/*/projectsV2/*/drafts',
    why: 'one literal on the left beats two behind it, even with `**` at its end',
  },
  {
    call: 'GET https://api.github.com/user/gpg_keys/repos',
    wins: '/user/*keys/*',
    over: '/user/*/repos',
    why: 'a wildcard inside a segment stands before `*`, whatever follows',
  },
  {
    call: 'GET https://api.github.com/user/codespaces/secrets',
    wins: '/user/codespaces/*secrets',
    over: '/user/codespaces/**',
    why: 'a list of secrets is no codespace',
  },
  {
    call: 'POST https://api.github.com/orgs/o/personal-access-tokens/repos',
    wins: '/orgs/*/personal-access-tokens/*',
    over: '/orgs/*/*/repos',
    why: 'a grant with the id `repos` is a grant, no new repository',
  },
  {
    call: 'POST https://api.github.com/orgs/o/teams/repos',
    wins: '/orgs/*/teams/**',
    over: '/orgs/*/*/repos',
    why: 'a literal before `**` beats `*` before a literal',
  },
  {
    call: 'POST https://api.github.com/orgs/o/actions/runners/registration-token',
    wins: '/orgs/*/actions/runners/*-token',
    over: '/orgs/*/actions/**',
    why: 'a wildcard inside a segment, further right than `**`: the answer is a token',
  },
  {
    call: 'GET https://api.github.com/repos/o/r/actions/secrets/TOKEN',
    wins: '/repos/*/*/actions/secrets/**',
    over: '/repos/*/*/actions/**',
    why: 'a secret among workflows is a secret',
  },
  {
    call: 'GET https://api.github.com/repos/o/r/actions/organization-secrets',
    wins: '/repos/*/*/actions/*secrets',
    over: '/repos/*/*/actions/**',
    why: 'inherited secrets are secrets',
  },
  {
    call: 'GET https://api.github.com/repos/o/r/keys',
    wins: '/repos/*/*/*key*',
    over: '/repos/*/*/*',
    why: 'two wildcards inside a segment stand before `*`: deploy keys are no content',
  },
  {
    call: 'DELETE https://api.github.com/orgs/o/copilot-spaces/1/collaborators/user/octocat',
    wins: '/orgs/*/copilot-spaces/*/collaborators/**',
    over: '/orgs/*/copilot-spaces/**',
    why: 'who sees a space is a permission, not its content',
  },
];

/** Every rule that matches the call, looked for one by one: what the trie's answer is checked against. */
function matching(method: string, host: string, path: string): readonly Rule[] {
  return mappings.rules
    .map(({ rule }) => rule)
    .filter((rule) => rule.port === 443 && rule.scheme === 'https' && hostMatches(rule.host, host))
    .filter((rule) => rule.methods.length === 0 || rule.methods.includes(method))
    .filter((rule) => pathMatches(rule.path, path, rule.foldMask));
}

it('covers the 24 hardest pairs', () => {
  expect(new Set(PAIRS.map(({ wins, over }) => `${wins} ${over}`)).size).toBe(24);
});

it.each(PAIRS)('$call is of $wins, not of $over: $why', ({ call, wins, over }) => {
  const [method = '', url = ''] = call.split(' ');
  const { hostname, pathname } = new URL(url);
  const found = normalizer.match(request(method, url));
  if (isRefusal(found)) throw new Error(found.detail);
  expect(found.others).toEqual([]);
  const rules = matching(method, hostname, pathname);
  const winner = rules.find((rule) => rule.path.text === wins);
  const loser = rules.find((rule) => rule.path.text === over);
  expect(found.first.mapped.rule).toBe(winner);
  expect(loser?.actionClass.name).toBeDefined();
  expect(loser?.actionClass).not.toBe(winner?.actionClass);
});
