import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeLastingDir } from '../config/place.ts';
import { type Around, firma } from './firma.ts';

let place: Around & { readonly cwd: string };
let remove: () => void;

beforeAll(() => {
  const made = makeLastingDir({});
  remove = made.remove;
  place = { cwd: made.root, env: { FIRMA_STATE_DIR: join(made.root, 'state') } };
});

afterAll(() => remove());

/** Names the key: `alg`, `typ`, `kid`. */
function headerOf(token: string): string {
  return token.slice(0, token.indexOf('.'));
}

describe('firma token', () => {
  it('asks for what the default profile says, with one key for starts at the same time', async () => {
    const issued = await Promise.all([1, 2].map(() => firma(['token', 'issue', '--json'], place)));
    expect(issued.map(({ code }) => code)).toEqual([0, 0]);
    const [first, second] = issued.map(({ out }) => JSON.parse(out));
    expect(first.claims).toMatchObject({ sub: 'agent', resource_scope: ['*'] });
    expect(first.claims.action_set).toHaveLength(42);
    expect(headerOf(first.token)).toBe(headerOf(second.token));
    expect(first.claims.sid).not.toBe(second.claims.sid);
    expect(
      readdirSync(join(place.cwd, 'state', 'authority')).filter((name) => name.endsWith('.tmp')),
    ).toEqual([]);
  });

  it('issues what was asked for, and shows it', async () => {
    const issued = await firma(
      [
        'token',
        'issue',
        '--agent',
        'ci',
        '--group',
        'bots',
        '--action',
        'issue.*',
        '--scope',
        'api.github.com/**',
        '--ttl',
        '60',
      ],
      place,
    );
    expect(issued).toMatchObject({ code: 0, err: '' });
    expect(issued.out).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);

    const json = await firma(['token', 'inspect', '-', '--json'], { ...place, input: issued.out });
    const { verified, header, claims } = JSON.parse(json.out);
    expect(verified).toBe(false);
    expect(header).toMatchObject({ alg: 'EdDSA', typ: 'firma-cap+jwt' });
    expect(claims).toMatchObject({
      sub: 'ci',
      aud: 'firma',
      groups: ['bots'],
      action_set: ['issue.read', 'issue.write'],
      resource_scope: ['api.github.com/**'],
    });
    expect(claims.exp - claims.iat).toBe(60);

    const text = await firma(['token', 'inspect', '-'], { ...place, input: issued.out });
    expect(text.out).toMatch(/^exp +\d+ \(20\d\d-.*Z\)$/m);
    expect(text.err).toContain('its signature was not checked');
  });

  it('ends 1 where the issuance policies refuse, naming class and policy', async () => {
    const { code, out, err } = await firma(['token', 'issue', '--action', 'credential.write'], place);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain('may not be given `credential.write` (policy `issue-no-keys`');
  });

  it.each([
    [
      'a profile that does not exist',
      ['issue', '--profile', 'nobody'],
      'no profile is named `nobody`; there are `default`, `claude-code`',
    ],
    ['a life that is no number', ['issue', '--ttl', '1h'], '`--ttl` is a whole number of seconds'],
    ['a token that is none', ['inspect', '-'], 'this is no capability token'],
    ['a file that is not there', ['inspect', 'missing'], '`missing` does not exist'],
  ])('ends 2 for %s', async (_what, args, expected) => {
    const { code, out, err } = await firma(['token', ...args], { ...place, input: 'secret-thing' });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(expected);
    expect(err).not.toContain('secret-thing');
  });
});
