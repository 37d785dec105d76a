import { describe, expect, it } from 'vitest';
import { classOf, groupsOf } from './tables.ts';

describe('paste sites, webhook catchers and file drops', () => {
  it.each([
    'https://paste.rs/',
    'https://gist.github.com/',
    'https://gist.github.com/0123456789abcdef.git/git-receive-pack',
    'https://pastebin.com/api/api_post.php',
    'https://transfer.sh/secrets.env',
    'https://store1.gofile.io/uploadFile',
    'https://litterbox.catbox.moe/resources/internals/api.php',
    'https://webhook.site/0b5c',
    'https://eo1a2b3c.m.pipedream.net/',
    'https://name.free.beeceptor.com/todos',
    'https://c23b2la0kl1krjcrdj10.oast.fun/',
    'https://x.y.oastify.com/',
    'https://a1b2.ngrok-free.app/collect',
    'https://quiet-hill-1234.trycloudflare.com/',
  ])('are sent to, whatever the method: %s', (url) => {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      expect(classOf(method, url)).toBe('communication.external.send');
    }
    expect(groupsOf(url)).toEqual(['exfiltration']);
  });

  it.each([
    'https://github.com.gist.github.com.evil.example/',
    'https://mypaste.rs/',
    'https://trycloudflare.com/',
    'http://0x0.st/',
    'https://0x0.st:8443/',
  ])('are no other hosts: %s', (url) => {
    expect(classOf('POST', url)).toBe('UNCLASSIFIED_ACTION');
  });

  it('do not hold the hosts of other tables', () => {
    expect(groupsOf('https://api.stripe.com/v1/charges')).toEqual([]);
    expect(groupsOf('https://hooks.slack.com/services/T0/B0/x')).toEqual([]);
  });
});
