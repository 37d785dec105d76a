import { execFileSync } from 'node:child_process';
import { cpus, loadavg } from 'node:os';

const start = (id: string): string => `<!-- bench:${id} -->`;
const end = (id: string): string => `<!-- /bench:${id} -->`;

/**
 * Puts what was measured in its place; everything else of the text stays as it is.
 *
 * @throws Error where the text does not have both marks of `id`, once and in order
 */
export function replaceSection(text: string, id: string, lines: readonly string[]): string {
  const [before, inside, ...twice] = text.split(start(id));
  const [, after, ...twiceEnded] = inside?.split(end(id)) ?? [];
  if (before === undefined || after === undefined || twice.length + twiceEnded.length > 0) {
    throw new Error(`\`${start(id)}\` and \`${end(id)}\` must stand once each, in this order`);
  }
  return `${before}${start(id)}\n\n${lines.join('\n')}\n\n${end(id)}${after}`;
}

function git(...args: readonly string[]): string {
  try {
    return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
}

/** Under what a figure was taken: one line that every section begins with. */
export function conditions(): string {
  const commit = git('rev-parse', '--short', 'HEAD') || 'unknown';
  // The results are what this run itself changes.
  const changed =
    git('status', '--porcelain', '--', ':/', ':(exclude,top)bench/RESULTS.md') === '' ? '' : ' with changes';
  const [load = 0] = loadavg();
  return (
    `${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${cpus().length} cores, Node ${process.version}, ` +
    `commit ${commit}${changed}, load ${load.toFixed(1)} before.`
  );
}
