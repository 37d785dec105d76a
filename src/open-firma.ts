import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import {
  type BudgetRule,
  compileBudgets,
  compileScope,
  ConfigInvalid,
  type ConfigParts,
  Decider,
  digest,
  IssuancePolicies,
  registryVersion,
  RevocationSet,
  startCedar,
  TokenVerifier,
  Usage,
} from '@firma/core';
import { AuditPipeline } from './audit/pipeline.ts';
import { ISSUER, openAuthority } from './authority/open.ts';
import { startBroker } from './broker/client.ts';
import { cedarModule } from './cedar-module.ts';
import type { Config } from './config/config.ts';
import { openConfig } from './config/open.ts';
import type { LoadedConfig } from './config/read-named.ts';
import { newRun, openStateDir, standingRun } from './config/state-dir.ts';
import { Closers } from './closers.ts';
import { Firma } from './firma.ts';
import { DecidingThreads } from './deciding-threads.ts';
import { DecisionPoint } from './decision-point.ts';
import { enforcementKey, keyDigest } from './enforcement-key.ts';
import { REGIONS } from './metrics/series.ts';
import { sharedStats, ThreadStats } from './metrics/thread-stats.ts';
import { sha256Hex } from './sha256.ts';
import { CoreInForce } from './core-in-force.ts';
import { lowerCore, type CoreSources } from './pool/lower-core.ts';
import { openSessions } from './open-sessions.ts';
import { OpenTransports } from './session/transports.ts';
import { SessionDesk } from './session-desk.ts';
import { newBootMs, standingBootMs, steadyClock } from './steady-clock.ts';
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
  /**
   * Goes on where the last one of this state directory and `sidecar.id` stopped: the same log, and the same sessions and
   * budgets. Absent: a run of its own, which nothing goes on with.
   */
  readonly current?: boolean;
  /** Budgets and sessions are kept in memory only. */
  readonly ephemeral?: boolean | undefined;
  /** Where the stored budgets and sessions are damaged, moves them aside and begins with none. Not with `ephemeral`. */
  readonly resetState?: boolean | undefined;
  /** Told, in one sentence, what fails that calls cannot do without: they are denied from then on. */
  readonly onUnavailable?: (sentence: string) => void;
}

const SUMMARY_INTERVAL_MS = 1000;
/** The main thread, among those that decide. */
const HOME = 0;

function sourcesOf({ config, mappings, policies }: LoadedConfig): CoreSources {
  return { tables: mappings, policies, budgets: config.budgets.map(({ name }) => name) };
}

function budgetsOf({ config: { budgets, file } }: LoadedConfig): readonly BudgetRule[] {
  return compileBudgets(budgets, file === undefined ? undefined : { file });
}

/**
 * Whether a configuration's tables and policies load.
 *
 * @throws MappingInvalid, PolicyInvalid or ConfigInvalid with file and line, where a start would
 */
export function checkLoaded(loaded: LoadedConfig): void {
  budgetsOf(loaded);
  startCedar(cedarModule());
  lowerCore(sourcesOf(loaded));
  new IssuancePolicies(loaded.issuance).close();
}

function partsOf({ audience, budgets, mapping, skewS }: Config): Pick<ConfigParts, 'registry' | 'settings'> {
  const settings = { audience, budgets, default_protected: mapping.defaultProtected, skew_s: skewS };
  return { registry: registryVersion(sha256Hex), settings: digest(settings, sha256Hex) };
}

function stateMode({ ephemeral, resetState }: OpenOptions): 'open' | 'reset' | undefined {
  if (ephemeral === true) return undefined;
  return resetState === true ? 'reset' : 'open';
}

/** What is in force besides tables and policies stays for the life of a sidecar. */
function assertSameSettings(now: Config, settings: string): void {
  if (partsOf(now).settings === settings) return;
  throw new ConfigInvalid(
    'the budgets or decision settings have changed too; only tables and policies are reloaded, so start the sidecar again',
  );
}

/**
 * Opens an enforcement point in this process: configuration, tables, policies, Authority, broker and log.
 *
 * @throws Usage for options that exclude each other, FirmaError with file and line for a configuration, table or policy that does not load, StartFailed or
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
  if (options.ephemeral === true && options.resetState === true) {
    throw new Usage(
      '`--reset-state` is about what is stored, and with `--ephemeral` nothing is; give one of them',
    );
  }
  const loaded = await openConfig(options, { cwd: process.cwd(), env: process.env });
  const { config } = loaded;
  const budgets = budgetsOf(loaded);
  startCedar(cedarModule());

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
  const runDir = options.current === true ? await standingRun(state, config.id) : await newRun(state);
  const core = await CoreInForce.open(sourcesOf(loaded), {
    parts: partsOf(config),
    share: config.policy.shadow,
    runDir,
  });
  closers.add(() => core.close());
  const tell = (sentence: string): void => options.onUnavailable?.(sentence);
  const audit = await AuditPipeline.start({
    runDir,
    keyFile: state.logKeyFile,
    origin: `firma/${config.id}/${basename(runDir)}`,
    sidecarId: config.id,
    fsync: config.audit.fsync,
    threads: 1 + config.ingress.workers,
    state: options.current === true ? stateMode(options) : undefined,
    onUnavailable: (detail) => tell(`the audit log takes no records, so every call is denied: ${detail}`),
  });
  closers.add(() => audit.close());
  const bootMs = audit.state === undefined ? newBootMs() : await standingBootMs(runDir);
  const { sessions, idempotencyHeaders, storeAnswers, close } = await openSessions({
    budgets,
    store: audit.state,
    steadyMs: steadyClock(bootMs),
    onUnavailable: tell,
  });
  closers.add(close);

  const transports = new OpenTransports();
  const decider = new Decider({
    defaultProtected: config.mapping.defaultProtected,
    verifier,
    revocations,
    skewS: config.skewS,
    sessions,
    idempotencyHeaders,
    audit,
    wallClock: systemClock(),
    randomBytes,
    sha256Hex,
    origin: { sidecarId: config.id },
    inForce: core.inForce,
    onSessionEnd: (sessionKey, reason) => transports.end(sessionKey, reason),
  });
  decider.recorder.announce(core.inForce.configDigest, core.parts);
  const summaries = setInterval(() => decider.recorder.summarize(), SUMMARY_INTERVAL_MS);
  summaries.unref();
  closers.add(() => {
    clearInterval(summaries);
    decider.recorder.summarize();
  });

  const shared = sharedStats(REGIONS);
  const stats = new ThreadStats(shared, HOME);
  const point = new DecisionPoint({ decider, log: audit, stats, idempotencyHeaders });
  closers.add(() => point.close());
  const threads = new DecidingThreads({
    loaded,
    issuer: ISSUER,
    keys: authority.publicKeys(),
    revocations: authority.revocations(),
    bootMs,
    sessions,
    audit,
    stats: shared,
    enforcementKeyDigest: keyDigest(await enforcementKey(state.enforcementKeyFile)),
    forThread: () => core.forThread(),
    endSession: (sessionKey, reason) => transports.end(sessionKey, reason),
    settle: (eventId, how) => point.settle(eventId, how),
  });

  return new Firma({
    config,
    loaded,
    state,
    runDir,
    idempotencyHeaders,
    verifier,
    decider,
    sessions,
    audit,
    authority,
    broker,
    core,
    transports,
    stats,
    sharedStats: shared,
    point,
    threads,
    storeAnswers,
    desk: new SessionDesk({ sessions, transports, budgets: config.budgets, issuer: ISSUER }),
    reload: () =>
      core.replace(
        async () => {
          const now = await openConfig(options, { cwd: process.cwd(), env: process.env });
          assertSameSettings(now.config, core.parts.settings);
          return sourcesOf(now);
        },
        {
          prepare: (forThread) => threads.prepare(forThread),
          exchange(inForce, parts) {
            decider.recorder.announce(inForce.configDigest, parts);
            decider.replace(inForce);
            return threads.activate();
          },
        },
      ),
    close: () => closers.close(),
  });
}
