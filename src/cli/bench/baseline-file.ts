import { arch, cpus } from 'node:os';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { type BudgetInput, ConfigInvalid, readBudgetMembers, Usage, writeBudgetMembers } from '@firma/core';
import { z } from 'zod';
import { shippedPath } from '../../config/package-root.ts';
import { readInput } from '../input.ts';
import type { BenchConfig } from './configuration.ts';
import { eachOf, type Figures, QUANTILES, STAGES } from './figures.ts';

/** Where and with what figures were taken. */
export interface MadeOn {
  readonly firma: string;
  readonly node: string;
  readonly cpu: string;
}

/** What a baseline file holds: a configuration that can be run again, and what it came to where it was saved. */
export interface Baseline {
  readonly config: BenchConfig;
  readonly madeOn: MadeOn;
  readonly figures: Figures;
}

const FORMAT = 1;
const MAX_FILE_BYTES = 48 * 1024 * 1024;
const MAX_FILES = 1024;
const MAX_BUDGETS = 64;
const MAX_NAME_CHARS = 4096;
const MAX_TEXT_CHARS = 2 * 1024 * 1024;
const MAX_SKEW_S = 300;

const name = z.string().min(1).max(MAX_NAME_CHARS);
const us = z.number().nonnegative().finite();
const sources = z.array(z.strictObject({ name, text: z.string().max(MAX_TEXT_CHARS) })).max(MAX_FILES);
const quantiles = z.strictObject(eachOf(QUANTILES, () => us));

const SHAPE = z.strictObject({
  firma_bench: z.literal(FORMAT),
  made_on: z.strictObject({ firma: name, node: name, cpu: name }),
  settings: z.strictObject({
    default_protected: z.boolean(),
    skew_s: z.number().int().min(0).max(MAX_SKEW_S),
  }),
  budgets: z
    .array(
      z.strictObject({
        limit: z.record(z.string(), z.unknown()),
        agent: z.string().optional(),
        per: z.enum(['session', 'agent', 'sidecar']).optional(),
        on_exceed: z.enum(['deny', 'abort']),
      }),
    )
    .max(MAX_BUDGETS),
  mappings: sources,
  policies: sources,
  figures_us: z.strictObject(eachOf(STAGES, () => quantiles)),
});

type Written = z.infer<typeof SHAPE>;

/** This machine, and what runs on it. */
export function thisMachine(): MadeOn {
  const text: unknown = JSON.parse(readFileSync(shippedPath('package.json'), 'utf8'));
  const firma = typeof text === 'object' && text !== null && 'version' in text ? String(text.version) : '?';
  const [cpu] = cpus();
  return { firma, node: process.version, cpu: `${cpu?.model.trim() ?? 'unknown'} (${arch()})` };
}

function parse(text: string, file: string): Written {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ConfigInvalid('is not JSON; a baseline is written with `firma bench --save`', { file });
  }
  const format =
    typeof value === 'object' && value !== null && 'firma_bench' in value ? value.firma_bench : 0;
  if (format !== FORMAT) {
    throw new ConfigInvalid(`is no baseline of format ${FORMAT}; save it again with \`firma bench --save\``, {
      file,
    });
  }
  const checked = SHAPE.safeParse(value);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const path = [...(issue?.path ?? []), ...(unknown === undefined ? [] : [unknown])].map(String).join('.');
  const what = unknown === undefined ? 'is not as `firma bench --save` writes it' : 'is no known key';
  throw new ConfigInvalid(`\`${path}\` ${what}; save it again with \`firma bench --save\``, { file });
}

function budgetOf(
  { limit, agent, per, on_exceed: onExceed }: Written['budgets'][number],
  file: string,
): BudgetInput {
  const read = readBudgetMembers(limit);
  if ('problem' in read) {
    const key = read.key === undefined ? '' : `\`${read.key}\` of `;
    throw new ConfigInvalid(`${key}a budget ${read.problem}`, { file });
  }
  return {
    ...read,
    ...(agent === undefined ? {} : { agent }),
    ...(per === undefined ? {} : { per }),
    onExceed,
  };
}

/**
 * Reads a baseline: data, of which nothing is run but what is asked of tables and policies.
 *
 * @throws ConfigInvalid where it is longer than 48 MiB, of another format, or holds what is not known
 */
export async function readBaseline(file: string): Promise<Baseline> {
  const bytes = await readInput(file, MAX_FILE_BYTES + 1);
  if (bytes.length > MAX_FILE_BYTES) {
    throw new ConfigInvalid(`is longer than ${MAX_FILE_BYTES} bytes`, { file });
  }
  const written = parse(bytes.toString('utf8'), file);
  const named = (list: Written['mappings']): BenchConfig['mappings'] =>
    list.map((source) => ({ file: `${file}: ${source.name}`, text: source.text }));
  return {
    config: {
      file,
      defaultProtected: written.settings.default_protected,
      skewS: written.settings.skew_s,
      budgets: written.budgets.map((budget) => budgetOf(budget, file)),
      mappings: named(written.mappings),
      policies: named(written.policies),
    },
    madeOn: written.made_on,
    figures: written.figures_us,
  };
}

/** Writes everything that it takes to run a configuration again: no credential, no address, no token. */
export async function saveBaseline(file: string, { config, madeOn, figures }: Baseline): Promise<void> {
  const named = (list: BenchConfig['mappings']): Written['mappings'] =>
    list.map((source) => ({ name: source.file, text: source.text }));
  const written: Written = {
    firma_bench: FORMAT,
    made_on: { ...madeOn },
    settings: { default_protected: config.defaultProtected, skew_s: config.skewS },
    budgets: config.budgets.map(({ agent, per, onExceed, ...limit }) => ({
      limit: writeBudgetMembers(limit),
      ...(agent === undefined ? {} : { agent }),
      ...(per === undefined ? {} : { per }),
      on_exceed: onExceed,
    })),
    mappings: named(config.mappings),
    policies: named(config.policies),
    figures_us: eachOf(STAGES, (stage) => eachOf(QUANTILES, (quantile) => round(figures[stage][quantile]))),
  };
  await writeReport(file, `${JSON.stringify(written, undefined, 1)}\n`, '--save');
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/** @throws Usage where the file cannot be written */
export async function writeReport(file: string, text: string, option: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new Usage(`\`${file}\` cannot be written (${code}); name another file with \`${option}\``);
  }
}
