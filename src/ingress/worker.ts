// Threads of the decision API: long tasks of pool workers. `serve` listens and decides, `listen` only listens, `decide`
// only decides. Nothing here waits at top level, see `startLongTask`.

import type { MessagePort } from 'node:worker_threads';
import { FirmaError } from '@firma/core';
import { openDecidingCore } from '../deciding-core.ts';
import type { CoreSeed } from '../deciding-messages.ts';
import { ThreadStats } from '../metrics/thread-stats.ts';
import type { StopMessage, TaskResult, TaskStart } from '../pool/messages.ts';
import { startAdapter } from './adapter.ts';
import { ApiHandler } from './api.ts';
import { answerPeer, ForwardingHandler } from './forwarding.ts';
import { LocalService } from './local-service.ts';
import type {
  DecideTask,
  DecidingMessage,
  ForwardTask,
  ListeningMessage,
  ListenTask,
  PeerMessage,
  ServeTask,
} from './messages.ts';
import { OverloadGuard } from './overload-guard.ts';
import type { Ingress, IngressHandler } from './port.ts';

/** Resolves when the task is to end: it is told to, the thread that started it is gone, or something nobody caught. */
function ending(port: MessagePort): Promise<TaskResult> {
  return new Promise((resolve) => {
    port.on('message', (message: StopMessage | { readonly type: string }) => {
      if (message.type === 'stop') resolve({ ok: true });
    });
    port.on('close', () => resolve({ ok: true }));
    // A thread that ends with a listener of uWebSockets.js open takes the process with it.
    process.once('uncaughtException', (error) => resolve(failed(error)));
  });
}

function failed(error: unknown): TaskResult {
  const code = error instanceof FirmaError ? error.code : 'START_FAILED';
  return { ok: false, code, message: error instanceof Error ? error.message : 'unknown error' };
}

async function listening(
  port: MessagePort,
  { adapter, ...options }: ListenTask,
  handler: IngressHandler,
  stats: ThreadStats,
): Promise<Ingress> {
  const served = (microseconds: number): void => stats.served(microseconds);
  const ingress = await startAdapter(adapter, { ...options, handler, served });
  const message: ListeningMessage = {
    type: 'listening',
    adapter: ingress.adapter,
    host: ingress.host,
    port: ingress.port,
  };
  port.postMessage(message);
  return ingress;
}

async function withCore(
  seed: CoreSeed,
  port: MessagePort,
  run: (handler: IngressHandler, stats: ThreadStats) => Promise<TaskResult>,
): Promise<TaskResult> {
  const core = await openDecidingCore(seed, port);
  try {
    const api = new ApiHandler(new LocalService(core, seed.enforcementKeyDigest));
    return await run(new OverloadGuard(api, () => core.stats.counted('overloaded')), core.stats);
  } finally {
    await core.close();
  }
}

async function untilEnd(port: MessagePort, run: () => Promise<TaskResult>): Promise<TaskResult> {
  try {
    return await run();
  } catch (error) {
    return failed(error);
  } finally {
    port.close();
  }
}

/** Listens and decides. */
export function serve({ port, data: { seed, ...task } }: TaskStart<ServeTask>): Promise<TaskResult> {
  const ended = ending(port);
  return untilEnd(port, () =>
    withCore(seed, port, async (handler, stats) => {
      const ingress = await listening(port, task, handler, stats);
      const result = await ended;
      await ingress.close();
      return result;
    }),
  );
}

/** Listens, and hands requests to the threads that decide. */
export function listen({
  port,
  data: { stats, region, ...task },
}: TaskStart<ForwardTask>): Promise<TaskResult> {
  const ended = ending(port);
  const handler = new ForwardingHandler();
  port.on('message', (message: PeerMessage | { readonly type: 'stop' }) => {
    if (message.type === 'peer') handler.add(message.port);
  });
  return untilEnd(port, async () => {
    try {
      const ingress = await listening(port, task, handler, new ThreadStats(stats, region));
      const result = await ended;
      await ingress.close();
      return result;
    } finally {
      handler.close();
    }
  });
}

/** Decides what the listening thread hands on. */
export function decide({ port, data: { seed } }: TaskStart<DecideTask>): Promise<TaskResult> {
  const ended = ending(port);
  return untilEnd(port, () =>
    withCore(seed, port, async (handler) => {
      const peers = new Set<MessagePort>();
      port.on('message', (message: PeerMessage | { readonly type: 'stop' }) => {
        if (message.type !== 'peer') return;
        const { port: peer } = message;
        peers.add(peer);
        peer.on('close', () => peers.delete(peer));
        answerPeer(message.port, handler);
      });
      const deciding: DecidingMessage = { type: 'deciding' };
      port.postMessage(deciding);
      const result = await ended;
      for (const peer of peers) peer.close();
      return result;
    }),
  );
}
