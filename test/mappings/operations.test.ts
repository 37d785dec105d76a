import { expect, it } from 'vitest';
import { describeShared } from '../shared-data.ts';
import { classOf, operationsOf, SURFACES, surfacePath, urlOf } from './tables.ts';

const SIZES = { github: 1223, stripe: 650, gmail: 86 } as const;

for (const surface of SURFACES) {
  describeShared(`every operation of ${surface}`, surfacePath(surface), () => {
    const operations = operationsOf(surface);

    it('is in the list', () => {
      expect(operations).toHaveLength(SIZES[surface]);
    });

    it('has a class, whether its parameters are names or numbers', () => {
      const unclassified = operations.flatMap((operation) =>
        ['octocat', '42'].flatMap((value) => {
          const url = urlOf(operation, () => value);
          const found = classOf(operation.method, url);
          return found.includes('.') ? [] : [`${operation.method} ${url}: ${found}`];
        }),
      );
      expect(unclassified).toEqual([]);
    });
  });
}
