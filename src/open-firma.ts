import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import {
  compileBudgets,
  compileScope,
  ConfigInvalid,
  type ConfigParts,
  Decider,
  digest,
  IssuancePolicies,
  loadBundle,
  loadMappings,
  type Mappings,
  Normalizer,
  registryVersion,
  RevocationSet,
  type SchemaInputs,
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
import { decodeBody } from './decode-body.ts';
import { Firma } from './firma.ts';
import { Counters } from './metrics/counters.ts';
import { sha256Hex } from './sha256.ts';
import { openSessions } from './open-sessions.ts';
import { PoliciesInForce } from './policies-in-force.ts';
import { OpenTransports } from './session/transports.ts';
import { newSteadyClock, standingSteadyClock } from './steady-clock.ts';
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

/** What the tables and budgets of a configuration mean. What they get wrong shows here: nothing is started yet. */
interface Compiled {
  readonly mappings: Mappings;
  readonly budgets: ReturnType<typeof compileBudgets>;
  /** What policies may read of them. */
  readonly inputs: SchemaInputs;
}

function compile({ config, mappings: tables }: LoadedConfig): Compiled {
  const mappings = loadMappings(tables);
  const { budgets: written, file } = config;
  const budgets = compileBudgets(written, file === undefined ? undefined : { file });
  const inputs = { params: mappings.params, budgets: written.map((budget) => budget.name) };
  return { mappings, budgets, inputs };
}

/**
 * Whether a configuration's tables and policies load.
 *
 * @throws MappingInvalid, PolicyInvalid or ConfigInvalid with file and line, where a start would
 */
export function checkLoaded(loaded: LoadedConfig): void {
  const { inputs } = compile(loaded);
  startCedar(cedarModule());
  loadBundle(loaded.policies, inputs);
  new IssuancePolicies(loaded.issuance).close();
}

function digestsOf(config: Config, mappings: Mappings): Omit<ConfigParts, 'bundle'> {
  const { audience, budgets, mapping, skewS } = config;
  const settings = { audience, budgets, default_protected: mapping.defaultProtected, skew_s: skewS };
  return {
    registry: registryVersion(sha256Hex),
    mappings: digest(mappings.canonical, sha256Hex),
    settings: digest(settings, sha256Hex),
  };
}

function stateMode({ ephemeral, resetState }: OpenOptions): 'open' | 'reset' | undefined {
  if (ephemeral === true) return undefined;
  return resetState === true ? 'reset' : 'open';
}

/** What is in force besides policies stays for the life of a sidecar. */
function assertSameBut(policies: ConfigParts, { mappings, settings }: Omit<ConfigParts, 'bundle'>): void {
  const changed = mappings !== policies.mappings ? 'mapping tables' : 'budgets or decision settings';
  if (mappings === policies.mappings && settings === policies.settings) return;
  throw new ConfigInvalid(
    `the ${changed} have changed too; only policies are reloaded, so start the sidecar again`,
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
  const { mappings, budgets, inputs } = compile(loaded);
  const normalizer = new Normalizer(mappings, decodeBody);
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
  const policies = await PoliciesInForce.open(loaded.policies, {
    inputs,
    parts: digestsOf(config, mappings),
    shadow: config.policy.shadow,
    runDir,
  });
  closers.add(() => policies.close());
  const tell = (sentence: string): void => options.onUnavailable?.(sentence);
  const audit = await AuditPipeline.start({
    runDir,
    keyFile: state.logKeyFile,
    origin: `firma/${config.id}/${basename(runDir)}`,
    sidecarId: config.id,
    fsync: config.audit.fsync,
    state: options.current === true ? stateMode(options) : undefined,
    onUnavailable: (detail) => tell(`the audit log takes no records, so every call is denied: ${detail}`),
  });
  closers.add(() => audit.close());
  const { sessions, idempotencyHeaders, close } = await openSessions({
    budgets,
    store: audit.state,
    steadyMs: audit.state === undefined ? newSteadyClock() : await standingSteadyClock(runDir),
    onUnavailable: tell,
  });
  closers.add(close);

  const transports = new OpenTransports();
  const decider = new Decider({
    normalizer,
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
    inForce: policies.inForce,
    onSessionEnd: (sessionKey, reason) => transports.end(sessionKey, reason),
  });
  decider.recorder.announce(policies.inForce.configDigest, policies.parts);
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
    idempotencyHeaders,
    verifier,
    decider,
    sessions,
    audit,
    authority,
    broker,
    policies,
    transports,
    counters: new Counters(),
    reloadPolicies: () =>
      policies.replace(
        async () => {
          const now = await openConfig(options, { cwd: process.cwd(), env: process.env });
          assertSameBut(policies.parts, digestsOf(now.config, compile(now).mappings));
          return now.policies;
        },
        (inForce, parts) => {
          decider.recorder.announce(inForce.configDigest, parts);
          decider.replace(inForce);
        },
      ),
    close: () => closers.close(),
  });
}
