import type { RunProfile } from '../config/config.ts';
import type { SidecarInfo } from '../session/sidecar-info.ts';

/** What an agent may inherit without being asked: where and who it is, and how text is shown. Nothing that opens a door. */
const INHERITED = new Set(
  'PATH HOME PWD SHELL TMPDIR USER LOGNAME LANG LANGUAGE TZ TERM COLORTERM NO_COLOR'.split(' '),
);

/** Certificate authorities that take the place of the system's. */
const BUNDLE_VARIABLES = [
  'SSL_CERT_FILE',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  'GIT_SSL_CAINFO',
  'CARGO_HTTP_CAINFO',
  'AWS_CA_BUNDLE',
  'PIP_CERT',
];

/** Certificate authorities that are added to the system's. */
const EXTRA_CA_VARIABLES = ['NODE_EXTRA_CA_CERTS', 'DENO_CERT'];

// Both cases: curl reads `http_proxy` in lower case alone, others the upper one.
const PROXY_VARIABLES = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy'];

/** The session's proxy URL: the only secret-like value an agent holds. */
export function proxyUrl(proxy: string, user: string, password: string): string {
  return `http://${user}:${password}@${new URL(proxy).host}`;
}

/**
 * The environment an agent is started with: of the caller's variables the harmless ones and those its profile names,
 * then what the profile sets, then the way through the sidecar, which nothing overrides.
 */
export function agentEnvironment(
  caller: Readonly<NodeJS.ProcessEnv>,
  profile: Pick<RunProfile, 'env' | 'passEnv'>,
  sidecar: Pick<SidecarInfo, 'caBundle' | 'caFile'>,
  proxy: string,
): Record<string, string> {
  const passed = new Set(profile.passEnv);
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(caller)) {
    if (value === undefined) continue;
    if (INHERITED.has(name) || name.startsWith('LC_') || passed.has(name)) env[name] = value;
  }
  Object.assign(env, profile.env);
  for (const name of PROXY_VARIABLES) env[name] = proxy;
  for (const name of BUNDLE_VARIABLES) env[name] = sidecar.caBundle;
  for (const name of EXTRA_CA_VARIABLES) env[name] = sidecar.caFile;
  // Set and empty: no host goes around the proxy, whatever a tool's own default is.
  env['NO_PROXY'] = '';
  env['no_proxy'] = '';
  env['NODE_USE_ENV_PROXY'] = '1';
  env['GIT_TERMINAL_PROMPT'] = '0';
  return env;
}
