import { headerValue } from './header-value.ts';
import type { BrokerEntry } from './messages.ts';
import { type Secret, SecretFile } from './secret-file.ts';

interface Item {
  readonly entry: BrokerEntry;
  readonly read: () => Secret | Promise<Secret>;
}

/** The credential entries the broker process answers for. Only this process ever makes one. */
export class Vault {
  readonly #items = new Map<string, Item>();

  /** @param environment where `env` sources are looked up, at each request */
  constructor(entries: readonly BrokerEntry[], environment: Readonly<NodeJS.ProcessEnv>) {
    for (const entry of entries) this.#items.set(entry.label, { entry, read: reader(entry, environment) });
  }

  /** The header value of an entry, or why it cannot be had. */
  async value(label: string): Promise<Secret> {
    const item = this.#items.get(label);
    if (item === undefined) return { ok: false, problem: 'no such entry' };
    const secret = await item.read();
    return secret.ok ? headerValue(item.entry.scheme, item.entry.user, secret.secret) : secret;
  }

  /** One line for each entry that cannot be had now. */
  async problems(): Promise<string[]> {
    const labels = [...this.#items.keys()];
    const values = await Promise.all(labels.map((label) => this.value(label)));
    return values.flatMap((value, i) =>
      value.ok ? [] : [`credential \`${labels[i] ?? ''}\` is not available: ${value.problem}`],
    );
  }
}

function reader(entry: BrokerEntry, environment: Readonly<NodeJS.ProcessEnv>): Item['read'] {
  const { source } = entry;
  if (source.kind === 'file') {
    const file = new SecretFile(source.path);
    return () => file.read();
  }
  return () => {
    const secret = environment[source.name];
    return secret === undefined
      ? { ok: false, problem: `environment variable \`${source.name}\` is not set` }
      : { ok: true, secret };
  };
}
