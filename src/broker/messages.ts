import type { CredentialConfig } from '../config/config.ts';

/** What the broker process has to know of a credential entry: everything but what it is bound to. */
export type BrokerEntry = Pick<CredentialConfig, 'label' | 'scheme' | 'source' | 'user'>;

/** To the broker process, once: the entries it answers for. */
export interface StartMessage {
  readonly type: 'start';
  readonly entries: readonly BrokerEntry[];
}

/** To the broker process: the header value of one entry. */
export interface GetMessage {
  readonly type: 'get';
  readonly id: number;
  readonly label: string;
}

/** From the broker process, once: it is ready; `problems` says which entries cannot be had now, and why. */
export interface StartedMessage {
  readonly type: 'started';
  readonly problems: readonly string[];
}

/** From the broker process: the answer to the `get` of the same id. */
export type ValueMessage =
  | { readonly type: 'value'; readonly id: number; readonly ok: true; readonly value: string }
  | { readonly type: 'value'; readonly id: number; readonly ok: false; readonly problem: string };

export type ToBroker = GetMessage | StartMessage;
export type FromBroker = StartedMessage | ValueMessage;
