// The deciding process: a sidecar on its own, started by `firma sidecar`, `firma run` and `firma demo` without the
// right to make code from strings. It ends on SIGTERM or SIGINT, or when the process that started it is gone.

import { parseArgs } from 'node:util';
import { exitCodeOf } from './exit-code.ts';
import { toWireError } from './session/wire-error.ts';
import type { SidecarMessage } from './session/sidecar-info.ts';
import { type Sidecar, startSidecarHere } from './sidecar.ts';

const { values } = parseArgs({
  options: {
    config: { type: 'string' },
    'state-dir': { type: 'string' },
    current: { type: 'boolean', default: false },
    ephemeral: { type: 'boolean', default: false },
    'reset-state': { type: 'boolean', default: false },
  },
});

function say(line: string): void {
  process.stderr.write(`firma: ${line}\n`);
}

function tell(message: SidecarMessage): void {
  if (process.connected) process.send?.(message);
}

// Told before the start was over, or by a parent that was gone before anybody listened.
const hadParent = process.connected;
let sidecar: Sidecar | undefined;
let ending = false;

async function end(exitCode: number): Promise<void> {
  if (ending) return;
  ending = true;
  try {
    await sidecar?.close();
    process.exitCode = exitCode;
  } catch (error) {
    say(toWireError(error).message);
    process.exitCode = 3;
  }
  if (process.connected) process.disconnect();
}

// Nobody may be left to read it; that is no reason to end.
process.stderr.on('error', () => undefined);
process.on('SIGTERM', () => void end(0));
process.on('SIGINT', () => void end(0));
process.on('disconnect', () => void end(0));

try {
  sidecar = await startSidecarHere({
    config: values.config,
    stateDir: values['state-dir'],
    current: values.current,
    ownsProcess: true,
    ephemeral: values.ephemeral,
    resetState: values['reset-state'],
    // Calls are denied; whoever runs this has to know.
    onUnavailable: say,
  });
  if (ending || (hadParent && !process.connected)) {
    await sidecar.close();
    process.exit(0);
  }
  for (const warning of sidecar.info.warnings) say(`warning: ${warning}`);
  tell({ type: 'ready', ...sidecar.info });
  void sidecar.failed.then((error) => {
    say(toWireError(error).message);
    return end(3);
  });
} catch (error) {
  tell({ type: 'failed', exitCode: exitCodeOf(error), ...toWireError(error) });
  await end(exitCodeOf(error));
}
