import { MessageChannel } from 'node:worker_threads';
import { answerPeer, ForwardingHandler } from '../../src/ingress/forwarding.ts';
import type { AdapterOptions, Ingress } from '../../src/ingress/port.ts';

/** An adapter whose requests are answered at the other end of a channel, as a deciding thread of a pool does. */
export function forwarded(
  start: (options: AdapterOptions) => Promise<Ingress>,
): (options: AdapterOptions) => Promise<Ingress> {
  return async (options) => {
    const { port1, port2 } = new MessageChannel();
    const handler = new ForwardingHandler();
    handler.add(port1);
    answerPeer(port2, options.handler);
    const close = (): void => {
      handler.close();
      port2.close();
    };
    try {
      const ingress = await start({ ...options, handler });
      return {
        ...ingress,
        async close() {
          await ingress.close();
          close();
        },
      };
    } catch (error) {
      close();
      throw error;
    }
  };
}
