// Where the fields of an account stand in its slot. An account holds counters: a session, an agent, the sidecar.
//
// INVARIANT: everything in a slot changes under the lock of its account, except `used`, which anybody sets and the home
// clears. `saved`, what `open` fills in and the use of the slot itself change in the home alone, under the lock.

/** Cells from a slot's first. */
export const CELL = {
  /** Grows whenever the rules of the session's tokens change, also when the slot is emptied. */
  tokenVersion: 0,
  /** First word of the session's `sid`. */
  sid: 1,
  /** Four cells: 16 bytes of a digest. */
  key: 2,
  hosts: 6,
  injectedCount: 8,
  injectedChain: 9,
  issuer: 10,
  agent: 11,
  abortReason: 12,
  /** Three currencies, each as three letters in one number. */
  currencies: 13,
  // From here on what every call looks at: one cache line, and the counters behind it.
  /** How many changes a call must not leave before, and how many of them are saved. */
  needs: 32,
  saved: 33,
  /** Looked at since the home last asked. */
  used: 34,
  hostChain: 35,
  /** Grows whenever the slot is emptied; with the slot it makes a handle. */
  generation: 36,
  flags: 37,
  /** Reservations not released yet, and those of them whose call is not decided. */
  outstanding: 38,
  undecided: 39,
  /** Grows with everything that policies see of a session. */
  revision: 40,
  /** The agent's account, as slot plus 1 and generation. */
  agentSlot: 41,
  agentGeneration: 42,
  /** First word of the block of recent digests, 0 without one. */
  digests: 43,
  /** One bit a class. */
  classes: 44,
  /** Grows whenever a set grows, so that lists made of them are known to be old. */
  view: 46,
  hostCount: 47,
} as const;

/** Words from a slot's first. */
export const WORD = {
  startMs: 8,
  allows: 9,
  denies: 10,
  sentBytes: 11,
  receivedBytes: 12,
  /** Of the three currencies. */
  amounts: 13,
  /** The counters of one rule after another. */
  counters: 24,
} as const;

/** Words before the counters. */
export const HEADER_WORDS = WORD.counters;

export const HOSTS_INLINE = 2;
export const CURRENCIES = 3;

/** Bits of `CELL.flags`. */
export const FLAG = {
  inUse: 1,
  /** What the store holds is not exactly what is here. */
  dirty: 2,
  hasTokenRules: 4,
  aborted: 8,
} as const;

// Small numbers in the upper bits of the flags, by where they begin: what every call looks at is one cache line.
const SMALL = 127;
/** Index of the class of the last allowed call, plus 1. */
export const LAST_CLASS = 8;
/** Which of the agents that rules name is the session's, from 1; 0 for another. */
export const AGENT_NUMBER = 16;

/** A small number in flags. */
export function smallIn(flags: number, place: number): number {
  return (flags >>> place) & SMALL;
}

/** Flags with another small number. */
export function withSmall(flags: number, place: number, value: number): number {
  return (flags & ~(SMALL << place)) | (value << place);
}

// Words of a counter.
/** What is charged for good, of a window what is live. */
export const COMMITTED = 0;
export const HELD = 1;
// Only a table with a store uses these; without one, counters without a window have two words.
/** What may be charged on top before the store has to be told. */
export const ROOM = 2;
/** The same according to the save under way; as `ROOM` without one. */
export const PENDING_ROOM = 3;

export const COUNTER_WORDS = 4;
export const EPHEMERAL_COUNTER_WORDS = 2;
/** Of a token's rule without a window: its limit, which a later token may make smaller, is behind its counter. */
export const TOKEN_COUNTER_WORDS = COUNTER_WORDS + 1;

/** Which pool an account is of. */
export const SESSION = 0;
export const AGENT = 1;
export const SIDECAR = 2;
export type Scope = typeof SESSION | typeof AGENT | typeof SIDECAR;
