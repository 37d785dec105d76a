import * as fc from 'fast-check';
import {
  ATTRIBUTES,
  EXPR_TYPES,
  type ExprType,
  OPTIONAL_ATTRIBUTES,
  type OptionalAttribute,
} from './attributes.ts';
import * as literal from './literals.ts';
import { cedar, setOf, type Text } from './text.ts';

type Weighted = fc.WeightedArbitrary<string>;

/** What is known to be there where an expression stands. */
type Known = readonly OptionalAttribute[];

/** Expressions of a type that stand under an operator. */
type Operand = (type: ExprType) => Text;

// Every pair of optional attributes makes generators of its own.
const MAX_KNOWN = 2;

const order = fc.constantFrom('<', '<=', '>', '>=');
const equality = fc.constantFrom('==', '!=');
const overlap = fc.constantFrom('containsAll', 'containsAny');
const durationUnit = fc.constantFrom('toMilliseconds', 'toSeconds', 'toMinutes', 'toHours', 'toDays');
const decimalOrder = fc.constantFrom('lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual');
const ipTest = fc.constantFrom('isIpv4', 'isIpv6', 'isLoopback', 'isMulticast');

function times(weight: number, arbitrary: Text): Weighted {
  return { weight, arbitrary };
}

/** Tests of one variable, without operands. */
const SIMPLE_TESTS: readonly Weighted[] = [
  ...OPTIONAL_ATTRIBUTES.map(({ has }) => times(1, cedar`(${fc.constantFrom(...has)})`)),
  times(3, cedar`(principal == ${literal.agent})`),
  times(3, cedar`(resource == ${literal.resource})`),
  times(3, cedar`(principal in ${literal.agentGroups})`),
  times(3, cedar`(resource in ${literal.hostGroups})`),
  times(3, cedar`(action in ${literal.actions})`),
];

/** Operators with an answer of a type other than bool. */
function operators(type: ExprType, of: Operand): readonly Weighted[] {
  switch (type) {
    case 'long':
      return [
        times(4, cedar`(${of('long')} ${fc.constantFrom('+', '-', '*')} ${of('long')})`),
        times(1, cedar`(${literal.oddLong} ${fc.constantFrom('+', '-', '*')} ${of('long')})`),
        times(1, cedar`(${literal.oddLong} - ${literal.oddLong})`),
        times(1, cedar`(-(${of('long')}))`),
        times(2, cedar`${of('duration')}.${durationUnit}()`),
        times(1, cedar`(${of('resource')}).port`),
        times(1, cedar`(${of('pair')}).a`),
      ];
    case 'string':
      return [
        times(1, cedar`(${of('resource')}).${fc.constantFrom('host', 'path', 'method')}`),
        times(1, cedar`(${of('request')}).${fc.constantFrom('method', 'scheme')}`),
      ];
    case 'datetime':
      return [
        times(3, cedar`${of('datetime')}.offset(${of('duration')})`),
        times(1, cedar`${of('datetime')}.toDate()`),
      ];
    case 'duration':
      return [
        times(3, cedar`${of('datetime')}.durationSince(${of('datetime')})`),
        times(1, cedar`${of('datetime')}.toTime()`),
      ];
    case 'strings':
      return [times(2, setOf(of('string')))];
    case 'actions':
      return [times(2, setOf(of('action')))];
    case 'longs':
      return [times(2, setOf(of('long')))];
    case 'pair':
      return [times(4, cedar`{"a": ${of('long')}, "b c": ${of('bool')}}`)];
    default:
      return [];
  }
}

/** Operators with an answer of type bool. */
function tests(of: Operand): readonly Weighted[] {
  const bool = of('bool');
  return [
    times(6, cedar`(${bool} ${fc.constantFrom('&&', '||')} ${bool})`),
    times(2, cedar`(!${bool})`),
    times(6, cedar`(${of('long')} ${order} ${of('long')})`),
    times(2, cedar`(${of('datetime')} ${order} ${of('datetime')})`),
    times(1, cedar`(${of('duration')} ${order} ${of('duration')})`),
    times(5, fc.oneof(...EXPR_TYPES.map((type) => cedar`(${of(type)} ${equality} ${of(type)})`))),
    times(3, cedar`(${of('string')} like ${literal.pattern})`),
    times(2, cedar`${of('strings')}.contains(${of('string')})`),
    times(2, cedar`${of('actions')}.contains(${of('action')})`),
    times(1, cedar`${of('longs')}.contains(${of('long')})`),
    times(1, cedar`[${of('strings')}, ${of('strings')}].contains(${of('strings')})`),
    times(1, cedar`[${of('pair')}].${overlap}([${of('pair')}, ${of('pair')}])`),
    times(1, cedar`${of('strings')}.${overlap}(${of('strings')})`),
    times(1, cedar`${of('actions')}.${overlap}(${of('actions')})`),
    times(1, cedar`${of('longs')}.${overlap}(${of('longs')})`),
    times(1, cedar`${fc.oneof(of('strings'), of('actions'))}.isEmpty()`),
    times(2, cedar`(${of('agent')} in ${literal.agentGroups})`),
    times(2, cedar`(${of('resource')} in ${literal.hostGroups})`),
    times(3, cedar`(${of('action')} in ${fc.oneof(literal.actions, of('actions'), of('action'))})`),
    times(1, cedar`(${of('agent')} in (if ${bool} then ${literal.agentGroup} else ${literal.agentGroup}))`),
    times(1, cedar`(${of('resource')} is Firma::Resource in ${literal.hostGroup})`),
    times(1, cedar`(${of('agent')} is Firma::Agent in ${literal.agentGroup})`),
    times(1, cedar`(${of('resource')} has provider)`),
    times(1, cedar`${of('decimal')}.${decimalOrder}(${of('decimal')})`),
    times(1, cedar`${of('ip')}.${ipTest}()`),
    times(1, cedar`${of('ip')}.isInRange(${of('ip')})`),
  ];
}

/** A test of an optional attribute, where it is known to be there. */
function testOf({ type, read }: OptionalAttribute, of: Operand): Text {
  const value = fc.constantFrom(...read);
  if (type === 'long') return cedar`(${value} ${order} ${of('long')})`;
  const equals = cedar`(${value} ${equality} ${of(type)})`;
  return type === 'string'
    ? fc.oneof(equals, cedar`(${value} like ${literal.pattern})`)
    : fc.oneof(equals, cedar`(${value} in ${literal.actions})`);
}

/**
 * Expressions of a type, as Cedar text, that strict validation accepts against the schema of `INPUTS`.
 *
 * Shrinking goes towards expressions without operands.
 */
export class Expressions {
  readonly #made = new Map<string, Text>();

  /** @param depth how deep operators nest at most */
  of(type: ExprType, depth: number, known: Known = []): Text {
    const key = `${type} ${depth} ${known.map(({ has }) => has[0]).join()}`;
    let made = this.#made.get(key);
    if (made === undefined) {
      made = depth === 0 ? this.#leaf(type, known) : this.#composed(type, depth, known);
      this.#made.set(key, made);
    }
    return made;
  }

  #leaf(type: ExprType, known: Known): Text {
    const choices: Weighted[] = [];
    const paths = ATTRIBUTES[type];
    if (paths.length > 0) choices.push(times(4, fc.constantFrom(...paths)));
    for (const attribute of known) {
      if (attribute.type === type) choices.push(times(8, fc.constantFrom(...attribute.read)));
    }
    if (type === 'bool') choices.push(...SIMPLE_TESTS);
    choices.push(times(type === 'bool' ? 1 : 2, literal.ofType(type)));
    return fc.oneof({ withCrossShrink: true }, ...choices);
  }

  #composed(type: ExprType, depth: number, known: Known): Text {
    const of: Operand = (other) => this.of(other, depth - 1, known);
    const operated = type === 'bool' ? tests(of) : operators(type, of);
    return fc.oneof(
      { withCrossShrink: true },
      times(type === 'bool' ? 4 : 16, this.#leaf(type, known)),
      times(1, cedar`(if ${of('bool')} then ${of(type)} else ${of(type)})`),
      ...operated,
      ...this.#guarded(type, depth, known),
    );
  }

  /** Expressions that ask for an optional attribute before they read it. */
  #guarded(type: ExprType, depth: number, known: Known): readonly Weighted[] {
    if (known.length >= MAX_KNOWN) return [];
    const otherwise = this.of(type, depth - 1, known);
    const reads = OPTIONAL_ATTRIBUTES.filter((attribute) => !known.includes(attribute)).map((attribute) => {
      const of: Operand = (other) => this.of(other, depth - 1, [...known, attribute]);
      const has = fc.constantFrom(...attribute.has);
      if (type !== 'bool') return cedar`(if ${has} then ${of(type)} else ${otherwise})`;
      // The attribute is read more often than by chance.
      const inside = fc.oneof(of('bool'), testOf(attribute, of));
      return fc.oneof(cedar`(${has} && ${inside})`, cedar`(if ${has} then ${inside} else ${otherwise})`);
    });
    return [times(type === 'bool' ? 6 : 1, fc.oneof(...reads))];
  }
}
