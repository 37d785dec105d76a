import { describe, expect, it } from 'vitest';
import { compileBudgets } from '@firma/core';
import { parseConfig } from '../../src/config/parse.ts';
import { refusalOf } from './place.ts';

const FILE = '/etc/agents/firma.toml';

/** A budget whose keys begin in line 4. */
const budget = (lines: string): string => `[[sidecar.budgets]]\nname = "b"\nmatch = ["payment.*"]\n${lines}`;

async function refusal(text: string): Promise<string> {
  const { code, message } = await refusalOf(parseConfig(text, FILE));
  return code === 'CONFIG_INVALID' ? message : code;
}

async function budgets(text: string) {
  return (await parseConfig(text, FILE)).config.budgets;
}

describe('a budget of a configuration', () => {
  it.each([
    ['without a limit', '', ':1:1: `sidecar.budgets[0]` limits nothing; add `max_calls`'],
    [
      'with two limits',
      'max_calls = 1\nmax_amount = 1\ncurrency = "usd"',
      ':5:1: `sidecar.budgets[0].max_amount` cannot stand beside `max_calls`; write two budgets',
    ],
    [
      'with two other limits',
      'max_in_flight = 1\nmax_bytes = 1',
      ':4:1: `sidecar.budgets[0].max_in_flight` cannot stand beside `max_bytes`',
    ],
    [
      'with an amount of no currency',
      'max_amount = 1',
      ':4:1: `sidecar.budgets[0].max_amount` needs `currency`',
    ],
    [
      'with a currency of no amount',
      'max_calls = 1\ncurrency = "usd"',
      ':5:1: `sidecar.budgets[0].currency` belongs to `max_amount`',
    ],
    [
      'with a currency that is none',
      'max_amount = 1\ncurrency = "dollar"',
      ':5:1: `sidecar.budgets[0].currency` must be three letters',
    ],
    [
      'with a currency of letters that only look so',
      'max_amount = 1\ncurrency = "\u212Arw"',
      ':5:1: `sidecar.budgets[0].currency` must be three letters',
    ],
    [
      'with a negative limit',
      'max_calls = -1',
      ':4:1: `sidecar.budgets[0].max_calls` must be a whole number from 0',
    ],
    ['with half a byte', 'max_bytes = 0.5', ':4:1: `sidecar.budgets[0].max_bytes` must be a whole number'],
    [
      'per day',
      'max_calls = 1\nper = "day"',
      ':5:1: `sidecar.budgets[0].per` must be one of `session`, `agent`, `sidecar`',
    ],
    [
      'with a window of zero',
      'max_calls = 1\nwindow = "0h"',
      ':5:1: `sidecar.budgets[0].window` must be a whole number and `s`, `m`, `h` or `d`',
    ],
    [
      'with a window of no unit',
      'max_calls = 1\nwindow = 24',
      ':5:1: `sidecar.budgets[0].window` must be a string',
    ],
    [
      'with a window of calls under way',
      'max_in_flight = 1\nwindow = "24h"',
      ':5:1: `sidecar.budgets[0].window` cannot stand beside `max_in_flight`',
    ],
    [
      'for a host with a path',
      'max_calls = 1\nhost = "api.example.com/v1"',
      ':5:1: `sidecar.budgets[0].host` must be a host such as',
    ],
    [
      'for a host that folding made',
      'max_calls = 1\nhost = "\u212Aey.example.com"',
      ':5:1: `sidecar.budgets[0].host` must be a host such as',
    ],
    ['for no agent', 'max_calls = 1\nagent = ""', ':5:1: `sidecar.budgets[0].agent` must be a name'],
    [
      'with a secret for a key',
      'max_calls = 1\nidempotency = "header:Authorization"',
      ':5:1: `sidecar.budgets[0].idempotency` must be `header:` and the name of a header',
    ],
    [
      'of bytes with a key',
      'max_bytes = 1\nidempotency = "header:idempotency-key"',
      ':5:1: `sidecar.budgets[0].idempotency` belongs to `max_calls` or `max_amount`',
    ],
    [
      'with a mistyped key',
      'max_cals = 1',
      ':4:1: `sidecar.budgets[0].max_cals` is no known key; did you mean `max_calls`?',
    ],
  ])('%s is refused, with its line', async (_what, lines, expected) => {
    expect(await refusal(budget(lines))).toContain(FILE + expected);
  });

  it('on an unknown class is refused, and another is suggested', async () => {
    const text = '[[sidecar.budgets]]\nname = "b"\nmatch = ["code.read", "payment.transfr"]\nmax_calls = 1';
    expect(await refusal(text)).toContain(
      `${FILE}:3:23: \`sidecar.budgets[0].match[1]\` names \`payment.transfr\`, which is no action class; did you mean \`payment.transfer\`?`,
    );
  });

  it('has a name of its own', async () => {
    const one = budget('max_calls = 1');
    expect(await refusal(`${one}\n${one}`)).toContain(':6:1: `sidecar.budgets[1].name` is there twice');
  });

  it('takes no key from a header that a credential sets, however it is written', async () => {
    const secret = '[credentials.c]\nbind = ["api.example.com"]\nsource = "env:A"\nheader = "X_Token"\n';
    const text = `${budget('max_calls = 1\nidempotency = "header:x-token"')}\n${secret}`;
    expect(await refusal(text)).toContain(
      ':5:1: `sidecar.budgets[0].idempotency` names the header of a credential',
    );
    expect(await budgets(text.replace('X_Token', 'X-Other'))).toHaveLength(1);
  });

  it('is given its defaults, and has no key where nothing was said', async () => {
    const [written] = await budgets(budget('max_calls = 5'));
    expect(Object.entries(written ?? {})).toEqual([
      ['name', 'b'],
      ['match', ['payment.*']],
      ['maxCalls', 5],
      ['per', 'session'],
      ['onExceed', 'deny'],
    ]);
  });

  it('says all it can, its host, currency and header in lower case', async () => {
    const lines = [
      'agent = "Buyer 7"',
      'host = "*.Stripe.COM"',
      'per = "sidecar"',
      'window = "90s"',
      'max_amount = 9007199254740991',
      'currency = "USD"',
      'on_exceed = "abort"',
      'idempotency = "header:Idempotency-Key"',
    ];
    const written = await budgets(budget(lines.join('\n')));
    expect(written).toEqual([
      {
        name: 'b',
        match: ['payment.*'],
        agent: 'Buyer 7',
        host: '*.stripe.com',
        per: 'sidecar',
        window: '90s',
        maxAmount: Number.MAX_SAFE_INTEGER,
        currency: 'usd',
        onExceed: 'abort',
        idempotency: 'header:idempotency-key',
      },
    ]);
    expect(compileBudgets(written)).toMatchObject([
      { windowMs: 90_000, idempotencyHeader: 'idempotency-key', agent: 'Buyer 7', per: 'sidecar' },
    ]);
  });
});
