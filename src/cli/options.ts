import type { Command } from 'commander';

/** The options of every command that reads configuration or state. */
export interface PlaceOptions {
  readonly config?: string;
  readonly stateDir?: string;
}

/** Where a command starts looking for configuration and state. */
export function surroundings(): { cwd: string; env: NodeJS.ProcessEnv } {
  return { cwd: process.cwd(), env: process.env };
}

export function withConfig(command: Command): Command {
  return command.option(
    '--config <file>',
    'configuration file (default: $FIRMA_CONFIG, or the nearest firma.toml)',
  );
}

export function withStateDir(command: Command): Command {
  return command.option(
    '--state-dir <dir>',
    'state directory (default: $FIRMA_STATE_DIR, $XDG_STATE_HOME/firma or ~/.local/state/firma)',
  );
}

export function withJson(command: Command): Command {
  return command.option('--json', 'print one JSON document');
}

/** Collects an option that may be given several times. */
export function collect(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}

/** Adds examples to a command's help. */
export function withExamples(command: Command, ...lines: readonly string[]): Command {
  const shown = lines.map((line) => `  $ ${line}`).join('\n');
  return command.addHelpText('after', `\n${lines.length === 1 ? 'Example' : 'Examples'}:\n${shown}`);
}
