import { compileScope, ConfigInvalid, type Resource } from '@firma/core';
import type { CredentialConfig } from '../config/config.ts';
import type { Broker, Injection } from './broker.ts';
import { BrokerSupervisor } from './supervisor.ts';

const ANSWER_TIMEOUT_MS = 5_000;

/** A broker that runs. */
export interface StartedBroker extends Broker {
  /** For the start-up messages: one line for each credential that cannot be had now. */
  readonly warnings: readonly string[];
  /** Process id of the broker; undefined where no credential is configured, and while it is restarted. */
  readonly pid: number | undefined;
}

type Bound = Pick<CredentialConfig, 'header' | 'label'> & {
  readonly matches: (resource: Resource) => boolean;
};

function bind(entry: CredentialConfig): Bound {
  const scope = compileScope(entry.bind);
  if ('invalid' in scope) throw new ConfigInvalid(`credential \`${entry.label}\`: ${scope.invalid}`);
  return { label: entry.label, header: entry.header, matches: (resource) => scope.matches(resource) };
}

/**
 * Moves the variables that `env` sources name out of `process.env`, so that no child of this process inherits them.
 *
 * INVARIANT: what is returned goes to the broker process alone.
 */
function takeEnvironment(credentials: readonly CredentialConfig[]): NodeJS.ProcessEnv {
  const taken: NodeJS.ProcessEnv = {};
  if (process.env['PATH'] !== undefined) taken['PATH'] = process.env['PATH'];
  for (const { source } of credentials) {
    if (source.kind !== 'env') continue;
    const value = process.env[source.name] ?? taken[source.name];
    if (value !== undefined) taken[source.name] = value;
    if (source.name !== 'PATH') delete process.env[source.name];
  }
  return taken;
}

class ProcessBroker implements StartedBroker {
  readonly headers: readonly string[];
  readonly warnings: readonly string[];
  readonly #bound: readonly Bound[];
  readonly #supervisor: BrokerSupervisor | undefined;

  constructor(
    bound: readonly Bound[],
    supervisor: BrokerSupervisor | undefined,
    warnings: readonly string[],
  ) {
    this.#bound = bound;
    this.#supervisor = supervisor;
    this.warnings = warnings;
    this.headers = [...new Set(bound.map((entry) => entry.header))];
  }

  get pid(): number | undefined {
    return this.#supervisor?.pid;
  }

  async credentialFor(resource: Resource): Promise<Injection | undefined> {
    const entry = this.#bound.find(({ matches }) => matches(resource));
    if (entry === undefined || this.#supervisor === undefined) return undefined;
    const value = await this.#supervisor.value(entry.label);
    return { label: entry.label, header: entry.header, value };
  }

  async close(): Promise<void> {
    await this.#supervisor?.close();
  }
}

/**
 * Starts the broker process for these credential entries; without any, no process is started.
 *
 * Environment variables that entries name leave this process for the broker's. A credential that cannot be had now
 * is a warning, not a failure: it may come before it is needed, and a call that needs it is aborted until then.
 *
 * @throws ConfigInvalid for a binding pattern that does not compile, StartFailed where the process does not come up
 */
export async function startBroker(
  credentials: readonly CredentialConfig[],
  answerTimeoutMs = ANSWER_TIMEOUT_MS,
): Promise<StartedBroker> {
  const bound = credentials.map(bind);
  if (bound.length === 0) return new ProcessBroker(bound, undefined, []);
  const supervisor = new BrokerSupervisor(
    credentials.map(({ label, scheme, source, user }) => ({ label, scheme, source, user })),
    takeEnvironment(credentials),
    answerTimeoutMs,
  );
  const warnings = await supervisor.start();
  return new ProcessBroker(bound, supervisor, warnings);
}
