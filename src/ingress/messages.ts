import type { MessagePort } from 'node:worker_threads';
import type { ListenAddress } from '../config/config.ts';
import type { CoreSeed } from '../deciding-messages.ts';
import type { AdapterName } from './port.ts';

/** What an ingress worker listens on. */
export interface ListenTask {
  readonly listen: ListenAddress;
  readonly socketPath?: string;
  readonly trusted: readonly string[];
  readonly isShared: boolean;
  readonly adapter: AdapterName | 'auto';
}

/** What a worker that only listens is started with. */
export interface ForwardTask extends ListenTask {
  /** Where it counts, and which region is its own. */
  readonly stats: SharedArrayBuffer;
  readonly region: number;
}

/** What a worker that listens and decides is started with. */
export interface ServeTask extends ListenTask {
  readonly seed: CoreSeed;
}

/** What a worker that only decides is started with. */
export interface DecideTask {
  readonly seed: CoreSeed;
}

/** From a worker, once it serves. */
export interface ListeningMessage extends ListenAddress {
  readonly type: 'listening';
  readonly adapter: AdapterName;
}

/** From a worker that decides, once it does. */
export interface DecidingMessage {
  readonly type: 'deciding';
}

/** To a worker: the other end of a channel between one that listens and one that decides. */
export interface PeerMessage {
  readonly type: 'peer';
  readonly port: MessagePort;
}
