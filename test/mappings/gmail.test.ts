import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadMappings } from '../../native-free-core/normalizer/mappings.ts';
import { Normalizer } from '../../native-free-core/normalizer/normalizer.ts';
import { bytes, classify, request } from '../normalizer/request.ts';

const mappings = loadMappings([
  { file: 'gmail.toml', text: readFileSync(new URL('../../mappings/gmail.toml', import.meta.url), 'utf8') },
]);
const normalizer = new Normalizer(mappings);
const NO_BODY = bytes('');
const HOSTS = ['gmail.googleapis.com', 'www.googleapis.com'];
const USER = '/gmail/v1/users/me';

function classOf(method: string, path: string, headers: Readonly<Record<string, string>> = {}): string {
  return classify(normalizer, request(method, `https://${HOSTS[0]}${path}`, { headers }), NO_BODY);
}

/** Every rule of a host, without the host. */
function rulesOf(host: string): readonly string[] {
  return mappings.rules
    .filter(({ rule }) => rule.host.text === host)
    .map(({ rule }) => `${rule.methods.join(',')} ${rule.path.text} ${rule.actionClass.name}`)
    .sort();
}

describe('the Gmail table', () => {
  it.each([
    ['GET', `${USER}/messages/18c/attachments/ANGjdJ`, 'communication.external.read'],
    ['GET', `${USER}/settings/delegates`, 'communication.external.read'],
    ['GET', `${USER}/settings/sendAs/a@example.com`, 'communication.external.read'],
    ['GET', `${USER}/settings/sendAs/a@example.com/smimeInfo`, 'credential.read'],
    ['GET', `${USER}/settings/sendAs/a@example.com/smimeInfo/1`, 'credential.read'],
    ['GET', `${USER}/settings/cse/keypairs/ANe1`, 'credential.read'],
    ['HEAD', `${USER}/settings/cse/identities`, 'credential.read'],
    ['POST', `${USER}/settings/cse/keypairs/ANe1:obliterate`, 'credential.write'],
    ['PATCH', `${USER}/settings/cse/identities/a@example.com`, 'credential.write'],
    ['POST', `${USER}/settings/sendAs/a@example.com/smimeInfo/1/setDefault`, 'credential.write'],
    ['POST', `${USER}/messages`, 'communication.external.manage'],
    ['POST', `${USER}/messages/import`, 'communication.external.manage'],
    ['POST', `${USER}/messages/18c/untrash`, 'communication.external.manage'],
    ['PUT', `${USER}/settings/language`, 'communication.external.manage'],
    ['PUT', `${USER}/settings/vacation`, 'communication.external.send'],
    ['PUT', `${USER}/settings/imap`, 'account.permission.change'],
    ['PATCH', `${USER}/settings/sendAs/a@example.com`, 'account.permission.change'],
    ['POST', `${USER}/settings/sendAs/a@example.com/verify`, 'account.permission.change'],
    ['POST', '/upload/gmail/v1/users/me/messages/send', 'communication.external.send'],
    ['PUT', '/upload/gmail/v1/users/me/messages/send?upload_id=A', 'communication.external.send'],
    ['POST', '/upload/gmail/v1/users/me/drafts', 'communication.external.draft'],
    ['PUT', '/upload/gmail/v1/users/me/drafts/r1', 'communication.external.draft'],
    ['POST', '/upload/gmail/v1/users/me/messages', 'communication.external.manage'],
    ['POST', '/resumable/upload/gmail/v1/users/me/drafts/send', 'communication.external.send'],
    ['POST', '/batch/gmail/v1', 'account.permission.change'],
    ['POST', '/batch', 'account.permission.change'],
  ])('%s %s is %s', (method, path, expected) => {
    expect(classOf(method, path)).toBe(expected);
  });

  it('says the same at both hosts', () => {
    const [first = [], second] = HOSTS.map(rulesOf);
    expect(first.length).toBeGreaterThan(40);
    // The bare batch endpoint of the older host takes the calls of every Google API.
    expect(second).toEqual(first.filter((rule) => !rule.startsWith('POST /batch ')));
  });

  it.each(['me', 'a.b+c@example.com', 'a%40example.com', 'A@Example.com', 'a%2Fb', 'settings', 'send'])(
    'classes the calls of the user `%s` alike',
    (user) => {
      expect(classOf('POST', `/gmail/v1/users/${user}/messages/send`)).toBe('communication.external.send');
      expect(classOf('GET', `/gmail/v1/users/${user}/settings/cse/keypairs`)).toBe('credential.read');
    },
  );

  it.each([
    ['DELETE', `${USER}/messages/batchModify`, 'communication.external.delete'],
    ['DELETE', `${USER}/messages/18c%2Ftrash`, 'communication.external.delete'],
    ['PUT', '/upload/gmail/v1/users/me/drafts/send', 'communication.external.send'],
    ['POST', `${USER}/drafts/%73end`, 'communication.external.send'],
    ['POST', `${USER}/messages/send/`, 'communication.external.send'],
    ['POST', `${USER}/messages/send;v=1`, 'UNCLASSIFIED_ACTION'],
    ['POST', `${USER}/drafts%2Fsend`, 'UNCLASSIFIED_ACTION'],
    ['GET', `${USER}/settings/cse%2Fkeypairs`, 'credential.read'],
    ['GET', `${USER}/settings/sendAs/a@example.com%2FsmimeInfo`, 'credential.read'],
    ['POST', `${USER}/settings/cse/keypairs/ANe1%3Aobliterate`, 'credential.write'],
  ])('lets no spelling make %s %s milder', (method, path, expected) => {
    expect(classOf(method, path)).toBe(expected);
  });

  it('keeps to the case of names and to the methods there are', () => {
    expect(classOf('POST', `${USER}/messages/SEND`)).toBe('UNCLASSIFIED_ACTION');
    expect(classOf('POST', `${USER}/settings/unheard_of`)).toBe('UNCLASSIFIED_ACTION');
    expect(classOf('PATCH', `${USER}/messages/18c`)).toBe('UNCLASSIFIED_ACTION');
    expect(classOf('GET', '/batch/gmail/v1')).toBe('UNCLASSIFIED_ACTION');
  });

  it('takes a read that an override makes a deletion for one', () => {
    const headers = { 'x-http-method-override': 'DELETE' };
    expect(classOf('GET', `${USER}/messages/18c`, headers)).toBe('communication.external.delete');
  });
});
