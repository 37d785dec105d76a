import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  ACTION_CLASSES,
  CATEGORIES,
  classSet,
  expandActionWord,
  findActionClass,
} from '../../native-free-core/registry/classes.ts';
import { registryMarkdown } from '../../native-free-core/registry/markdown.ts';

describe('the registry', () => {
  it('is a closed list of 44 classes, 15 of them base classes', () => {
    expect(ACTION_CLASSES).toHaveLength(44);
    expect(ACTION_CLASSES.filter((info) => info.base)).toHaveLength(15);
    expect(new Set(ACTION_CLASSES.map((info) => info.name)).size).toBe(44);
    expect(findActionClass('payment.everything')).toBeUndefined();
    expect(findActionClass('toString')).toBeUndefined();
  });

  it('names classes in lower case with dots and nothing else', () => {
    for (const { name } of ACTION_CLASSES) expect(name).toMatch(/^[a-z_]+(\.[a-z_]+)+$/);
  });

  it('gives the effect `read` exactly to what ends in .read', () => {
    for (const { name, effect } of ACTION_CLASSES) expect(effect === 'read').toBe(name.endsWith('.read'));
    expect(ACTION_CLASSES.filter((info) => info.effect === 'mixed').map((info) => info.name)).toEqual([
      'communication.external.send',
      'system.install',
      'notification.manage',
      'payment.method.setup',
      'payment.method.manage',
      'payment.tax',
    ]);
  });

  it('has the category before the first dot', () => {
    expect(CATEGORIES).toEqual([
      ...['account', 'browser', 'communication', 'credential', 'filesystem', 'memory', 'payment', 'system'],
      ...['code', 'issue', 'notification', 'security', 'repo', 'customer'],
    ]);
  });

  it('cannot be changed by who reads it', () => {
    expect(Object.isFrozen(ACTION_CLASSES)).toBe(true);
    expect(ACTION_CLASSES.every((info) => Object.isFrozen(info))).toBe(true);
  });

  it('expands a class to itself and a category to its members', () => {
    expect(expandActionWord('payment.transfer')?.map((info) => info.name)).toEqual(['payment.transfer']);
    expect(expandActionWord('issue.*')?.map((info) => info.name)).toEqual(['issue.read', 'issue.write']);
    for (const word of ['payment', 'payment.', '*', '.*', 'pay*', 'payment.method.*', '']) {
      expect(expandActionWord(word)).toBeUndefined();
    }
  });

  it('makes a set that holds its members only', () => {
    const members = expandActionWord('code.*') ?? [];
    const set = classSet(members);
    for (const info of ACTION_CLASSES) expect(set[info.index]).toBe(info.category === 'code' ? 1 : 0);
  });

  it('is what REGISTRY.md shows', () => {
    const file = new URL('../../native-free-core/registry/REGISTRY.md', import.meta.url);
    expect(readFileSync(fileURLToPath(file), 'utf8')).toBe(registryMarkdown());
  });
});
