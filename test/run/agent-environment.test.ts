import { describe, expect, it } from 'vitest';
import { agentEnvironment, proxyUrl } from '../../src/run/agent-environment.ts';

const SIDECAR = { caFile: '/run/ca.pem', caBundle: '/run/bundle.pem' };
const PROXY = 'http://user:password@127.0.0.1:3128';

const environment = (caller: NodeJS.ProcessEnv, profile: object = {}) =>
  agentEnvironment(caller, { env: {}, passEnv: [], ...profile }, SIDECAR, PROXY);

describe("an agent's environment", () => {
  it('has the harmless of the variables of its caller', () => {
    const harmless = {
      PATH: '/bin',
      HOME: '/home/me',
      LANG: 'C',
      LC_ALL: 'C',
      TERM: 'xterm',
      TZ: 'UTC',
      SHELL: '/bin/sh',
    };
    expect(environment(harmless)).toMatchObject(harmless);
  });

  it.each([
    'AWS_SECRET_ACCESS_KEY',
    'GITHUB_TOKEN',
    'STRIPE_API_KEY',
    'ANTHROPIC_API_KEY',
    'DATABASE_URL',
    'KUBECONFIG',
    'SSH_AUTH_SOCK',
    'GNUPGHOME',
    'DBUS_SESSION_BUS_ADDRESS',
    'XDG_RUNTIME_DIR',
    'FIRMA_STATE_DIR',
    'ANY_OTHER',
    'NODE_OPTIONS',
    'LD_PRELOAD',
    'LD_LIBRARY_PATH',
    'PYTHONPATH',
    'BASH_ENV',
    'GIT_SSH_COMMAND',
    'path',
    'NODE_TLS_REJECT_UNAUTHORIZED',
    'SSL_CERT_DIR',
    'npm_config_proxy',
  ])('does not have %s', (name) => {
    expect(environment({ [name]: 'x' })).not.toHaveProperty(name);
  });

  it('has what its profile passes on and sets', () => {
    const profile = { passEnv: ['EDITOR', 'UNSET'], env: { MODE: 'agent', HOME: '/work' } };
    const env = environment({ EDITOR: 'vi', HOME: '/home/me', OTHER: 'x' }, profile);
    expect(env).toMatchObject({ EDITOR: 'vi', MODE: 'agent', HOME: '/work' });
    expect(env).not.toHaveProperty('UNSET');
    expect(env).not.toHaveProperty('OTHER');
  });

  it('leads through the proxy, whatever the caller and the profile say', () => {
    const other = 'http://elsewhere.example';
    const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy'];
    const wrong = { ...Object.fromEntries(names.map((name) => [name, other])), NO_PROXY: '*', no_proxy: '*' };
    const env = environment(wrong, { passEnv: Object.keys(wrong), env: wrong });
    expect(names.map((name) => env[name])).toEqual(names.map(() => PROXY));
    expect([env['NO_PROXY'], env['no_proxy']]).toEqual(['', '']);
    expect(env['NODE_USE_ENV_PROXY']).toBe('1');
    expect(env['GIT_TERMINAL_PROMPT']).toBe('0');
  });

  it('trusts the certificate authority of the sidecar', () => {
    const env = environment({ SSL_CERT_FILE: '/elsewhere', NODE_EXTRA_CA_CERTS: '/elsewhere' });
    for (const name of ['SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'GIT_SSL_CAINFO']) {
      expect(env[name]).toBe('/run/bundle.pem');
    }
    for (const name of ['CARGO_HTTP_CAINFO', 'AWS_CA_BUNDLE', 'PIP_CERT'])
      expect(env[name]).toBe('/run/bundle.pem');
    for (const name of ['NODE_EXTRA_CA_CERTS', 'DENO_CERT']) expect(env[name]).toBe('/run/ca.pem');
  });
});

describe('a proxy URL', () => {
  it('names the session', () => {
    expect(proxyUrl('http://127.0.0.1:3128', 'user', 'pass_word-1')).toBe(
      'http://user:pass_word-1@127.0.0.1:3128',
    );
    expect(proxyUrl('http://[::1]:3128/', 'u', 'p')).toBe('http://u:p@[::1]:3128');
  });
});
