import type { ListenAddress } from '../config/config.ts';
import type { AdapterName } from './port.ts';

/** What the ingress worker's task is started with. */
export interface IngressTask {
  readonly listen: ListenAddress;
  readonly adapter: AdapterName | 'auto';
}

/** From the worker, once it serves. Batches of bodies follow; batches of answers come back. */
export interface ListeningMessage extends ListenAddress {
  readonly type: 'listening';
  readonly adapter: AdapterName;
}
