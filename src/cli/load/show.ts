import type { Quantiles } from '../../load/latencies.ts';
import type { LoadResult, LoadSecond } from '../../load/result.ts';
import { writtenCount, writtenMs, writtenShare } from '../../load/written.ts';
import { columns } from '../output.ts';

/** One line for a second of a run that goes on. */
export function progressLine({ atS, answered, unsent, errors, p50, p99 }: LoadSecond): string {
  const trouble = [
    ...(errors > 0 ? [`${writtenCount(errors)} errors`] : []),
    ...(unsent > 0 ? [`${writtenCount(unsent)} unsent`] : []),
  ];
  const line = [
    `${atS.toFixed(0)} s`,
    `${writtenCount(answered)}/s`,
    `p50 ${writtenMs(p50)} ms`,
    `p99 ${writtenMs(p99)} ms`,
    ...trouble,
  ];
  return line.join('  ');
}

function latencyRow(name: string, { p50, p90, p99, p999, max }: Quantiles): string[] {
  return [name, ...[p50, p90, p99, p999, max].map(writtenMs)];
}

function counts(title: string, byName: Readonly<Record<string, number>>, of: number): string[][] {
  return Object.entries(byName).map(([name, count], index) => {
    return [index === 0 ? title : '', name, writtenCount(count), writtenShare(count, of)];
  });
}

/** What a run came to, for a person. */
export function resultLines(result: LoadResult): string[] {
  const { answered, generator, latencyMs, sent, serviceMs, unsent } = result;
  return [
    ...columns([
      ['target', `${result.target} at ${result.address}, ${result.connections} connections`],
      [
        'asked',
        `${writtenCount(result.rate)}/s for ${result.durationS} s, ${writtenCount(result.agents)} agents, ${result.endpoints} endpoints, seed ${result.seed}`,
      ],
      [
        'sent',
        `${writtenCount(sent)}${unsent > 0 ? `, and ${writtenCount(unsent)} unsent` : ''}, ${writtenCount(result.requestBytes)} bytes each`,
      ],
      ['reached', `${writtenCount(result.ratePerSecond)}/s${result.interrupted ? ', interrupted' : ''}`],
    ]),
    '',
    ...columns([
      ['latency in ms', 'p50', 'p90', 'p99', 'p99.9', 'max'],
      latencyRow('since it was due', latencyMs),
      latencyRow('since it was sent', serviceMs),
    ]),
    '',
    ...columns([
      ...counts('outcomes', result.outcomes, answered),
      ...counts('reasons', result.reasons, answered),
      ...counts('errors', result.errors, sent),
      ...(result.refusedConnections > 0
        ? [['connections', 'refused', writtenCount(result.refusedConnections), '']]
        : []),
    ]),
    '',
    `generator  ${Math.round(generator.busy * 100)} % busy, p99 of its lateness ${writtenMs(generator.lagMs.p99)} ms`,
    ...result.budgets.map(
      ({ quantile, limitMs, latencyMs: reached, ok }) =>
        `budget     ${quantile} ${writtenMs(reached)} ms, ${ok ? 'within' : 'above'} ${writtenMs(limitMs)} ms`,
    ),
    ...result.warnings.map((warning) => `warning    ${warning}`),
  ];
}
