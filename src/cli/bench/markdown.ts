import { printable } from '../output.ts';
import { circumstances, figureRows, type Report, verdictOf } from './report.ts';

/** Text as it may stand in a cell or a line of Markdown: nothing in it is read as mark-up. */
function plain(text: string): string {
  return printable(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll(/[\\`*_[\]|~#]/g, '\\$&');
}

function table([head = [], ...rows]: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.map(plain).join(' | ')} |`;
  return [line(head), `|${' --- |'.repeat(head.length)}`, ...rows.map(line)];
}

/** A report for the summary page of a CI job. */
export function markdownReport(report: Report): string {
  const { checks, ok } = report.result;
  return [
    `## firma bench: ${ok ? 'all limits hold' : 'a limit is missed'}`,
    '',
    ...table(figureRows(report.result)),
    '',
    ...table([
      ['', 'what', 'came'],
      ...checks.map((check) => [verdictOf(check), `${check.kind} ${check.name}`, check.detail]),
    ]),
    '',
    ...circumstances(report).map((line) => `- ${plain(line)}`),
    '',
  ].join('\n');
}
