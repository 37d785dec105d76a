import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startCedar } from '../../native-free-core/policy/cedar.ts';
import { isRecord } from '../../native-free-core/policy/expression.ts';
import { cedarModule } from '../../src/cedar-module.ts';
import { describeShared, sharedPath } from '../shared-data.ts';
import { compiledAnswers, expectedAnswers, readTest } from './cedar-corpus.ts';

startCedar(cedarModule());

const ROOT = 'vectors/cedar-handwritten';

/**
 * Entities with `__entity` written out. In these files the schema tells Cedar which `{type, id}` is an entity, and every one
 * is; a string that the schema calls a `decimal` or an `ipaddr` is looked at by no policy.
 */
function explicit(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(explicit);
  if (!isRecord(json)) return json;
  if (Object.keys(json).toSorted().join() === 'id,type') return { __entity: json };
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, explicit(value)]));
}

describeShared("Cedar's handwritten tests", ROOT, () => {
  const root = sharedPath(ROOT);
  const paths = readdirSync(join(root, 'tests'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.json'))
    .toSorted();

  it('are all here', () => expect(paths).toHaveLength(22));

  it.each(paths)('get the expected answers: %s', (path) => {
    const test = readTest(path, readFileSync(join(root, 'tests', path), 'utf8'), (named) => {
      const text = readFileSync(join(root, named), 'utf8');
      return named.endsWith('.json') ? JSON.stringify(explicit(JSON.parse(text))) : text;
    });
    expect(compiledAnswers(test)).toEqual(expectedAnswers(test));
  });
});
