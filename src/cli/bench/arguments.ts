import { Usage } from '@firma/core';
import { isQuantile, isStage, QUANTILES, type Quantile, type Stage, STAGES } from './figures.ts';

/** A limit on one figure. */
export interface BudgetLimitUs {
  readonly stage: Stage;
  readonly quantile: Quantile;
  readonly limitUs: number;
}

/** A delay in one stage. */
export interface Planted {
  readonly stage: Exclude<Stage, 'total'>;
  readonly delayMs: number;
}

const UNIT_US: Readonly<Record<string, number>> = { us: 1, µs: 1, ms: 1000, s: 1_000_000 };
const MAX_US = 3600 * 1_000_000;

function list(words: readonly string[]): string {
  return words.map((word) => `\`${word}\``).join(', ');
}

/**
 * Reads `20us`, `1.5ms` or `10s`.
 *
 * @param option for the message
 * @returns microseconds, above 0 and at most an hour
 */
export function parseDurationUs(option: string, text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,9}(?:\.\d{1,6})?)(us|µs|ms|s)$/.exec(text) ?? [];
  const us = Number(digits) * (UNIT_US[unit] ?? Number.NaN);
  if (us > 0 && us <= MAX_US) return us;
  throw new Usage(
    `\`${option}\` is not a time; write a number with \`us\`, \`ms\` or \`s\` behind it, such as \`20us\``,
  );
}

/** Reads `10%` as 0.1. */
export function parseShare(option: string, text: string): number {
  const [, digits] = /^(\d{1,4}(?:\.\d{1,3})?)%$/.exec(text) ?? [];
  if (digits !== undefined) return Number(digits) / 100;
  throw new Usage(`\`${option}\` is not a share; write per cent, such as \`10%\``);
}

/** Reads a whole number between two others. */
export function parseWhole(option: string, text: string, min: number, max: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new Usage(`\`${option}\` is not a whole number from ${min} to ${max}`);
}

/** Reads `p99=1ms` or `policy.p99.9=200us`; without a stage the whole call is meant. */
export function parseBudget(text: string): BudgetLimitUs {
  const equals = text.indexOf('=');
  const figure = text.slice(0, Math.max(equals, 0));
  const dot = /^[a-z]+\./.test(figure) ? figure.indexOf('.') : -1;
  // Of `p99.9` the dot belongs to the number.
  const stage = dot === -1 || isQuantile(figure) ? 'total' : figure.slice(0, dot);
  const quantile = stage === 'total' && !figure.startsWith('total.') ? figure : figure.slice(dot + 1);
  if (!isStage(stage)) {
    throw new Usage(`\`--budget ${text}\` names no stage; they are ${list(STAGES)}`);
  }
  if (!isQuantile(quantile)) {
    throw new Usage(
      `\`--budget ${text}\` names no figure; write ${list(QUANTILES)}, a stage and a dot before it where one is meant, and a limit behind it, such as \`policy.p99=200us\``,
    );
  }
  return { stage, quantile, limitUs: parseDurationUs(`--budget ${text}`, text.slice(equals + 1)) };
}

/** Reads `policy=2ms`. */
export function parseSlow(text: string): Planted {
  const equals = text.indexOf('=');
  const stage = text.slice(0, Math.max(equals, 0));
  if (!isStage(stage) || stage === 'total') {
    const known = STAGES.filter((name) => name !== 'total');
    throw new Usage(`\`--slow ${text}\` names no stage; they are ${list(known)}`);
  }
  return { stage, delayMs: parseDurationUs(`--slow ${text}`, text.slice(equals + 1)) / 1000 };
}
