import { compileScope, ConfigInvalid, type Resource } from '@firma/core';
import type { CredentialConfig } from '../config/config.ts';
import type { Broker, Injection } from './broker.ts';
import { BrokerSupervisor } from './supervisor.ts';

const ANSWER_TIMEOUT_MS = 5_000;

export interface BrokerOptions {
  /**
   * Whether the variables that entries name leave this process for the broker's. For a process that is the sidecar and
   * nothing else: the environment of a host that embeds an enforcement point is the host's.
   */
  readonly takeEnvironment?: boolean;
  readonly answerTimeoutMs?: number;
}

/** A broker that runs. */
export interface StartedBroker extends Broker {
  /** Label of the entry that is bound to a resource, whether or not its secret can be had. */
  labelFor(resource: Resource): string | undefined;
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
 * The variables that `env` sources name.
 *
 * INVARIANT: what is returned goes to the broker process alone.
 *
 * @param take removes them from `process.env`, so that no child of this process inherits them
 */
function namedEnvironment(credentials: readonly CredentialConfig[], take: boolean): NodeJS.ProcessEnv {
  const named: NodeJS.ProcessEnv = {};
  for (const { source } of credentials) {
    if (source.kind !== 'env') continue;
    const value = process.env[source.name] ?? named[source.name];
    if (value !== undefined) named[source.name] = value;
    if (take) delete process.env[source.name];
  }
  return named;
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

  labelFor(resource: Resource): string | undefined {
    return this.#bound.find(({ matches }) => matches(resource))?.label;
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
 * A credential that cannot be had now is a warning, not a failure: it may come before it is needed, and a call that
 * needs it is aborted until then.
 *
 * @throws ConfigInvalid for a binding pattern that does not compile, StartFailed where the process does not come up
 */
export async function startBroker(
  credentials: readonly CredentialConfig[],
  options: BrokerOptions = {},
): Promise<StartedBroker> {
  const bound = credentials.map(bind);
  if (bound.length === 0) return new ProcessBroker(bound, undefined, []);
  const supervisor = new BrokerSupervisor(
    credentials.map(({ label, scheme, source, user }) => ({ label, scheme, source, user })),
    namedEnvironment(credentials, options.takeEnvironment === true),
    options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS,
  );
  const warnings = await supervisor.start();
  return new ProcessBroker(bound, supervisor, warnings);
}
