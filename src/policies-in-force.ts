import {
  type Bundle,
  configDigest,
  type ConfigParts,
  digest,
  type InForce,
  loadBundle,
  type PolicySource,
  type SchemaInputs,
} from '@firma/core';
import { type DecidingEngine, openDecidingEngine, type PolicyStats } from './pool/deciding-engine.ts';
import { lowerInThread } from './pool/lower.ts';
import { sha256Hex } from './sha256.ts';

export interface PoliciesOptions {
  /** What policies may read besides what is always there. */
  readonly inputs: SchemaInputs;
  /** The other digests of the configuration, which stay as they are. */
  readonly parts: Omit<ConfigParts, 'bundle'>;
  /** `sidecar.policy.shadow` */
  readonly shadow: number;
  readonly runDir: string;
}

/** A bundle that decides, or is about to. */
interface Opened {
  readonly deciding: DecidingEngine;
  readonly parts: ConfigParts;
  readonly inForce: InForce;
}

/** What decides instead from now on, and what its digest is over. */
export type Announce = (inForce: InForce, parts: ConfigParts) => void;

async function openBundle(bundle: Bundle, { parts, runDir, shadow }: PoliciesOptions): Promise<Opened> {
  const whole: ConfigParts = { ...parts, bundle: digest(bundle.canonical, sha256Hex) };
  const deciding = await openDecidingEngine(bundle, whole.bundle, shadow, runDir);
  return {
    deciding,
    parts: whole,
    inForce: { engine: deciding.engine, configDigest: configDigest(whole, sha256Hex) },
  };
}

/**
 * The policies that decide. Others are lowered in a thread and linked in slices, so calls are decided meanwhile; then one
 * reference is exchanged. Policies that do not load leave those in force as they are. Cedar is started already.
 */
export class PoliciesInForce {
  readonly #options: PoliciesOptions;
  #opened: Opened;
  /** Replacements come one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  private constructor(options: PoliciesOptions, opened: Opened) {
    this.#options = options;
    this.#opened = opened;
  }

  /** @throws PolicyInvalid with file and line */
  static async open(policies: readonly PolicySource[], options: PoliciesOptions): Promise<PoliciesInForce> {
    // Here, because nothing is decided yet: a thread and its own Cedar take half a second more.
    const bundle = loadBundle(policies, options.inputs);
    return new PoliciesInForce(options, await openBundle(bundle, options));
  }

  get inForce(): InForce {
    return this.#opened.inForce;
  }

  get parts(): ConfigParts {
    return this.#opened.parts;
  }

  stats(): PolicyStats {
    return this.#opened.deciding.stats();
  }

  /**
   * Puts other policies in force.
   *
   * @param read called once the replacements before are done, so that what was read last decides
   * @param announce called in the step that does so
   * @returns false where they are the ones in force
   * @throws what `read` throws, PolicyInvalid with file and line: nothing has changed then
   */
  replace(read: () => Promise<readonly PolicySource[]>, announce: Announce): Promise<boolean> {
    const replacing = this.#last.then(async () => this.#replace(await read(), announce));
    this.#last = replacing.catch(() => undefined);
    return replacing;
  }

  /** Every later call that asks a reference engine is denied. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    await this.#opened.deciding.close();
  }

  async #replace(policies: readonly PolicySource[], announce: Announce): Promise<boolean> {
    const bundle = await lowerInThread(policies, this.#options.inputs);
    const before = this.#opened;
    if (this.#closed || digest(bundle.canonical, sha256Hex) === before.parts.bundle) return false;
    const next = await openBundle(bundle, this.#options);
    announce(next.inForce, next.parts);
    this.#opened = next;
    await before.deciding.close();
    return true;
  }
}
