import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import {
  compileBudgets,
  compileScope,
  configDigest,
  type ConfigParts,
  Decider,
  digest,
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
import { Authority } from './authority/authority.ts';
import { startBroker } from './broker/client.ts';
import { cedarModule } from './cedar-module.ts';
import type { Config } from './config/config.ts';
import { openConfig } from './config/open.ts';
import type { LoadedConfig } from './config/read-named.ts';
import { newRun, openStateDir } from './config/state-dir.ts';
import { Closers } from './closers.ts';
import { Firma } from './firma.ts';
import { Counters } from './metrics/counters.ts';
import { sha256Hex } from './sha256.ts';
import { OpenTransports } from './session/transports.ts';
import { systemClock } from './wall-clock.ts';

export interface OpenOptions {
  /** Configuration file; found as semantics §8 says where absent. */
  readonly config?: string | undefined;
  /** State directory; found as semantics §8 says where absent. */
  readonly stateDir?: string | undefined;
  /** Told where a part that no call can do without has failed; every call is denied from then on. */
  readonly onUnavailable?: (detail: string) => void;
}

const SUMMARY_INTERVAL_MS = 1000;
const ISSUER = 'firma-authority';

/** The Authority that lives in this process: same key, same issuance policies for every command of a state directory. */
export function openAuthority(loaded: LoadedConfig, authorityDir: string): Promise<Authority> {
  return Authority.open({
    dir: authorityDir,
    issuer: ISSUER,
    audience: loaded.config.audience,
    maxTtlS: loaded.config.authority.maxTtlS,
    issuance: loaded.issuance,
    checkScope(pattern) {
      const compiled = compileScope([pattern]);
      return 'invalid' in compiled ? compiled.invalid : undefined;
    },
    now: Date.now,
  });
}

/** Stage 2 from the texts of a configuration. Throws PolicyInvalid and ConfigInvalid with file and line. */
function openPolicies(
  loaded: LoadedConfig,
  mappings: Mappings,
): { engine: ReferenceEngine; bundle: unknown } {
  startCedar(cedarModule());
  const budgets = loaded.config.budgets.map((budget) => budget.name);
  const bundle = loadBundle(loaded.policies, { params: mappings.params, budgets });
  return { engine: new ReferenceEngine(bundle), bundle: bundle.canonical };
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
  // Everything that a file can get wrong comes before anything is started.
  const mappings = loadMappings(loaded.mappings);
  const normalizer = new Normalizer(mappings);
  const { engine, bundle } = openPolicies(loaded, mappings);
  closers.add(() => engine.close());
  const budgets = compileBudgets(
    config.budgets,
    config.file === undefined ? undefined : { file: config.file },
  );
  const parts = configParts(config, mappings, bundle);
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

  const broker = await startBroker(config.credentials);
  closers.add(() => broker.close());
  const runDir = await newRun(state);
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
    engine,
    sessions: new SessionTable({ budgets }),
    audit,
    wallClock: systemClock(),
    randomBytes,
    sha256Hex,
    origin,
    onSessionEnd: (sessionKey) => transports.end(sessionKey),
  });
  decider.ledger.announce(parts);
  const summaries = setInterval(() => decider.ledger.summarize(), SUMMARY_INTERVAL_MS);
  summaries.unref();
  closers.add(() => {
    clearInterval(summaries);
    decider.ledger.summarize();
  });

  return new Firma({
    config,
    loaded,
    state,
    runDir,
    normalizer,
    decider,
    audit,
    authority,
    broker,
    transports,
    counters: new Counters(),
    close: () => closers.close(),
  });
}
