import { openAuthority } from '../../authority/open.ts';
import type { OpenedConfig } from '../../config/open.ts';
import { openStateDir } from '../../config/state-dir.ts';
import type { Mix } from '../../load/mix.ts';
import { Plan, sessionsOf } from '../../load/plan.ts';
import { controlClient } from '../../session/control-client.ts';
import { agentName } from './make.ts';

/** What agents of a run present, session by session; never shown. */
export interface Credentials {
  /** Characters of one, about. */
  readonly chars: number;
  /** That of the session the agent is in; of the next one where `begins`, as long as there is one. */
  of(agent: number, begins: boolean): string;
  /** How often a new session was due and no token was left. */
  readonly reused: number;
  close(): Promise<void>;
}

export interface Needed {
  readonly mix: Mix;
  readonly agents: number;
  readonly seed: number;
  readonly calls: number;
  /** How long tokens are valid, in seconds. */
  readonly ttlS: number;
  /** Told now and then how many of how many there are. */
  readonly onProgress: (made: number, of: number) => void;
}

/** Most tokens that are made for a run: each is signed, and judged by the issuance policies, before it begins. */
const MAX_TOKENS = 20_000;

class Stock implements Credentials {
  readonly close: () => Promise<void>;
  readonly #byAgent: readonly (readonly string[])[];
  readonly #next: Uint32Array;
  #reused = 0;

  constructor(byAgent: readonly (readonly string[])[], close: () => Promise<void>) {
    this.#byAgent = byAgent;
    this.#next = new Uint32Array(byAgent.length);
    this.close = close;
  }

  get chars(): number {
    return this.#byAgent.find((one) => one.length > 0)?.[0]?.length ?? 0;
  }

  get reused(): number {
    return this.#reused;
  }

  of(agent: number, begins: boolean): string {
    const own = this.#byAgent[agent] ?? [];
    let next = this.#next[agent] ?? 0;
    if (begins && next < own.length) this.#next[agent] = ++next;
    else if (begins) this.#reused++;
    return own[Math.max(0, next - 1)] ?? this.#byAgent[0]?.[0] ?? '';
  }
}

/**
 * Has the embedded Authority issue the tokens that a run will need, as `firma token issue` does.
 *
 * @throws IssuanceDenied where the issuance policies refuse what the mix grants, StateUnusable as `openAuthority`
 */
export async function issueTokens(loaded: OpenedConfig, needed: Needed): Promise<Credentials> {
  const { mix, agents, seed, calls, ttlS, onProgress } = needed;
  const sessions = sessionsOf(new Plan(mix, agents, seed), agents, calls, MAX_TOKENS);
  const total = sessions.reduce((sum, count) => sum + count, 0);
  const { actions, scope, groups } = mix.agents;
  const state = await openStateDir(loaded.stateRoot);
  const authority = await openAuthority(loaded, state.authority);
  try {
    let made = 0;
    const byAgent: string[][] = [];
    for (const [agent, count] of sessions.entries()) {
      const tokens: string[] = [];
      for (let session = 0; session < count; session++) {
        const { token } = await authority.issue({ agent: agentName(agent), groups, actions, scope, ttlS });
        tokens.push(token);
        onProgress(++made, total);
      }
      byAgent.push(tokens);
    }
    return new Stock(byAgent, () => Promise.resolve());
  } finally {
    authority.close();
  }
}

/**
 * Opens one session an agent at a running sidecar, for its proxy.
 *
 * @throws what the sidecar says where it opens none
 */
export async function openProxySessions(control: string, needed: Needed): Promise<Credentials> {
  const client = controlClient(control);
  const { ttlS } = needed;
  const { actions, scope, groups } = needed.mix.agents;
  const users: string[] = [];
  const closeAll = async (): Promise<void> => {
    for (const user of users) await client.closeSession(user).catch(() => undefined);
  };
  try {
    const byAgent: string[][] = [];
    for (let agent = 0; agent < needed.agents; agent++) {
      const asked = { agent: agentName(agent), groups, actions, scope, ttlS };
      const { user, password } = await client.openSession(asked);
      users.push(user);
      byAgent.push([Buffer.from(`${user}:${password}`).toString('base64')]);
      needed.onProgress(agent + 1, needed.agents);
    }
    return new Stock(byAgent, closeAll);
  } catch (error) {
    await closeAll();
    throw error;
  }
}
