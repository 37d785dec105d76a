/** One request that agents of a run make. */
export interface MixEndpoint {
  readonly method: string;
  /** Absolute and canonical. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Expected to be refused: it is asked for in the share of denials alone. */
  readonly denied: boolean;
}

/** Who asks for what, how often: the content of a mix file. */
export interface Mix {
  /** What the agents' tokens grant. */
  readonly agents: {
    readonly actions: readonly string[];
    readonly scope: readonly string[];
    readonly groups: readonly string[];
    /** Exponent of Zipf's law among agents: how much more the first of them ask than the last. */
    readonly zipf: number;
    /** After so many calls an agent goes on in a new session, with a new token. */
    readonly callsPerSession: number;
  };
  readonly calls: {
    /** Exponent of Zipf's law among endpoints, in the order in which they stand. */
    readonly zipf: number;
    /** Share of calls, 0 to 1, to endpoints that are `denied`. */
    readonly denials: number;
    /** Share of calls, 0 to 1, with which an agent begins a new session: its token was never seen before. */
    readonly coldTokens: number;
  };
  readonly endpoints: readonly MixEndpoint[];
}

/** What a generated mix says of everything but its endpoints, and a written one where it is silent. */
export const MIX_DEFAULTS = {
  agents: { scope: ['*'], groups: [], zipf: 0.8, callsPerSession: 1000 },
  calls: { zipf: 1, denials: 0.05, coldTokens: 0.001 },
} as const;
