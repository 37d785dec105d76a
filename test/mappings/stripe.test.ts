import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Params } from '../../native-free-core/normalizer/envelope.ts';
import { bytes, classify, isRefusal, normalizerOf, request } from '../normalizer/request.ts';

const normalizer = normalizerOf(readFileSync(new URL('../../mappings/stripe.toml', import.meta.url), 'utf8'));
const API = 'https://api.stripe.com';
const NO_BODY = bytes('');

function classOf(method: string, path: string): string {
  return classify(
    normalizer,
    request(method, path.startsWith('/') ? API + path : `https://${path}`),
    NO_BODY,
  );
}

/** The facts of a POST, or why there are none; a body that starts with `{` is JSON. */
function factsOf(path: string, text: string): Params | string {
  const body = bytes(text);
  const type = text.startsWith('{') ? 'application/json' : 'application/x-www-form-urlencoded';
  const raw = request('POST', API + path, { headers: { 'content-type': type }, bodyLength: body.length });
  const matched = normalizer.match(raw);
  if (isRefusal(matched)) return matched.refused;
  const envelope = normalizer.envelope(matched, body);
  return isRefusal(envelope) ? envelope.refused : envelope.readings[0].params;
}

describe('the Stripe table', () => {
  it.each([
    ['POST', '/v1/payment_intents/pi_1/apply_customer_balance', 'payment.transfer'],
    ['POST', '/v1/payment_intents/pi_1/verify_microdeposits', 'payment.transfer'],
    ['POST', '/v1/checkout/sessions', 'payment.transfer'],
    ['POST', '/v1/checkout/sessions/cs_1/expire', 'payment.cancel'],
    ['POST', '/v1/payment_records/report_payment', 'payment.transfer'],
    ['POST', '/v1/payment_records/pr_1/report_refund', 'payment.refund'],
    ['POST', '/v1/climate/orders', 'payment.purchase'],
    ['POST', '/v1/credit_notes', 'payment.refund'],
    ['POST', '/v1/balance_settings', 'payment.payout'],
    ['POST', '/v1/payouts/po_1/reverse', 'payment.payout'],
    ['POST', '/v1/topups/tu_1/cancel', 'payment.cancel'],
    ['POST', '/v1/treasury/financial_accounts/fa_1/close', 'payment.payout'],
    ['POST', '/v1/treasury/outbound_payments/obp_1/cancel', 'payment.payout'],
    ['POST', '/v2/money_management/recipient_verifications/rv_1/acknowledge', 'payment.payout'],
    ['POST', '/v1/invoices/in_1/pay', 'payment.subscription'],
    ['POST', '/v1/invoices/create_preview', 'payment.read'],
    ['POST', '/v1/quotes/qt_1/accept', 'payment.subscription'],
    ['POST', '/v1/test_helpers/test_clocks/clock_1/advance', 'payment.subscription'],
    ['POST', '/v1/customers/cus_1/balance_transactions', 'payment.subscription'],
    ['POST', '/v1/forwarding/requests', 'communication.external.send'],
    ['POST', '/v1/file_links', 'communication.external.send'],
    ['POST', '/v1/issuing/cards', 'account.permission.change'],
    ['POST', '/v1/issuing/authorizations/iauth_1/approve', 'payment.transfer'],
    ['POST', '/v1/issuing/authorizations/iauth_1/decline', 'payment.cancel'],
    ['POST', '/v1/terminal/readers/tmr_1/process_payment_intent', 'payment.transfer'],
    ['POST', '/v1/terminal/readers/tmr_1/refund_payment', 'payment.refund'],
    ['POST', '/v1/accounts/acct_1/external_accounts', 'account.permission.change'],
    ['POST', '/v1/accounts/acct_1/login_links', 'account.permission.change'],
    ['DELETE', '/v2/core/event_destinations/ed_1', 'account.permission.change'],
    ['GET', '/v1/webhook_endpoints', 'credential.read'],
    ['GET', '/v1/customers/cus_1/sources/card_1', 'customer.read'],
    ['DELETE', '/v1/tax_ids/txi_1', 'payment.tax'],
    ['POST', 'files.stripe.com/v1/files', 'filesystem.write'],
    ['GET', 'files.stripe.com/v1/files/file_1/contents', 'filesystem.read'],
    ['GET', 'files.stripe.com/v1/quotes/qt_1/pdf', 'payment.read'],
    ['POST', 'meter-events.stripe.com/v2/billing/meter_event_stream', 'payment.subscription'],
    ['POST', 'connect.stripe.com/oauth/token', 'credential.write'],
  ])('%s %s is %s', (method, path, expected) => {
    expect(classOf(method, path)).toBe(expected);
  });

  it.each([
    '/v1/apps/secrets',
    '/v1/apps/secrets/find',
    '/v1/issuing/cards/ic_1',
    '/v1/issuing/tokens/intok_1',
    '/v1/tokens/tok_1',
    '/v1/confirmation_tokens/ctoken_1',
    '/v1/forwarding/requests/fwdreq_1',
    '/v2/core/account_tokens/accttok_1',
    '/v2/core/accounts/acct_1/person_tokens/perstok_1',
  ])('takes GET %s for the reading of a secret', (path) => {
    expect(classOf('GET', path)).toBe('credential.read');
    expect(classOf('HEAD', path)).toBe('credential.read');
  });

  it.each([
    '/v1/ephemeral_keys',
    '/v1/terminal/connection_tokens',
    '/v1/apps/secrets/delete',
    '/v1/customer_sessions',
    '/v2/billing/meter_event_session',
  ])('takes POST %s for the making or dropping of a secret', (path) => {
    expect(classOf('POST', path)).toBe('credential.write');
  });

  it.each([
    ['/v1/payment_intents/cancel', 'payment.transfer'],
    ['/v1/payment_intents/cancel/confirm', 'payment.transfer'],
    ['/v1/payment_intents/pi_1%2Fcancel', 'payment.transfer'],
    ['/v1/payment_intents/pi_1%2Fcancel/confirm', 'payment.transfer'],
    ['/v1/payment_intents/pi_1;x=1/confirm', 'payment.transfer'],
    ['/v1/topups/cancel', 'payment.transfer'],
    ['/v1/invoices/in_1%2Fcreate_preview', 'payment.subscription'],
    ['/v1/invoices%2Fcreate_preview', 'payment.subscription'],
    ['/v1/customers/cus_1%2Fbalance_transactions', 'payment.subscription'],
    ['/v1/terminal/readers/cancel_action/process_payment_intent', 'payment.transfer'],
  ])('lets no word in an id make POST %s milder', (path, expected) => {
    expect(classOf('POST', path)).toBe(expected);
  });

  it('reads no secret as something milder through an escaped slash', () => {
    expect(classOf('GET', '/v1/issuing/cards%2Fic_1')).toBe('credential.read');
    expect(classOf('GET', '/v1/issuing/disputes%2F..%2Fcards%2Fic_1')).toBe('credential.read');
    expect(classOf('GET', '/v1/charges/%2E%2E/apps/secrets')).toBe('credential.read');
  });

  it.each([
    ['POST', '/v1/unheard_of'],
    ['DELETE', '/v1/charges/ch_1'],
    ['PATCH', '/v1/customers/cus_1'],
    ['POST', '/v1/customers/cus_1/unheard_of'],
    ['POST', '/v1/payment_intents/pi_1/unheard_of'],
    ['GET', '/v1/ephemeral_keys/ek_1'],
    ['GET', '/v1/balance%2F..%2Fephemeral_keys'],
  ])('has no rule for %s %s', (method, path) => {
    expect(classOf(method, path)).toBe('UNCLASSIFIED_ACTION');
  });
});

describe('the facts of a Stripe call', () => {
  it.each<[string, string, Params]>([
    ['/v1/payment_intents', 'amount=500&currency=USD', { amount: 500, currency: 'usd' }],
    ['/v1/payment_intents/pi_1', 'amount=90000&metadata[amount]=1', { amount: 90_000 }],
    ['/v1/payment_intents/pi_1/confirm', 'return_url=https://shop.example', {}],
    ['/v1/payment_intents/pi_1/confirm', 'amount_to_confirm=12', { amount: 12 }],
    ['/v1/payment_intents/pi_1/capture', 'amount_to_capture=7&amount_details[tip]=1', { amount: 7 }],
    ['/v1/transfers/tr_1/reversals', 'amount=30', { amount: 30 }],
    ['/v1/treasury/outbound_transfers', 'amount=8&currency=eur', { amount: 8, currency: 'eur' }],
    ['/v1/application_fees/fee_1/refunds', '', {}],
    ['/v2/money_management/outbound_payments', '{"amount":{"value":25,"currency":"usd"}}', usd(25)],
    ['/v2/money_management/payout_intents', '{"amount":{"currency":"USD","value":0},"to":{}}', usd(0)],
  ])('POST %s with `%s`', (path, body, expected) => {
    expect(factsOf(path, body)).toEqual(expected);
  });

  it('has no amount where a credit is below zero', () => {
    expect(factsOf('/v1/invoiceitems', 'customer=cus_1&amount=-100&currency=usd')).toEqual({});
    expect(factsOf('/v1/customers/cus_1/balance_transactions', 'amount=-100&currency=usd')).toEqual({});
  });

  it.each([
    ['/v1/payment_intents', 'amount=-500&currency=usd'],
    ['/v1/payment_intents', 'amount=1&amount=90000&currency=usd'],
    ['/v1/payment_intents?amount=90000', 'amount=1&currency=usd'],
    ['/v1/payouts', 'amount=1e9&currency=usd'],
    ['/v1/payouts', '{"amount":1,"currency":"usd"}'],
    ['/v2/money_management/outbound_payments', '{"amount":90000}'],
    ['/v2/money_management/outbound_payments', '{"amount":{"value":"25","currency":"usd"}}'],
    ['/v2/money_management/outbound_payments', '{"amount":{"value":1,"value":90000}}'],
    ['/v2/money_management/outbound_payments', 'amount[value]=25'],
  ])('refuses POST %s with `%s`', (path, body) => {
    expect(factsOf(path, body)).toBe('PARAMS_UNREADABLE');
  });
});

/** An amount in US dollars. */
function usd(amount: number): Params {
  return { amount, currency: 'usd' };
}
