import type { loadBundle } from '@firma/core';

// The names and values that both policies and queries are made of: few, so that they meet often.

/** Facts and budgets with names that a dot, a slash or every object's prototype could mislead. */
export const INPUTS = {
  params: { count: 'long', channel: 'string', constructor: 'long', 'git.tag': 'string' },
  budgets: ['spend', 'token/calls'],
} as const satisfies Parameters<typeof loadBundle>[1];

export const LONG_PARAMS = ['amount', 'count', 'constructor'] as const;
export const STRING_PARAMS = ['currency', 'git_ref', 'git_operation', 'channel', 'git.tag'] as const;

export const AGENTS = ['agent-1', 'agent-2', 'ägent "3"', ''] as const;
export const AGENT_GROUPS = ['ops', 'interns', 'agent-1'] as const;
export const HOST_GROUPS = ['bank', 'model', 'api.stripe.com/v1'] as const;
export const RESOURCES = ['api.stripe.com/v1', 'api.github.com/user', 'http://h:8080/*', 'bank'] as const;

/** Classes of three categories, one class named like the beginning of another. */
export const ACTIONS = [
  'payment.transfer',
  'payment.read',
  'code.read',
  'code.review.read',
  'credential.read',
] as const;
export const ACTION_GROUPS = ['payment', 'code', 'credential'] as const;

/** What texts are: also empty, in two Unicode forms of one letter, beyond the basic plane, and full of signs. */
export const TEXTS = [
  'GET',
  'POST',
  'https',
  'proxy',
  'usd',
  'api.stripe.com',
  'api.github.com',
  '/v1/charges/7',
  '/v1/*',
  'refs/heads/main',
  '',
  '\u00e9',
  'e\u0301',
  '\u{1f600}x',
  'a\u0000"\\\n',
  '*',
  '**a*b',
] as const;

const LEAST_LONG = '-9223372036854775808';
const GREATEST_LONG = '9223372036854775807';

export const COMMON_LONGS = ['0', '1', '2', '3', '7', '100', '443', '-1', '5000'] as const;
export const ODD_LONGS = [
  GREATEST_LONG,
  LEAST_LONG,
  '9007199254740991',
  '9007199254740992',
  '9007199254740993',
  '9223372036854775806',
  '-9007199254740992',
  '4294967296',
  '3037000500',
] as const;

export const DATETIMES = [
  '2025-01-01',
  '2025-01-01T13:30:00Z',
  '2025-01-01T13:30:00.001Z',
  '2025-01-01T19:00:00+0530',
  '1969-12-31T23:59:59.999Z',
  '1970-01-01',
  '0000-01-01',
  '9999-12-31T23:59:59.999Z',
  '2024-02-29T00:00:00.500-0100',
] as const;
/** Unix milliseconds. */
export const INSTANTS = [0, 1, 1_735_689_600_000, 1_735_738_200_000, 253_402_300_799_999] as const;

export const DURATIONS = [
  '0ms',
  '1ms',
  '-1ms',
  '1d2h3m4s5ms',
  '-36h',
  '365d',
  '1h90m',
  '-9223372036854775808ms',
  '9223372036854775807ms',
] as const;
export const DECIMALS = [
  '0.0',
  '1.5',
  '1.50',
  '-0.0001',
  '922337203685477.5807',
  '-922337203685477.5808',
] as const;
export const IPS = [
  '127.0.0.1',
  '10.0.0.0/8',
  '10.1.2.3',
  '10.1.2.3/32',
  '0.0.0.0/0',
  '224.0.0.1',
  '::1',
  '::/0',
  'ff02::1/16',
  '::ffff:0a01:0203',
  '2001:db8::/32',
] as const;
