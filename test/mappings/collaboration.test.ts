import { describe, expect, it } from 'vitest';
import { bytes, isRefusal, request } from '../normalizer/request.ts';
import { classOf, mappings, normalizer } from './tables.ts';

const READ = 'communication.external.read';
const SEND = 'communication.internal.send';
const PERMISSION = 'account.permission.change';
const REFUSED = 'UNCLASSIFIED_ACTION';

const GRAPH = 'https://graph.microsoft.com/v1.0';
const JIRA = 'https://acme.atlassian.net/rest';

describe('Slack', () => {
  it.each([
    ['GET', 'conversations.history', READ],
    ['POST', 'conversations.history', READ],
    ['POST', 'users.info', READ],
    ['GET', 'search.messages', READ],
    ['POST', 'chat.scheduledMessages.list', READ],
    ['POST', 'chat.postMessage', SEND],
    ['POST', 'chat.delete', SEND],
    ['POST', 'conversations.open', SEND],
    ['POST', 'files.completeUploadExternal', SEND],
    ['POST', 'files.sharedPublicURL', 'communication.external.send'],
    ['POST', 'files.delete', 'filesystem.delete'],
    ['POST', 'conversations.invite', PERMISSION],
    ['POST', 'conversations.inviteShared', PERMISSION],
    ['POST', 'usergroups.users.update', PERMISSION],
    ['POST', 'usergroups.users.list', READ],
    ['POST', 'admin.users.invite', PERMISSION],
    ['POST', 'apps.manifest.update', PERMISSION],
    ['POST', 'oauth.v2.access', 'credential.write'],
    ['POST', 'tooling.tokens.rotate', 'credential.write'],
    ['GET', 'apps.auth.external.get', 'credential.read'],
    ['POST', 'no.such.method', REFUSED],
    ['POST', 'users.admin.invite', REFUSED],
  ])('%s %s is %s', (method, name, expected) => {
    expect(classOf(method, `https://slack.com/api/${name}`)).toBe(expected);
  });

  it.each([
    'chat.postMessage',
    'conversations.invite',
    'conversations.join',
    'reactions.add',
    'files.delete',
    'admin.users.invite',
    'admin.users.list',
    'apps.manifest.create',
    'apps.auth.external.delete',
    'oauth.v2.access',
    'auth.revoke',
  ])('answers GET too, so %s by GET is refused', (name) => {
    for (const method of ['GET', 'HEAD']) {
      expect(classOf(method, `https://slack.com/api/${name}`)).toBe(REFUSED);
    }
  });

  it.each([
    ['POST', 'https://hooks.slack.com/services/T0/B0/x', SEND],
    ['POST', 'https://hooks.slack.com/triggers/T0/1/x', SEND],
    ['GET', 'https://hooks.slack.com/services/T0/B0/x', REFUSED],
    ['GET', 'https://files.slack.com/files-pri/T0-F0/plan.pdf', 'filesystem.read'],
    ['POST', 'https://files.slack.com/upload/v1/ABC', SEND],
  ])('%s %s is %s', (method, url, expected) => {
    expect(classOf(method, url)).toBe(expected);
  });
});

describe('Teams', () => {
  it.each([
    ['GET', `${GRAPH}/teams/t/channels/c/messages`, READ],
    ['GET', `${GRAPH}/teams/t/channels/c/messages/m/replies`, READ],
    ['GET', `${GRAPH}/me/chats`, READ],
    ['GET', 'https://graph.microsoft.com/beta/chats/19%3Aabc@thread.v2/messages', READ],
    ['POST', `${GRAPH}/teams/t/channels/c/messages`, SEND],
    ['POST', `${GRAPH}/teams/t/channels/c/messages/m/replies`, SEND],
    ['POST', `${GRAPH}/chats/c/messages`, SEND],
    ['PATCH', `${GRAPH}/chats/c/messages/m`, SEND],
    ['POST', `${GRAPH}/teams/t/members`, PERMISSION],
    ['DELETE', `${GRAPH}/chats/c/members/m`, PERMISSION],
    ['POST', `${GRAPH}/teams/t/channels/c/members/add`, PERMISSION],
    ['POST', `${GRAPH}/$batch`, REFUSED],
    ['POST', `${GRAPH}/me/sendMail`, REFUSED],
    ['POST', 'https://acme.webhook.office.com/webhookb2/g@t/IncomingWebhook/x/y', SEND],
    [
      'POST',
      'https://prod-1.westeurope.logic.azure.com/workflows/w/triggers/manual/paths/invoke',
      'communication.external.send',
    ],
  ])('%s %s is %s', (method, url, expected) => {
    expect(classOf(method, url)).toBe(expected);
  });
});

describe('Discord', () => {
  it('is open to strangers: its webhooks send outside', () => {
    expect(classOf('POST', 'https://discord.com/api/webhooks/1/secret')).toBe('communication.external.send');
    expect(classOf('POST', 'https://discord.com/api/v10/webhooks/1/secret')).toBe(
      'communication.external.send',
    );
    expect(classOf('POST', 'https://discord.com/api/v10/channels/1/messages')).toBe(REFUSED);
  });
});

describe('Jira', () => {
  it.each([
    ['GET', `${JIRA}/api/3/issue/ABC-1`, 'issue.read'],
    ['GET', `${JIRA}/api/2/issue/ABC-1/comment`, 'issue.read'],
    ['POST', `${JIRA}/api/3/search/jql`, 'issue.read'],
    ['POST', `${JIRA}/api/3/issue/bulkfetch`, 'issue.read'],
    ['GET', `${JIRA}/api/latest/project/ABC/role/10002`, 'issue.read'],
    ['GET', `${JIRA}/agile/1.0/board/1/sprint`, 'issue.read'],
    ['POST', `${JIRA}/api/3/issue`, 'issue.write'],
    ['POST', `${JIRA}/api/3/issue/ABC-1/transitions`, 'issue.write'],
    ['DELETE', `${JIRA}/api/3/issue/ABC-1`, 'issue.write'],
    ['POST', `${JIRA}/agile/1.0/sprint/1/issue`, 'issue.write'],
    ['POST', `${JIRA}/api/3/issue/ABC-1/notify`, SEND],
    ['POST', `${JIRA}/api/3/project/ABC/role/10002`, PERMISSION],
    ['DELETE', `${JIRA}/api/3/group/user?groupId=1&accountId=2`, PERMISSION],
    ['POST', `${JIRA}/api/3/webhook`, PERMISSION],
    ['DELETE', `${JIRA}/api/3/project/ABC`, REFUSED],
    ['GET', 'https://atlassian.net/rest/api/3/issue/ABC-1', REFUSED],
  ])('%s %s is %s', (method, url, expected) => {
    expect(classOf(method, url)).toBe(expected);
  });
});

describe('Linear', () => {
  const URL = 'https://api.linear.app/graphql';

  function classesOfDocument(query: string): readonly string[] | string {
    const body = bytes(JSON.stringify({ query }));
    const raw = request('POST', URL, {
      headers: { 'content-type': 'application/json' },
      bodyLength: body.length,
    });
    const matched = normalizer.match(raw);
    const envelope = isRefusal(matched) ? matched : normalizer.envelope(matched, body);
    return isRefusal(envelope)
      ? envelope.refused
      : envelope.readings.map(({ actionClass }) => actionClass.name);
  }

  it.each<[string, readonly string[]]>([
    ['query { viewer { id } }', ['issue.read']],
    ['mutation { issueCreate(input: {}) { success } }', ['issue.write', 'issue.read']],
    ['mutation { notificationMarkReadAll(input: {}) { success } }', ['issue.read', 'notification.manage']],
    ['mutation { apiKeyCreate(input: {}) { success } }', ['credential.write', 'issue.read']],
    ['mutation { notOfThisTable(input: {}) { success } }', [PERMISSION, 'issue.read']],
    [
      'mutation { a: issueCreate(input: {}) { success } b: webhookCreate(input: {}) { success } }',
      [PERMISSION, 'issue.write', 'issue.read'],
    ],
  ])('%s is %s', (query, expected) => {
    expect(classesOfDocument(query)).toEqual(expected);
  });

  it('takes an unknown mutation for a change of permissions, the strictest of its table', () => {
    const rule = mappings.rules.find((mapped) => mapped.rule.host.text === 'api.linear.app')?.rule;
    expect(rule?.refinement?.strictest.name).toBe(PERMISSION);
  });
});
