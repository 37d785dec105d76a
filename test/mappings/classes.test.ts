import { expect, it } from 'vitest';
import { ACTION_CLASSES, type ActionClass } from '../../native-free-core/registry/classes.ts';
import { classesOf, classOf, differences, mappings } from './tables.ts';

const GITHUB = 'https://api.github.com';
const STRIPE = 'https://api.stripe.com/v1';
const GMAIL = 'https://gmail.googleapis.com/gmail/v1/users/me';

/** For each class one call that a shipped rule gives it; `undefined` where `mappings/DIFFERENCES.md` says why not. */
const YIELDED: Readonly<Record<ActionClass, readonly [method: string, url: string] | undefined>> = {
  'account.permission.change': ['PUT', `${GITHUB}/repos/o/r/collaborators/octocat`],
  'browser.purchase': undefined,
  'communication.external.send': ['POST', 'https://api.anthropic.com/v1/messages'],
  'communication.internal.send': ['POST', 'https://slack.com/api/chat.postMessage'],
  'credential.read': ['GET', `${GITHUB}/repos/o/r/actions/secrets`],
  'credential.write': ['PUT', `${GITHUB}/repos/o/r/actions/secrets/TOKEN`],
  'filesystem.delete': ['POST', 'https://slack.com/api/files.delete'],
  'filesystem.read': ['GET', `${STRIPE}/files/file_1`],
  'filesystem.write': ['POST', `${STRIPE}/files`],
  'memory.cross_namespace.read': ['GET', `${GITHUB}/orgs/o/copilot-spaces`],
  'memory.cross_namespace.write': ['POST', `${GITHUB}/orgs/o/copilot-spaces`],
  'payment.purchase': ['POST', `${STRIPE}/climate/orders`],
  'payment.transfer': ['POST', `${STRIPE}/payment_intents`],
  'system.execute': ['POST', `${GITHUB}/repos/o/r/actions/workflows/ci.yml/dispatches`],
  'system.install': undefined,
  'code.read': ['GET', `${GITHUB}/repos/o/r/contents/README.md`],
  'code.review.read': ['GET', `${GITHUB}/repos/o/r/pulls/1`],
  'code.review.submit': ['POST', `${GITHUB}/repos/o/r/pulls/1/reviews`],
  'code.write': ['PUT', `${GITHUB}/repos/o/r/contents/README.md`],
  'code.destructive': ['DELETE', `${GITHUB}/repos/o/r/git/refs/heads/main`],
  'code.merge': ['PUT', `${GITHUB}/repos/o/r/pulls/1/merge`],
  'issue.read': ['GET', `${GITHUB}/repos/o/r/issues/1`],
  'issue.write': ['POST', `${GITHUB}/repos/o/r/issues`],
  'notification.manage': ['PUT', `${GITHUB}/notifications`],
  'security.alert.read': ['GET', `${GITHUB}/repos/o/r/secret-scanning/alerts`],
  'repo.lifecycle': ['POST', `${GITHUB}/repos/o/r/forks`],
  'repo.admin': ['DELETE', `${GITHUB}/repos/o/r`],
  'payment.read': ['GET', `${STRIPE}/balance`],
  'payment.cancel': ['POST', `${STRIPE}/payment_intents/pi_1/cancel`],
  'payment.refund': ['POST', `${STRIPE}/refunds`],
  'payment.payout': ['POST', `${STRIPE}/payouts`],
  'payment.dispute': ['POST', `${STRIPE}/disputes/dp_1`],
  'payment.subscription': ['POST', `${STRIPE}/subscriptions`],
  'payment.method.setup': ['POST', `${STRIPE}/setup_intents`],
  'payment.method.manage': ['POST', `${STRIPE}/payment_methods/pm_1/attach`],
  'payment.catalog.write': ['POST', `${STRIPE}/products`],
  'payment.tax': ['POST', `${STRIPE}/tax/calculations`],
  'customer.read': ['GET', `${STRIPE}/customers/cus_1`],
  'customer.write': ['POST', `${STRIPE}/customers`],
  'communication.external.read': ['GET', `${GMAIL}/messages/1`],
  'communication.external.draft': ['POST', `${GMAIL}/drafts`],
  'communication.external.manage': ['POST', `${GMAIL}/messages/1/trash`],
  'communication.external.delete': ['DELETE', `${GMAIL}/messages/1`],
  'communication.external.filter': ['POST', `${GMAIL}/settings/filters`],
};

it('gives each class by some shipped rule', () => {
  const wrong = ACTION_CLASSES.flatMap(({ name }) => {
    const call = YIELDED[name];
    const found = call === undefined ? name : classOf(...call);
    return found === name ? [] : [`${name}: ${call?.join(' ')} is ${found}`];
  });
  expect(wrong).toEqual([]);
});

it('says in DIFFERENCES.md why a class has no rule, of exactly those that have none', () => {
  const yielded = new Set(
    mappings.rules.flatMap(({ rule }) => classesOf(rule)).map((info): string => info.name),
  );
  const listed = differences('Classes without a rule');
  const names = ACTION_CLASSES.map(({ name }) => name);
  expect(listed.map(([name]) => name)).toEqual(names.filter((name) => !yielded.has(name)));
  expect(listed.map(([name]) => name)).toEqual(names.filter((name) => YIELDED[name] === undefined));
  for (const [, why = ''] of listed) expect(why.length).toBeGreaterThan(20);
});
