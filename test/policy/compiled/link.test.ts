import { describe, expect, it } from 'vitest';
import type { Access } from '../../../native-free-core/policy/compiled/access.ts';
import { type AuthorizationRequest, REQUEST_ACCESS } from './cedar/authorize.ts';
import { link } from '../../../native-free-core/policy/compiled/link.ts';
import { ERROR } from '../../../native-free-core/policy/compiled/value.ts';
import { compare, compiledAnswers, extension, lowered, permitWhen, requestOf, uid } from './oracle.ts';

// cedar-wasm says what is right.

describe('entities and attributes', () => {
  it.each([
    'principal.age == 30 && principal.boss == User::"bob"',
    'principal.address.zip.code == 7',
    'principal.boss.address.city == "Y"',
    'principal.boss.address.zip.code == 7',
    'principal has age && !(principal has wings)',
    'principal has address.zip.code',
    'principal has address.city.code',
    'principal has boss.address.city',
    'principal has boss.address.zip',
    'principal.address has zip.code',
    'principal.missing has zip',
    'principal["a b"] == 1',
    'resource has owner',
    'resource has owner.name',
    'resource.owner == principal',
    'User::"ghost" has name',
    'User::"ghost".name == "x"',
    'User::"ghost" == User::"ghost"',
    'principal.hasTag("level") && principal.getTag("level") == 3',
    'principal.hasTag("none")',
    'principal.getTag("none") == 1',
    'principal.getTag(principal.name) == 1',
    'principal.getTag(context.role) == "admin"',
    'resource.hasTag("level")',
    'resource.getTag("level") == 3',
    'Group::"team".hasTag("level")',
    'principal in Group::"team" && principal in Group::"company"',
    'principal in principal && resource in resource',
    'resource in Group::"team"',
    'Group::"company" in Group::"team"',
    'principal in [Group::"none", Group::"company"]',
    'principal in [Group::"company", 1]',
    'principal in []',
    'principal in context.groups',
    'principal.boss in [context.boss]',
    'principal is User in Group::"company"',
    'principal is Group in context.missing',
    'principal is User in context.missing',
    'principal is User in [Group::"team"]',
    'action is Action',
    'principal is App::User',
    'context.groups.containsAny([Group::"team", Group::"none"])',
    '{a: principal.age, "b c": [context.role]} == {"b c": ["role"], a: 30}',
    '{a: 1, b: context.missing}.a == 1',
    '[1, context.missing].contains(1)',
    '{a: 1}.a == 1 && {a: 1} has a && !({a: 1} has b)',
    '{"__proto__": 1} has "__proto__" && !({a: 1} has "__proto__") && !(context has "constructor")',
    'context.now > datetime("2024-01-01") && context.now.toTime() == duration("1h")',
    'context.now.offset(duration("1h")) == datetime("2024-01-01T02:00:00Z")',
    'context.now < duration("1h")',
  ])('answer as Cedar does: %s', (condition) => {
    const context = {
      role: 'role',
      groups: [uid('Group', 'team')],
      boss: uid('User', 'bob'),
      now: extension('datetime', '2024-01-01T01:00:00Z'),
    };
    expect(compare([permitWhen(condition)], [context]).differences).toEqual([]);
  });

  it('match heads as Cedar does', () => {
    const one = ['', '== User::"alice"', '== User::"bob"', 'is User', 'is Group', 'in Group::"company"'];
    const principals = [...one, 'in Group::"none"', 'is User in Group::"team"', 'is Group in Group::"team"'];
    const actions = [
      '',
      '== Action::"view"',
      'in [Action::"edit", Action::"view"]',
      'in Action::"all"',
      'in []',
    ];
    const resources = ['', '== Photo::"absent"', 'is Photo', 'in Photo::"absent"', 'is Photo in Group::"x"'];
    const policies = principals.flatMap((principal) =>
      actions.flatMap((action) =>
        resources.map(
          (resource) => `permit (principal ${principal}, action ${action}, resource ${resource});`,
        ),
      ),
    );
    const { differences, counts } = compare(policies);
    expect(differences).toEqual([]);
    expect(counts[0]).toBeGreaterThan(10);
    expect(counts[1]).toBeGreaterThan(10);
  });

  it('join `when` and `unless` in order', () => {
    const clauses = ['true', 'false', '1', 'context.missing'].flatMap((of) => [
      `when { ${of} }`,
      `unless { ${of} }`,
    ]);
    const policies = clauses.flatMap((a) =>
      clauses.map((b) => `permit (principal, action, resource) ${a} ${b};`),
    );
    expect(compare(policies).differences).toEqual([]);
  });
});

describe('faster access', () => {
  it('is asked first, with whole paths', () => {
    const asked: string[] = [];
    const access: Access<AuthorizationRequest> = {
      ...REQUEST_ACCESS,
      path: (variable, names) => {
        asked.push([variable, ...names].join('.'));
        return names.join() === 'session,calls' ? () => 4 : undefined;
      },
      has: (variable, names, read) => {
        asked.push(`${[variable, ...names.slice(0, read)].join('.')} has ${names.slice(read).join('.')}`);
        return names.includes('known') ? () => true : undefined;
      },
      isIn: (variable, { id }) => {
        asked.push(`${variable} in ${id}`);
        return id === 'none' ? undefined : () => id === 'yes';
      },
    };
    const answers = (condition: string): readonly number[] | undefined => {
      asked.length = 0;
      return compiledAnswers([permitWhen(condition)], [{}], access)[permitWhen(condition)];
    };
    expect(answers('context.session.calls == 4')).toEqual([1]);
    expect(asked).toEqual(['context.session.calls']);
    expect(answers('context has session.known')).toEqual([1]);
    expect(asked).toEqual(['context has session.known']);
    expect(answers('context.session has known')).toEqual([1]);
    expect(asked).toEqual(['context.session has known']);
    expect(answers('context.session has other')).toEqual([2]);
    expect(answers('principal in Group::"yes"')).toEqual([1]);
    expect(asked).toEqual(['principal in yes']);
    expect(answers('principal in [Group::"no", Group::"yes"]')).toEqual([1]);
    expect(answers('principal in [Group::"none", Group::"yes", Group::"team"]')).toEqual([1]);
    expect(answers('principal in [Group::"yes", 1]')).toEqual([2]);
    expect(answers('principal in []')).toEqual([0]);
    expect(answers('principal is User in Group::"yes"')).toEqual([1]);
    expect(answers('principal is Group in Group::"yes"')).toEqual([0]);
    const scoped = 'permit (principal in Group::"no", action, resource);';
    expect(compiledAnswers([scoped], [{}], access)[scoped]).toEqual([0]);
  });
});

describe('link', () => {
  it('answers a value that is no boolean, and ERROR for every error', () => {
    const ask = (expression: string) => {
      const { condition } = lowered(permitWhen(expression));
      if (condition === undefined) throw new Error('no condition');
      return link(condition, REQUEST_ACCESS)(requestOf({ n: 2 }));
    };
    expect(ask('context.n + 1')).toBe(3);
    expect(ask('9223372036854775807')).toBe(2n ** 63n - 1n);
    expect(ask('"a"')).toBe('a');
    expect(ask('context.n + "a"')).toBe(ERROR);
    expect(ask('context.n.x')).toBe(ERROR);
  });
});
