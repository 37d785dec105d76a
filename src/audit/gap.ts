import { randomBytes } from 'node:crypto';
import { EventIds, MonotonicClock } from '@firma/core';
import type { GapRecord } from '@firma/core';
import { systemClock } from '../wall-clock.ts';

/** Makes the records that tell a log what it did not get. */
export class Gaps {
  readonly #sidecarId: string;
  readonly #ids = new EventIds(randomBytes);
  readonly #clock = new MonotonicClock(systemClock());

  constructor(sidecarId: string) {
    this.#sidecarId = sidecarId;
  }

  make(lost: number): GapRecord {
    const now = this.#clock.nowMs();
    return {
      v: 1,
      kind: 'gap',
      event_id: this.#ids.next(now),
      time: this.#clock.rfc3339(now),
      sidecar_id: this.#sidecarId,
      lost,
    };
  }
}
