// How much of a counter the store already holds as spent. What is charged from that needs no write before it.

import { COMMITTED, HELD, PENDING_ROOM, ROOM } from './account-layout.ts';
import type { RulePlan } from './rule-plan.ts';

/** What may still be charged without another save, whatever becomes of the one under way. */
export function safeRoom(words: Float64Array, at: number): number {
  return Math.min(words[at + ROOM] ?? 0, words[at + PENDING_ROOM] ?? 0);
}

/** Whether everything held of a counter is what the store knows of as spent. */
export function isCovered(words: Float64Array, at: number, plan: RulePlan): boolean {
  return plan.isInFlight || (words[at + HELD] ?? 0) <= safeRoom(words, at);
}

/** Whether a save would help: less than half a block is left, or more than a block, after calls were rolled back. */
export function wantsSave(words: Float64Array, at: number, plan: RulePlan): boolean {
  if (plan.isInFlight) return false;
  const held = words[at + HELD] ?? 0;
  // What a save under way will have drawn counts too: nobody looks again after it.
  const drawn = Math.max(words[at + ROOM] ?? 0, words[at + PENDING_ROOM] ?? 0);
  if (drawn - held > plan.block) return true;
  const room = safeRoom(words, at);
  return room - held < plan.block / 2 && room < plan.limit - (words[at + COMMITTED] ?? 0);
}

/**
 * Decides what a save that is about to begin says is spent on top of what is committed: what is held, and a block.
 * INVARIANT: never above the limit, and never below what is held.
 *
 * @param exact nothing beyond what is held
 */
export function draw(words: Float64Array, at: number, plan: RulePlan, exact: boolean): number {
  if (plan.isInFlight) return 0;
  const held = words[at + HELD] ?? 0;
  const left = plan.limit - (words[at + COMMITTED] ?? 0);
  const room = exact ? held : Math.max(held, Math.min(left, held + plan.block));
  words[at + PENDING_ROOM] = room;
  return room;
}

/** Ends a save: what it said is what holds; of one that failed either may stand in the store. */
export function drawn(words: Float64Array, at: number, saved: boolean): void {
  const room = saved ? (words[at + PENDING_ROOM] ?? 0) : safeRoom(words, at);
  words[at + ROOM] = room;
  words[at + PENDING_ROOM] = room;
}
