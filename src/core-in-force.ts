import { configDigest, type ConfigParts, type InForce, Normalizer } from '@firma/core';
import { decodeBody } from './decode-body.ts';
import { type OpenEngine, openEngine, type PolicyStats } from './pool/deciding-engine.ts';
import { lowerCoreInThread } from './pool/lower.ts';
import { type CoreSources, lowerCore } from './pool/lower-core.ts';
import { linkCore, type SharedCore } from './pool/lowered-core.ts';
import { ReferenceHub } from './pool/reference-hub.ts';
import type { ReferenceAccess } from './pool/reference-messages.ts';
import { sha256Hex } from './sha256.ts';

/** Tables and policies for a thread that decides, and the digest that its decisions carry. */
export interface ThreadCore {
  readonly core: SharedCore;
  /** Of decisions that the reference engine takes again: 0 to 1. */
  readonly share: number;
  readonly configDigest: string;
  /** Its ports are transferred with it. */
  readonly reference: ReferenceAccess;
}

/** What is in force in one thread. */
export interface OpenedCore {
  readonly inForce: InForce;
  readonly engine: OpenEngine;
}

/** Links what was lowered, while the thread goes on deciding: a millisecond at a time. */
export async function openCore({
  core,
  configDigest: config,
  reference,
  share,
}: ThreadCore): Promise<OpenedCore> {
  const { bundle, mappings } = await linkCore(core);
  const engine = openEngine(bundle, reference, share);
  const normalizer = new Normalizer(mappings, decodeBody);
  return { engine, inForce: { normalizer, engine: engine.engine, configDigest: config } };
}

export interface CoreOptions {
  /** The digests of the configuration that stay as they are. */
  readonly parts: Pick<ConfigParts, 'registry' | 'settings'>;
  /** `sidecar.policy.shadow` */
  readonly share: number;
  readonly runDir: string;
}

/** What other threads do about a replacement. */
export interface Replacing {
  /**
   * Resolves once every other thread has the next core linked; it goes on deciding with the one before.
   *
   * @param forThread what one more thread links
   */
  prepare(forThread: () => ThreadCore): Promise<void>;
  /**
   * In one step: the record that announces it, then the exchange, here and in every other thread.
   *
   * @returns once threads that started meanwhile have done so too
   */
  exchange(inForce: InForce, parts: ConfigParts): Promise<void>;
}

/** A generation of tables and policies: what every thread decides with, from one exchange to the next. */
class Generation {
  readonly core: SharedCore;
  readonly parts: ConfigParts;
  readonly #digest: string;
  readonly #share: number;
  readonly hub: ReferenceHub;

  constructor(core: SharedCore, { parts, runDir, share }: CoreOptions) {
    this.core = core;
    this.parts = { ...parts, ...core.digests };
    this.#digest = configDigest(this.parts, sha256Hex);
    this.#share = share;
    this.hub = new ReferenceHub({ core, share, runDir });
  }

  /** For one more thread. */
  forThread(): ThreadCore {
    return {
      core: this.core,
      share: this.#share,
      configDigest: this.#digest,
      reference: this.hub.connect(),
    };
  }
}

/**
 * The tables and policies that decide. Others are lowered in a thread and linked in slices, so calls are decided meanwhile;
 * then one reference is exchanged in each thread. What does not load leaves those in force as they are. Cedar is started
 * already.
 */
export class CoreInForce {
  readonly #options: CoreOptions;
  #generation: Generation;
  #opened: OpenedCore;
  /** Replacements come one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  private constructor(options: CoreOptions, generation: Generation, opened: OpenedCore) {
    this.#options = options;
    this.#generation = generation;
    this.#opened = opened;
  }

  /** @throws MappingInvalid or PolicyInvalid with file and line */
  static async open(sources: CoreSources, options: CoreOptions): Promise<CoreInForce> {
    // Here, because nothing is decided yet: a thread and its own Cedar take half a second more.
    const generation = new Generation(lowerCore(sources), options);
    return new CoreInForce(options, generation, await openCore(generation.forThread()));
  }

  get inForce(): InForce {
    return this.#opened.inForce;
  }

  get parts(): ConfigParts {
    return this.#generation.parts;
  }

  /** What one more thread decides with, from its start. */
  forThread(): ThreadCore {
    return this.#generation.forThread();
  }

  stats(): PolicyStats {
    return this.#generation.hub.stats();
  }

  /**
   * Puts other tables and policies in force.
   *
   * @param read called once the replacements before are done, so that what was read last decides
   * @returns false where they are the ones in force
   * @throws what `read` throws, MappingInvalid or PolicyInvalid with file and line: nothing has changed then
   */
  replace(read: () => Promise<CoreSources>, replacing: Replacing): Promise<boolean> {
    const done = this.#last.then(async () => this.#replace(await read(), replacing));
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** Every later call that asks a reference engine is denied. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    await this.#opened.engine.close();
    await this.#generation.hub.close();
  }

  async #replace(sources: CoreSources, replacing: Replacing): Promise<boolean> {
    const core = await lowerCoreInThread(sources);
    const { parts } = this.#generation;
    const isSame = core.digests.bundle === parts.bundle && core.digests.mappings === parts.mappings;
    if (this.#closed || isSame) return false;
    const before = { generation: this.#generation, opened: this.#opened };
    const next = new Generation(core, this.#options);
    try {
      const [opened] = await Promise.all([
        openCore(next.forThread()),
        replacing.prepare(() => next.forThread()),
      ]);
      this.#generation = next;
      this.#opened = opened;
    } catch (error) {
      void next.hub.close();
      throw error;
    }
    await replacing.exchange(this.#opened.inForce, next.parts);
    await before.opened.engine.close();
    await before.generation.hub.close();
    return true;
  }
}
