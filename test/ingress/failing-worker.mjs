// The threads of the decision API, in which something fails that nobody catches once they are told to.

import { BroadcastChannel } from 'node:worker_threads';

const channel = new BroadcastChannel('firma-failing-worker');
channel.unref();
channel.onmessage = () => {
  throw new Error('planted');
};

export { decide, listen, serve } from '#dist/ingress/worker.js';
