const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
// A window is counted in 32 steps, none shorter than 32 ms.
const MIN_WINDOW_MS = 2000;
const MAX_WINDOW_MS = 366 * 86_400_000;

/**
 * Reads the length of a budget's window: a whole number and a unit, `90s`, `15m`, `24h` or `7d`.
 *
 * @returns milliseconds, 2,000 to 366 days; undefined where the text is none
 */
export function parseWindowMs(text: string): number | undefined {
  if (!/^[1-9][0-9]{0,7}[smhd]$/.test(text)) return undefined;
  const ms = Number(text.slice(0, -1)) * (UNIT_MS[text.slice(-1)] ?? 0);
  return ms >= MIN_WINDOW_MS && ms <= MAX_WINDOW_MS ? ms : undefined;
}

// Secrets, which no envelope holds; and what a proxy writes itself or never passes on: what the upstream does not see
// cannot keep it from doing a call twice.
const NO_KEY: ReadonlySet<string> = new Set([
  'authorization',
  'connection',
  'content-length',
  'cookie',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-api-key',
  'x-forwarded-host',
  'x-http-path-override',
  'x-original-url',
  'x-rewrite-url',
]);

/**
 * Reads `header:<name>`, which says where a call's idempotency key stands.
 *
 * @returns the lower-case name; undefined where the text is not of that form, or the header holds a secret or does not
 *   reach the upstream
 */
export function parseIdempotencyHeader(text: string): string | undefined {
  const [, name] = /^header:([a-z0-9-]{1,64})$/.exec(text) ?? [];
  return name === undefined || NO_KEY.has(name) ? undefined : name;
}
