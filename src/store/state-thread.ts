// The state store, in a thread of the writer process: a commit waits for the disk here, and the log does not. It ends
// when the sidecar's end of the pipe does: what was handed over before that is in the store then.

import { Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { STATE_INPUT_FD, STATE_OUTPUT_FD } from './messages.ts';
import type { StateArguments, StateThreadMessage } from './messages.ts';
import { StateServer } from './state-server.ts';
import { StateDatabase } from './state-database.ts';
import { StateFault } from './state-fault.ts';

function tell(message: StateThreadMessage): void {
  const port = parentPort;
  if (port !== null) port.postMessage(message);
}

async function serve(database: StateDatabase, fsync: StateArguments['fsync']): Promise<void> {
  const input = new Socket({ fd: STATE_INPUT_FD, readable: true, writable: false });
  const output = new Socket({ fd: STATE_OUTPUT_FD, readable: false, writable: true });
  const ended = new Promise((resolve) => input.once('close', resolve));
  input.on('error', () => {});
  output.on('error', () => {});
  const server = new StateServer(database, input, output, fsync === 'checkpoint');
  await ended;
  await server.finish();
  output.end();
}

async function main({ dir, fsync }: StateArguments): Promise<void> {
  let database: StateDatabase;
  try {
    database = await StateDatabase.open({ dir, fsync });
  } catch (error) {
    const what = error instanceof Error ? error.message : 'cannot be opened';
    tell({ type: 'refused', what, isDamaged: !(error instanceof StateFault) || error.isDamaged });
    return;
  }
  tell({ type: 'ready' });
  await serve(database, fsync);
}

// The writer process gives it these and nothing else.
const args: StateArguments = workerData;
await main(args);
