import { randomBytes } from 'node:crypto';
import {
  type Bundle,
  compileBudgets,
  CompiledEngine,
  configDigest,
  type ConfigParts,
  Decider,
  digest,
  linkBundle,
  loadBundle,
  loadMappings,
  type Mappings,
  ReferenceEngine,
  registryVersion,
  RevocationSet,
  SessionTable,
  startCedar,
  type TokenVerifier,
} from '@firma/core';
import { type Call, type CallRequest, toRawRequest } from '../../call.ts';
import { cedarModule } from '../../cedar-module.ts';
import { decodeBody } from '../../decode-body.ts';
import { sha256Hex } from '../../sha256.ts';
import { systemClock } from '../../wall-clock.ts';
import type { Planted } from './arguments.ts';
import type { BenchConfig } from './configuration.ts';
import { LineSink, Probe, ProbedEngine, probedScope, ProbedNormalizer } from './probe.ts';
import type { BenchIssuer } from './tokens.ts';

export interface SideOptions {
  readonly issuer: BenchIssuer;
  /** Unix milliseconds that every lap begins at: what the time decides is decided alike in all of them. */
  readonly startMs: number;
  readonly planted: Planted | undefined;
}

const SESSIONS_IN_MEMORY = 1024;
/** By how much time passes whenever it is asked for. */
const STEP_MS = 0.02;

/** One configuration, loaded as a sidecar loads it, ready to decide again and again from the same beginning. */
export class Side {
  readonly config: BenchConfig;
  readonly mappings: Mappings;
  readonly bundle: Bundle;
  readonly probe: Probe;
  readonly verifier: TokenVerifier;
  readonly #options: SideOptions;
  readonly #budgets: ReturnType<typeof compileBudgets>;
  readonly #idempotencyHeaders: readonly string[];
  readonly #readHeaders: ReadonlySet<string>;
  readonly #normalizer: ProbedNormalizer;
  readonly #reference: ReferenceEngine;
  readonly #engine: ProbedEngine;
  readonly #configDigest: string;
  readonly #revocations = new RevocationSet();
  readonly #sink: LineSink;
  readonly #clock = systemClock();

  /** @throws MappingInvalid, PolicyInvalid or ConfigInvalid with file and line, where a start would */
  static async open(config: BenchConfig, options: SideOptions): Promise<Side> {
    const mappings = loadMappings(config.mappings);
    const budgets = compileBudgets(
      config.budgets,
      config.file === undefined ? undefined : { file: config.file },
    );
    startCedar(cedarModule());
    const names = config.budgets.map(({ name }) => name);
    const bundle = loadBundle(config.policies, { params: mappings.params, budgets: names });
    const probe = new Probe(options.planted);
    const verifier = await options.issuer.verifier(config.skewS, probedScope(probe));
    return new Side(config, options, mappings, bundle, budgets, probe, verifier);
  }

  private constructor(
    config: BenchConfig,
    options: SideOptions,
    mappings: Mappings,
    bundle: Bundle,
    budgets: ReturnType<typeof compileBudgets>,
    probe: Probe,
    verifier: TokenVerifier,
  ) {
    this.config = config;
    this.mappings = mappings;
    this.bundle = bundle;
    this.probe = probe;
    this.verifier = verifier;
    this.#options = options;
    this.#budgets = budgets;
    const headers = budgets.map(({ idempotencyHeader }) => idempotencyHeader);
    this.#idempotencyHeaders = [...new Set(headers.filter((header) => header !== undefined))];
    this.#normalizer = new ProbedNormalizer(mappings, decodeBody, probe);
    this.#readHeaders = new Set([...this.#normalizer.readHeaders, ...this.#idempotencyHeaders]);
    this.#reference = new ReferenceEngine(bundle);
    const compiled = new CompiledEngine(this.#reference, linkBundle(bundle));
    this.#engine = new ProbedEngine(compiled, this.#reference, probe);
    this.#configDigest = configDigest(this.#parts(), sha256Hex);
    this.#sink = new LineSink(probe);
    this.#revocations.replace({ sequence: 0, jti: [], sid: [], sub: [] }, options.startMs / 1000);
  }

  requestOf(call: Call): CallRequest {
    return toRawRequest(call, 'in-process', this.#readHeaders, this.#idempotencyHeaders);
  }

  /** A decider without any session, at the time that all of them begin. */
  async newDecider(): Promise<Decider> {
    const { startMs } = this.#options;
    let passedMs = 0;
    const wallClock = (): number => {
      // What time it is must not decide, but what asking costs is part of every call.
      this.#clock();
      passedMs += STEP_MS;
      return startMs + passedMs;
    };
    const sessions = await SessionTable.open({
      budgets: this.#budgets,
      sha256Hex,
      steadyMs: () => startMs + passedMs,
      maxSessions: SESSIONS_IN_MEMORY,
      maxAgents: SESSIONS_IN_MEMORY,
    });
    return new Decider({
      defaultProtected: this.config.defaultProtected,
      verifier: this.verifier,
      revocations: this.#revocations,
      skewS: this.config.skewS,
      sessions,
      idempotencyHeaders: this.#idempotencyHeaders,
      audit: this.#sink,
      wallClock,
      randomBytes,
      sha256Hex,
      origin: { sidecarId: 'bench' },
      inForce: { normalizer: this.#normalizer, engine: this.#engine, configDigest: this.#configDigest },
      onSessionEnd: () => undefined,
    });
  }

  close(): void {
    this.#reference.close();
  }

  #parts(): ConfigParts {
    const { defaultProtected, skewS, budgets } = this.config;
    return {
      registry: registryVersion(sha256Hex),
      mappings: digest(this.mappings.canonical, sha256Hex),
      settings: digest({ budgets, default_protected: defaultProtected, skew_s: skewS }, sha256Hex),
      bundle: digest(this.bundle.canonical, sha256Hex),
    };
  }
}
