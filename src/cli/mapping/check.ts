import type { Command } from 'commander';
import type { EffectNote, FirmaError, MappingSource, Overlap, Rule, Shadow } from '@firma/core';
import { EXIT } from '../exit.ts';
import type { PlaceOptions } from '../options.ts';
import { withConfig, withExamples, withJson, withStateDir } from '../options.ts';
import { print, printJson } from '../output.ts';
import { reportProblems } from '../report-problems.ts';
import { readTables } from './tables.ts';

interface Options extends PlaceOptions {
  readonly strict?: boolean;
  readonly json?: boolean;
}

interface Findings {
  readonly ok: boolean;
  readonly tables: number;
  readonly rules: number;
  readonly shadows: readonly Shadow[];
  readonly overlaps: readonly Overlap[];
  readonly effects: readonly EffectNote[];
}

/** A table can have as many as pairs of rules; nobody reads more. */
const MAX_OVERLAPS = 1000;
/** Notes of one kind that a person is shown. */
const MAX_NOTES = 20;

/** What is wrong with each table by itself, so that one error does not hide that of another table; else together. */
async function errorsOf(tables: readonly MappingSource[]): Promise<readonly FirmaError[]> {
  const { FirmaError, loadMappings } = await import('@firma/core');
  const errors: FirmaError[] = [];
  const load = (sources: readonly MappingSource[]): void => {
    try {
      loadMappings(sources);
    } catch (error) {
      if (!(error instanceof FirmaError)) throw error;
      errors.push(error);
    }
  };
  for (const table of tables) load([table]);
  if (errors.length === 0) load(tables);
  return errors;
}

async function check(tables: readonly MappingSource[], isStrict: boolean): Promise<Findings> {
  const { effectNotes, loadMappings, overlapsOf, shadowsOf } = await import('@firma/core');
  const mappings = loadMappings(tables);
  const shadows = shadowsOf(mappings);
  return {
    ok: !isStrict || shadows.length === 0,
    tables: tables.length,
    rules: mappings.rules.length,
    shadows,
    overlaps: overlapsOf(mappings, MAX_OVERLAPS).toSorted((left, right) => milderBy(right) - milderBy(left)),
    effects: effectNotes(mappings),
  };
}

/** By how many steps of risk the class that answers is the milder one: those overlaps are worth a look first. */
function milderBy({ answers, other }: Overlap): number {
  return other.actionClass.riskRank - answers.actionClass.riskRank;
}

function placeOf({ file, line }: Rule): { readonly file: string; readonly line: number } {
  return { file, line };
}

async function resultJson({ ok, tables, rules, shadows, overlaps, effects }: Findings): Promise<object> {
  const { writtenRule } = await import('@firma/core');
  const shown = (rule: Rule): object => ({
    rule: placeOf(rule),
    pattern: writtenRule(rule),
    action_class: rule.actionClass.name,
  });
  return {
    ok,
    tables,
    rules,
    shadows: shadows.map(({ rule, answeredBy }) => ({
      ...shown(rule),
      answered_by: answeredBy.map(placeOf),
    })),
    overlaps: overlaps.map(({ answers, other, example }) => ({
      answers: shown(answers),
      other: shown(other),
      example,
    })),
    effects: effects.map(({ rule, methods, actionClass: { name, effect } }) => ({
      ...shown(rule),
      action_class: name,
      effect,
      methods,
    })),
  };
}

async function toLines({ tables, rules, shadows, overlaps, effects }: Findings): Promise<string[]> {
  const { writtenRule } = await import('@firma/core');
  const most = overlaps.length === MAX_OVERLAPS ? ' or more' : '';
  return [
    ...shadows.map(({ rule, answeredBy }) => {
      const others = answeredBy.map(({ where }) => where).join(', ');
      return `${rule.where}: warning: \`${writtenRule(rule)}\` can never match; what answers instead: ${others}`;
    }),
    ...shortened(
      overlaps.map(
        ({ answers, other, example }) =>
          `${answers.where}: note: \`${writtenRule(answers)}\` makes \`${example}\` ${answers.actionClass.name}; ` +
          `\`${writtenRule(other)}\` at ${other.where} would make it ${other.actionClass.name}`,
      ),
      'overlaps',
    ),
    ...shortened(
      effects.map(({ rule, methods, actionClass: { name, effect } }) => {
        const what = effect === 'read' ? 'only reads' : 'is a change';
        return `${rule.where}: note: \`${writtenRule(rule)}\` answers ${methods.join(', ')}, but ${name} ${what}`;
      }),
      'effects',
    ),
    `rules: ${rules} in ${tables} ${tables === 1 ? 'table' : 'tables'}; can never match: ${shadows.length}; ` +
      `overlaps: ${overlaps.length}${most}; effects that do not fit the method: ${effects.length}`,
  ];
}

function shortened(notes: readonly string[], what: string): readonly string[] {
  const more = notes.length - MAX_NOTES;
  return more <= 0
    ? notes
    : [...notes.slice(0, MAX_NOTES), `note: ${more} more ${what}; \`--json\` lists them`];
}

async function run(files: readonly string[], options: Options): Promise<void> {
  const tables = await readTables(files, options);
  const errors = await errorsOf(tables);
  if (errors.length > 0) {
    await reportProblems(errors, options.json === true);
    return;
  }
  const findings = await check(tables, options.strict === true);
  if (!findings.ok) process.exitCode = EXIT.checkFailed;
  if (options.json === true) printJson(await resultJson(findings));
  else print(await toLines(findings));
}

export function register(mapping: Command): void {
  const command = mapping
    .command('check')
    .description('find errors in mapping tables, rules that can never match, and rules that overlap')
    .argument('[files...]', 'tables, or directories of them (default: those of the configuration)')
    .option('--strict', 'fail for a rule that can never match')
    .action(run);
  withExamples(
    withJson(withStateDir(withConfig(command))),
    'firma mapping check',
    'firma mapping check rules/*.toml --strict',
  );
}
