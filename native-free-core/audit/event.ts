// The records of the log (semantics §6). Integers only, no `undefined`, no key with two meanings.
// A producer leaves `seq` out: the writer numbers records in the order it puts them on disk. A member that is
// `undefined` in memory, so that all records of a kind have one shape, is absent in the log.

interface RecordHead {
  readonly v: 1;
  /** UUIDv7. */
  readonly event_id: string;
  /** RFC 3339 in UTC with nanoseconds. */
  readonly time: string;
  readonly sidecar_id: string;
}

export interface RecordedReading {
  readonly action_class: string;
  readonly method: string;
  readonly resource: string;
  readonly rule: string;
  readonly params: Readonly<Record<string, number | string>>;
}

/** The ExecutionEvent: exactly one for each decision. Members that do not apply are left out. */
export interface DecisionRecord extends RecordHead {
  readonly kind: 'decision';
  readonly agent_id: string;
  readonly session_id: string;
  readonly token_id: string;
  readonly transport: string;
  readonly method: string;
  readonly resource: string;
  readonly action_class?: string | undefined;
  readonly readings?: readonly RecordedReading[] | undefined;
  readonly rule?: string | undefined;
  readonly outcome: 'ALLOW' | 'DENY' | 'ABORT';
  readonly scope?: 'session' | 'call' | undefined;
  readonly reason: string;
  readonly stage: string;
  readonly policies: readonly string[];
  readonly budgets: readonly {
    readonly name: string;
    readonly charged: number;
    readonly remaining: number;
  }[];
  readonly request?:
    | {
        readonly scheme: string;
        readonly body_bytes: number;
        readonly query_present: boolean;
      }
    | undefined;
  readonly params?: Readonly<Record<string, number | string>> | undefined;
  readonly session: {
    readonly age_s: number;
    readonly calls: number;
    readonly denies: number;
    readonly last_class?: string | undefined;
  };
  /** Digest over bundle, registry, mappings, budgets and decision settings; a `config` record spells it out. */
  readonly config: string;
  /** Digest of the exact Cedar context; absent where stage 2 was not reached. */
  readonly cedar_context_hash?: string | undefined;
  readonly latency_us: {
    readonly normalize: number;
    readonly capability: number;
    readonly policy: number;
    readonly total: number;
  };
}

/** What became of an allowed call. Refers to its decision; nothing is rewritten. */
export interface OutcomeRecord extends RecordHead {
  readonly kind: 'outcome';
  /** `event_id` of the decision. */
  readonly of: string;
  /** Whether its budgets were charged or given back. */
  readonly settled: 'committed' | 'rolled_back';
  /** Upstream status, where one arrived. */
  readonly status?: number | undefined;
  readonly bytes_sent: number;
  readonly bytes_received: number;
  readonly latency_us: number;
  /** Label of the injected credential. */
  readonly injected?: string | undefined;
  /** Set where the call was aborted after ALLOW, or cut. */
  readonly reason?: string | undefined;
  readonly scope?: 'session' | 'call' | undefined;
}

/** Spells out the digest that decision records carry. */
export interface ConfigRecord extends RecordHead {
  readonly kind: 'config';
  readonly config: string;
  readonly bundle: string;
  readonly registry: string;
  readonly mappings: string;
  readonly settings: string;
}

/** Records that could not be accepted: how many decisions were denied for it. */
export interface GapRecord extends RecordHead {
  readonly kind: 'gap';
  readonly lost: number;
}

/** A start went on with a log that was there. Everything before it is as it was found. */
export interface RecoveryRecord extends RecordHead {
  readonly kind: 'recovery';
  /** Of a record whose writing never ended; 0 where the log ended with a whole one. */
  readonly discarded_bytes: number;
  readonly records: number;
  /** Of these, how many no checkpoint covered yet: 0 after a clean stop. */
  readonly uncovered: number;
}

/** The key that signs checkpoints from here on. Its verifier key is `<kid>+<public_key>` (C2SP signed-note). */
export interface KeyRecord extends RecordHead {
  readonly kind: 'key';
  /** Name and hash of the key. */
  readonly kid: string;
  /** Base64 of the algorithm byte 0x01 (Ed25519) and the key. */
  readonly public_key: string;
}

/** Requests without an authenticated session: answered, counted, no decision. At most one record a second. */
export interface SummaryRecord extends RecordHead {
  readonly kind: 'summary';
  readonly unauthenticated: number;
}

export type AuditRecord =
  ConfigRecord | DecisionRecord | GapRecord | KeyRecord | OutcomeRecord | RecoveryRecord | SummaryRecord;

/**
 * A decision record on its way to the log. Its line is written where it is asked for, from what does not change any more:
 * who hands it on pays for nothing else.
 */
export interface DecisionLine {
  readonly kind: 'decision';
  readonly session_id: string;
  /**
   * The `DecisionRecord` as canonical JSON (RFC 8785), without `seq` and without a line feed.
   *
   * @throws NotCanonical where a text in it has no UTF-8 form
   */
  line(): string;
}
