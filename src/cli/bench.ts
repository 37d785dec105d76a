import { setFlagsFromString } from 'node:v8';
import type { Command } from 'commander';
import { EXIT } from './exit.ts';
import { collect, surroundings, withConfig, withExamples, withJson } from './options.ts';
import { print, printable, printJson } from './output.ts';

interface Options {
  readonly config?: string;
  readonly requests?: string;
  readonly budget?: readonly string[];
  readonly baseline?: string;
  readonly maxRegression: string;
  readonly floor: string;
  readonly save?: string;
  readonly markdown?: string;
  readonly junit?: string;
  readonly duration: string;
  readonly attempts: string;
  readonly seed: string;
  readonly sessions: string;
  readonly slow?: string;
  readonly json?: boolean;
}

const MIN_DURATION_MS = 100;
const MAX_DURATION_MS = 300_000;

const HELP = `
What is timed: calls made from the mapping tables, one a rule (for a rule with \`refine\`, one a class), by sessions with
tokens for everything. The real thing decides them in this process: canonical target, rule, facts, token, session,
budgets, compiled policies, audit line. Nothing is sent, nothing is written but what is asked for, and nothing needs trust.
Each call is answered once before anything is timed, by both policy engines, and must be answered so every time.

Stages: normalize, capability, policy, record, total (the whole call), verify (a token seen for the first time).
Figures: p50, p99, p99.9. A budget is judged by the best of the rounds, because what else runs on the machine only adds.
What is missed is measured again, from the start, and counts as missed only where it is each time (\`--attempts\`).

\`--baseline\` runs the saved configuration and the present one in turns (A B, B A, …) here and now, and compares their p50 and
p99, round by round: of each call the fastest of its laps in a round, of the differences the median of the rounds. It
fails where one is above \`--max-regression\` and above \`--floor\`. The saved figures take no part, so the file may come from another
machine; the firma that runs both is this one. \`--save\` writes the file only where everything holds.

\`--slow STAGE=TIME\` plants a delay in a stage of the present configuration, to see that the gate fails.

Ends 1 where a limit is missed, 2 for a wrong option or configuration, 3 where it cannot run.`;

async function run(options: Options): Promise<void> {
  const { Usage } = await import('@firma/core');
  const { parseBudget, parseDurationUs, parseWhole, parseShare, parseSlow } =
    await import('./bench/arguments.ts');
  const { readBaseline, saveBaseline, thisMachine, writeReport } = await import('./bench/baseline-file.ts');
  const { benchConfigOf } = await import('./bench/configuration.ts');
  const { readRequests } = await import('./bench/request-file.ts');
  const { readUntrusted } = await import('../config/open.ts');
  const { runBench } = await import('./bench/run-bench.ts');
  const { jsonReport, textReport } = await import('./bench/report.ts');
  const durationMs = parseDurationUs('--duration', options.duration) / 1000;
  if (durationMs < MIN_DURATION_MS || durationMs > MAX_DURATION_MS) {
    throw new Usage('`--duration` must be from `100ms` to `300s`');
  }
  if (options.json === true && options.markdown === '-') {
    throw new Usage('`--json` and `--markdown -` both print; write one of them to a file');
  }
  const settings = {
    budgets: (options.budget ?? []).map(parseBudget),
    maxRegression: parseShare('--max-regression', options.maxRegression),
    floorUs: parseDurationUs('--floor', options.floor),
    sessions: parseWhole('--sessions', options.sessions, 1, 1000),
    seed: parseWhole('--seed', options.seed, 0, 2 ** 32 - 1),
    attempts: parseWhole('--attempts', options.attempts, 1, 10),
    planted: options.slow === undefined ? undefined : parseSlow(options.slow),
    durationMs,
  };
  const config = benchConfigOf(await readUntrusted(options, surroundings()));
  const baseline = options.baseline === undefined ? undefined : await readBaseline(options.baseline);
  const requests = options.requests === undefined ? undefined : await readRequests(options.requests);
  // A command asks Cedar once, and is told not to compile it for speed; what is timed here is a sidecar, which does.
  setFlagsFromString('--no-liftoff-only');
  const result = await runBench({ ...settings, config, baseline, requests });

  const report = { result, madeOn: thisMachine(), baseline };
  if (options.junit !== undefined) {
    const { junitReport } = await import('./bench/junit.ts');
    await writeReport(options.junit, junitReport(report), '--junit');
  }
  if (options.markdown !== undefined) {
    const { markdownReport } = await import('./bench/markdown.ts');
    const text = markdownReport(report);
    if (options.markdown === '-') process.stdout.write(text);
    else await writeReport(options.markdown, text, '--markdown');
  }
  if (options.json === true) printJson(jsonReport(report));
  else if (options.markdown !== '-') print(textReport(report));
  if (!result.ok) {
    process.exitCode = EXIT.checkFailed;
    if (options.save !== undefined)
      process.stderr.write(`firma: \`${printable(options.save)}\` is not written\n`);
    return;
  }
  if (options.save === undefined) return;
  await saveBaseline(options.save, { config, madeOn: report.madeOn, figures: result.figures });
}

export function register(program: Command): void {
  const command = program
    .command('bench')
    .description(
      'time decisions with the configuration as it stands, and hold them against limits and a baseline; ends 1 where one is missed',
    )
    .option(
      '--budget <limit>',
      'a limit such as `p99=1ms` or `policy.p50=20us`; may be given several times',
      collect,
    )
    .option(
      '--baseline <file>',
      'run the configuration saved there as well, and fail where this one is slower',
    )
    .option('--max-regression <share>', 'how much slower, at most, with `--baseline`', '10%')
    .option('--floor <time>', 'a smaller difference is none, with `--baseline`', '5us')
    .option('--save <file>', 'write this configuration and its figures, for a later `--baseline`')
    .option(
      '--requests <file>',
      'time the calls of this file: JSON lines as `firma decide` takes them, without token',
    )
    .option('--markdown <file>', 'write a summary for a CI job, or with - print it')
    .option('--junit <file>', 'write a JUnit report, too')
    .option('--duration <time>', 'how long each configuration is timed, from 100ms to 300s', '5s')
    .option('--attempts <number>', 'how often what is missed is measured, at most', '3')
    .option('--sessions <number>', 'by how many sessions the calls are made', '256')
    .option('--seed <number>', 'order of the calls and sessions', '1')
    .option('--slow <delay>', 'plant a delay such as `policy=2ms`, to see that the gate fails')
    .action(run);
  command.addHelpText('after', HELP);
  withExamples(
    withJson(withConfig(command)),
    'firma bench --budget p99=1ms',
    'firma bench --save bench.json',
    'firma bench --baseline bench.json --budget p99=1ms --junit firma.xml --markdown summary.md',
    'firma bench --baseline bench.json --slow policy=2ms',
  );
}
