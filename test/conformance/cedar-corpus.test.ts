import { readFileSync } from 'node:fs';
import { isAuthorized } from '@cedar-policy/cedar-wasm/web';
import { expect, it } from 'vitest';
import { startCedar } from '../../native-free-core/policy/cedar.ts';
import { cedarModule } from '../../src/cedar-module.ts';
import { describeShared, sharedPath } from '../shared-data.ts';
import { answerOf, type CedarTest, compiledAnswers, expectedAnswers, readCorpus } from './cedar-corpus.ts';

startCedar(cedarModule());

const CORPUS = 'vectors/cedar-corpus.tar.gz';

/** Whether cedar-wasm can be asked: what it is handed passes through doubles. */
function isSafe({ entities, policies, requests }: CedarTest): boolean {
  return !/\d{16}/.test(entities + policies) && requests.every(({ context }) => !holdsBigint(context));
}

function holdsBigint(value: unknown): boolean {
  if (typeof value === 'bigint') return true;
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsBigint);
}

describeShared("Cedar's generated tests", CORPUS, () => {
  const tests = readCorpus(readFileSync(sharedPath(CORPUS)));

  it('get the expected answers: decision, determining policies, erroring policies', () => {
    const declined = new Map<string, number>();
    const differences: unknown[] = [];
    let requests = 0;
    let errors = 0;
    for (const test of tests) {
      const answers = compiledAnswers(test);
      if ('declined' in answers) {
        declined.set(answers.declined, (declined.get(answers.declined) ?? 0) + 1);
        continue;
      }
      for (const [index, expected] of expectedAnswers(test).entries()) {
        const answer = answers[index];
        requests += 1;
        errors += expected.errors.length;
        if (JSON.stringify(answer) !== JSON.stringify(expected)) {
          differences.push({ test: test.name, request: index, answer, expected });
        }
      }
    }
    const list = [...declined].map(([reason, count]) => `, ${count}: ${reason}`);
    process.stdout.write(
      `cedar corpus: ${tests.length} tests, ${requests} requests, ${errors} errors; declined${list.join('')}\n`,
    );
    expect(differences).toEqual([]);
    expect(tests).toHaveLength(3957);
    // One policy has more `if`s than are handed to Cedar's parser (`source.ts`).
    expect([...declined.values()]).toEqual([1]);
    expect(requests).toBe((tests.length - 1) * 8);
    expect(errors).toBeGreaterThan(1000);
  });

  it('are answered by the installed cedar-wasm as expected', () => {
    const sample = tests.filter((test, index) => index % 40 === 0 && isSafe(test));
    expect(sample.length).toBeGreaterThan(50);
    for (const test of sample) {
      const entities = JSON.parse(test.entities);
      const answers = test.requests.map(({ principal, action, resource, context }) => {
        const policies = { staticPolicies: test.policies };
        const parsed = JSON.parse(JSON.stringify(context));
        const answer = isAuthorized({ principal, action, resource, context: parsed, entities, policies });
        if (answer.type === 'failure') throw new Error(answer.errors[0]?.message);
        const { decision, diagnostics } = answer.response;
        return answerOf(
          decision,
          diagnostics.reason,
          diagnostics.errors.map(({ policyId }) => policyId),
        );
      });
      expect({ test: test.name, answers }).toEqual({ test: test.name, answers: expectedAnswers(test) });
    }
  });
});
