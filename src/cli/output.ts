/**
 * One line as it may be shown on a terminal: control characters, line breaks too, which somebody else may have put
 * into a file name or a log, become `\xNN`.
 */
export function printable(line: string): string {
  let shown = '';
  for (const character of line) {
    const code = character.codePointAt(0) ?? 0;
    const isControl = code < 0x20 || (code >= 0x7f && code < 0xa0);
    // Line separators, and what makes a terminal write from right to left.
    const isLayout = (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
    shown += isControl || isLayout ? `\\x${code.toString(16).padStart(2, '0')}` : character;
  }
  return shown;
}

/** A line, or several, for a person. */
export function print(lines: string | readonly string[]): void {
  for (const line of typeof lines === 'string' ? [lines] : lines) {
    process.stdout.write(`${printable(line)}\n`);
  }
}

/** One JSON document for a program. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}

/** Rows, each a line, in columns as wide as their widest cell. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** A reader that has seen enough, such as `head`, is no error: what is left unsaid nobody wants. */
export function stopQuietlyOnClosedPipe(stream: NodeJS.WriteStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
}
