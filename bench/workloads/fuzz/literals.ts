import * as fc from 'fast-check';
import type { ExprType } from './attributes.ts';
import { cedar, escaped, quoted, setOf, type Text } from './text.ts';
import {
  ACTION_GROUPS,
  ACTIONS,
  AGENT_GROUPS,
  AGENTS,
  COMMON_LONGS,
  DATETIMES,
  DECIMALS,
  DURATIONS,
  HOST_GROUPS,
  IPS,
  ODD_LONGS,
  RESOURCES,
  TEXTS,
} from './vocabulary.ts';

// Values, as Cedar text.

function entity(type: string, ids: readonly string[]): Text {
  return fc.constantFrom(...ids).map((id) => `Firma::${type}::${quoted(id)}`);
}

/** One entity, or a list of them. */
function oneOrMore(one: Text): Text {
  return fc.oneof(one, setOf(one));
}

export const agent = entity('Agent', AGENTS);
export const agentGroup = entity('AgentGroup', AGENT_GROUPS);
export const resource = entity('Resource', RESOURCES);
export const hostGroup = entity('HostGroup', HOST_GROUPS);
export const actionClass = entity('Action', ACTIONS);
export const action = entity('Action', [...ACTIONS, ...ACTION_GROUPS]);
export const agentGroups = oneOrMore(agentGroup);
export const hostGroups = oneOrMore(hostGroup);
export const actions = oneOrMore(action);

function anyOf(values: readonly string[], write: (value: string) => string = quoted): Text {
  return fc.constantFrom(...values).map(write);
}

function call(name: string): (text: string) => string {
  return (text) => `${name}("${text}")`;
}

const bool = fc.constantFrom('true', 'false');
/** At the ends of what a Long, and what a double, holds exactly. */
export const oddLong: Text = fc.constantFrom(...ODD_LONGS);
const long = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...COMMON_LONGS) },
  { weight: 1, arbitrary: oddLong },
);
const string = anyOf(TEXTS);
const datetime = anyOf(DATETIMES, call('datetime'));
const duration = anyOf(DURATIONS, call('duration'));
const decimal = anyOf(DECIMALS, call('decimal'));
const ip = anyOf(IPS, call('ip'));

/** Text of a pattern that stands for itself. */
function plain(text: string): string {
  return escaped(text).replaceAll('*', '\\*');
}

/** The beginning and the end of a text; they may overlap, so that the text is too short for both. */
const ends: Text = fc
  .tuple(fc.constantFrom(...TEXTS), fc.nat({ max: 8 }), fc.nat({ max: 8 }))
  .map(([text, head, tail]) => {
    const characters = Array.from(text);
    return `${plain(characters.slice(0, head).join(''))}*${plain(characters.slice(-tail).join(''))}`;
  });

const pieces: Text = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constant('*') },
      { weight: 1, arbitrary: fc.constant('\\*') },
      { weight: 3, arbitrary: fc.constantFrom('/', 'v1', 'a', 'e', 'main', '.com', '\u0301', '\u{1f600}') },
      { weight: 2, arbitrary: fc.constantFrom(...TEXTS).map(plain) },
    ),
    { maxLength: 4 },
  )
  .map((made) => made.join(''));

/** A pattern of `like`: wildcards, literal stars, and pieces of the texts that are matched. */
export const pattern: Text = cedar`"${fc.oneof(pieces, ends)}"`;

const LITERALS: Readonly<Record<ExprType, Text>> = {
  bool,
  long,
  string,
  datetime,
  duration,
  decimal,
  ip,
  agent,
  action,
  resource,
  strings: setOf(string),
  actions: setOf(action),
  longs: setOf(long),
  request: cedar`{"method": ${string}, "scheme": "https", "transport": "proxy", "body_bytes": ${long}, "query_present": ${bool}}`,
  pair: cedar`{"a": ${long}, "b c": ${bool}}`,
};

export function ofType(type: ExprType): Text {
  return LITERALS[type];
}
