// The broker: the only process that reads secrets. It lives as long as the channel to the sidecar does.

import type { FromBroker, ToBroker } from './messages.ts';
import { Vault } from './vault.ts';

let vault: Vault | undefined;

function answer(message: FromBroker): void {
  if (process.connected) process.send?.(message);
}

async function receive(message: ToBroker): Promise<void> {
  if (message.type === 'start') {
    vault = new Vault(message.entries, process.env);
    answer({ type: 'started', problems: await vault.problems() });
    return;
  }
  const { id, label } = message;
  const value = (await vault?.value(label)) ?? { ok: false, problem: 'the broker was not started' };
  answer(
    value.ok
      ? { type: 'value', id, ok: true, value: value.secret }
      : { type: 'value', id, ok: false, problem: value.problem },
  );
}

// A terminal signals the whole group; calls under way still need their credential then.
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
process.on('disconnect', () => process.exit(0));
// The text of an error may quote what it failed on; none of it leaves this process.
process.on('uncaughtException', () => process.exit(1));
process.on('unhandledRejection', () => process.exit(1));
process.on('message', (message: ToBroker) => void receive(message));
