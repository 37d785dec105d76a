import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import {
  type Bundle,
  compileBudgets,
  compileScope,
  configDigest,
  type ConfigParts,
  Decider,
  digest,
  IssuancePolicies,
  loadBundle,
  loadMappings,
  type Mappings,
  Normalizer,
  ReferenceEngine,
  registryVersion,
  RevocationSet,
  SessionTable,
  startCedar,
  TokenVerifier,
} from '@firma/core';
import { AuditPipeline } from './audit/pipeline.ts';
import { ISSUER, openAuthority } from './authority/open.ts';
import { startBroker } from './broker/client.ts';
import { cedarModule } from './cedar-module.ts';
import type { Config } from './config/config.ts';
import { openConfig } from './config/open.ts';
import type { LoadedConfig } from './config/read-named.ts';
import { newRun, openStateDir } from './config/state-dir.ts';
import { Closers } from './closers.ts';
import { decodeBody } from './decode-body.ts';
import { Firma } from './firma.ts';
import { Counters } from './metrics/counters.ts';
import { sha256Hex } from './sha256.ts';
import { openDecidingEngine } from './pool/deciding-engine.ts';
import { OpenTransports } from './session/transports.ts';
import { systemClock } from './wall-clock.ts';

export interface OpenOptions {
  /** Configuration file; found as semantics §8 says where absent. */
  readonly config?: string | undefined;
  /** State directory; found as semantics §8 says where absent. */
  readonly stateDir?: string | undefined;
  /**
   * Whether this process is the sidecar and nothing else: then variables that hold credentials are removed from its
   * environment. In a host that embeds an enforcement point they stay where they are.
   */
  readonly ownsProcess?: boolean;
  /** Told where a part that no call can do without has failed; every call is denied from then on. */
  readonly onUnavailable?: (detail: string) => void;
}

const SUMMARY_INTERVAL_MS = 1000;

/** What the texts of a configuration mean. Everything that a file can get wrong shows here: nothing is started yet. */
interface Compiled {
  readonly mappings: Mappings;
  readonly budgets: ReturnType<typeof compileBudgets>;
  readonly bundle: Bundle;
}

function compile({ config, mappings: tables, policies }: LoadedConfig): Compiled {
  const mappings = loadMappings(tables);
  const { budgets: written, file } = config;
  const budgets = compileBudgets(written, file === undefined ? undefined : { file });
  startCedar(cedarModule());
  const bundle = loadBundle(policies, {
    params: mappings.params,
    budgets: written.map((budget) => budget.name),
  });
  return { mappings, budgets, bundle };
}

/**
 * Whether a configuration's tables and policies load.
 *
 * @throws MappingInvalid, PolicyInvalid or ConfigInvalid with file and line, where a start would
 */
export function checkLoaded(loaded: LoadedConfig): void {
  new ReferenceEngine(compile(loaded).bundle).close();
  new IssuancePolicies(loaded.issuance).close();
}

function configParts(config: Config, mappings: Mappings, bundle: unknown): ConfigParts {
  const { audience, budgets, mapping, skewS } = config;
  const settings = { audience, budgets, default_protected: mapping.defaultProtected, skew_s: skewS };
  return {
    bundle: digest(bundle, sha256Hex),
    registry: registryVersion(sha256Hex),
    mappings: digest(mappings.canonical, sha256Hex),
    settings: digest(settings, sha256Hex),
  };
}

/**
 * Opens an enforcement point in this process: configuration, tables, policies, Authority, broker and log.
 *
 * @throws FirmaError with file and line for a configuration, table or policy that does not load, StartFailed or
 *   StateUnusable for what cannot run. Nothing is left half-started.
 */
export async function openFirma(options: OpenOptions = {}): Promise<Firma> {
  const closers = new Closers();
  try {
    return await open(options, closers);
  } catch (error) {
    await closers.close();
    throw error;
  }
}

async function open(options: OpenOptions, closers: Closers): Promise<Firma> {
  const loaded = await openConfig(options, { cwd: process.cwd(), env: process.env });
  const { config } = loaded;
  const { mappings, budgets, bundle } = compile(loaded);
  const normalizer = new Normalizer(mappings, decodeBody);
  const parts = configParts(config, mappings, bundle.canonical);
  const origin = { sidecarId: config.id, configDigest: configDigest(parts, sha256Hex) };

  const state = await openStateDir(loaded.stateRoot);
  const authority = await openAuthority(loaded, state.authority);
  closers.add(() => authority.close());
  const verifier = await TokenVerifier.create({
    issuer: ISSUER,
    audience: config.audience,
    skewS: config.skewS,
    maxTtlS: config.authority.maxTtlS,
    keys: authority.publicKeys(),
    sha256Hex,
    compileScope,
  });
  const revocations = new RevocationSet();
  revocations.replace(authority.revocations(), Date.now() / 1000);

  const broker = await startBroker(config.credentials, { takeEnvironment: options.ownsProcess === true });
  closers.add(() => broker.close());
  const runDir = await newRun(state);
  const policies = openDecidingEngine(bundle, parts.bundle, config.policy.shadow, runDir);
  closers.add(() => policies.close());
  const audit = await AuditPipeline.start({
    runDir,
    keyFile: state.logKeyFile,
    origin: `firma/${config.id}/${basename(runDir)}`,
    sidecarId: config.id,
    fsync: config.audit.fsync,
    ...(options.onUnavailable === undefined ? {} : { onUnavailable: options.onUnavailable }),
  });
  closers.add(() => audit.close());

  const transports = new OpenTransports();
  const decider = new Decider({
    normalizer,
    defaultProtected: config.mapping.defaultProtected,
    verifier,
    revocations,
    skewS: config.skewS,
    engine: policies.engine,
    sessions: new SessionTable({ budgets }),
    audit,
    wallClock: systemClock(),
    randomBytes,
    sha256Hex,
    origin,
    onSessionEnd: (sessionKey) => transports.end(sessionKey),
  });
  decider.recorder.announce(parts);
  const summaries = setInterval(() => decider.recorder.summarize(), SUMMARY_INTERVAL_MS);
  summaries.unref();
  closers.add(() => {
    clearInterval(summaries);
    decider.recorder.summarize();
  });

  return new Firma({
    config,
    loaded,
    state,
    runDir,
    normalizer,
    verifier,
    decider,
    audit,
    authority,
    broker,
    policies,
    transports,
    counters: new Counters(),
    close: () => closers.close(),
  });
}
