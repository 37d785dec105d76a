import { expect, it } from 'vitest';
import { EXTENSION_FUNCTIONS } from '../../../../native-free-core/policy/compiled/extensions/functions.ts';
import { call, disagreements, type Term } from './oracle.ts';

const VALUES: readonly Term[] = [
  '1.0',
  0,
  call('decimal', '1.0'),
  call('ip', '10.0.0.1'),
  call('datetime', '1970-01-01'),
  call('duration', '1ms'),
];
const CONSTRUCTORS = new Set(['decimal', 'ip', 'datetime', 'duration']);

it('errors for arguments of other types, and for too few or too many, as cedar does', () => {
  const names = [...EXTENSION_FUNCTIONS.keys()];
  expect(names).toHaveLength(22);
  const terms = names.flatMap((fn) => {
    const one = VALUES.map((value) => call(fn, value));
    const two = VALUES.flatMap((a) => VALUES.map((b) => call(fn, a, b)));
    const three = VALUES.map((value) => call(fn, value, value, value));
    return CONSTRUCTORS.has(fn) ? [call(fn), ...one, ...two, ...three] : [...one, ...two, ...three];
  });
  expect(disagreements(terms)).toEqual([]);
});

it('tells values of different extension types apart', () => {
  expect(disagreements(VALUES.flatMap((a) => VALUES.map((b) => call('==', a, b))))).toEqual([]);
});
