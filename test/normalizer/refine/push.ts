import { bytes } from '../request.ts';

export const ZERO = '0'.repeat(40);
export const A = 'a1'.repeat(20);
export const B = 'B2'.repeat(20);
export const FLUSH = '0000';

/** A line with its length before it. */
export function pkt(line: string): string {
  return (bytes(line).length + 4).toString(16).padStart(4, '0') + line;
}

/** The head of a push: commands as `old new ref`, the first with capabilities as git sends them. */
export function pushOf(...commands: readonly string[]): string {
  const lines = commands.map((command, index) =>
    pkt(
      index === 0 ? `${command}\0 report-status side-band-64k object-format=sha1 agent=git/2.39.5` : command,
    ),
  );
  return lines.join('') + FLUSH;
}
