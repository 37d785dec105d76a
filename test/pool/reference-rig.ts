import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Bundle } from '@firma/core';
import { cedarModule } from '../../src/cedar-module.ts';
import { shareBundle } from '../../src/pool/lowered-core.ts';
import { ReferenceCounts, type Counts } from '../../src/pool/reference-counts.ts';
import type {
  FromHub,
  ReferenceAccess,
  SeenDifference,
  ToClient,
  ToHub,
} from '../../src/pool/reference-messages.ts';
import { reference } from '../../src/pool/reference-worker.ts';

/** What a reference client of this thread meets: the main thread's side, and a reference engine behind a port. */
export interface ReferenceRig {
  readonly access: ReferenceAccess;
  /** What the client told the main thread. */
  readonly told: SeenDifference[];
  /** How often it asked for the thread to run. */
  wanted(): number;
  counts(): Counts;
  /** Takes the place of the main thread. */
  say(message: ToClient): void;
  close(): void;
}

/** @param bundle what the reference engine decides with; absent: nobody listens to the port */
export function referenceRig(bundle?: Bundle): ReferenceRig {
  const control = new MessageChannel();
  const asking = new MessageChannel();
  const told: SeenDifference[] = [];
  let wanted = 0;
  control.port1.on('message', (message: ToHub) => {
    if (message.type === 'wanted') wanted += 1;
    else told.push(message.difference);
  });
  const worker = bundle === undefined ? undefined : serve(bundle, asking.port1);
  const counts = ReferenceCounts.memory();
  return {
    access: { control: control.port2, port: asking.port2, counts, distrusted: [] },
    told,
    wanted: () => wanted,
    counts: () => ReferenceCounts.sum([counts]),
    say(message) {
      control.port1.postMessage(message, message.type === 'port' && message.port ? [message.port] : []);
    },
    close() {
      worker?.close();
      control.port1.close();
      asking.port1.close();
    },
  };
}

/** Runs what a reference thread runs, in this one: it takes its messages as it would there. */
function serve(bundle: Bundle, port: MessagePort): MessagePort {
  const { port1, port2 } = new MessageChannel();
  void reference({ port: port2, data: { cedar: cedarModule(), bundle: shareBundle(bundle) } });
  const connect: FromHub = { type: 'connect', port };
  port1.postMessage(connect, [port]);
  return port1;
}
