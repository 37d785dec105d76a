import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AgentSessions } from './agent-sessions.ts';
import { Closers } from './closers.ts';
import { formatHostPort } from './config/address.ts';
import { stateDirPath } from './config/state-dir.ts';
import type { Firma } from './firma.ts';
import { metricsOf, readinessOf } from './health.ts';
import { startIngressPool } from './ingress/ingress-pool.ts';
import { Totals } from './metrics/totals.ts';
import { openFirma, type OpenOptions } from './open-firma.ts';
import { openCertificateAuthority } from './proxy/ca.ts';
import { startProxy } from './proxy/proxy.ts';
import { startControl } from './session/control.ts';
import { assertNoneRuns, becomeCurrent } from './session/current.ts';
import { SessionDirectory } from './session/directory.ts';
import type { SidecarInfo } from './session/sidecar-info.ts';

/** `current` also names it in the state directory as the one that later runs attach to: `firma sidecar`. */
export type SidecarStartOptions = OpenOptions;

/** A sidecar that serves: proxy, decision API and control socket over one enforcement point. */
export interface Sidecar {
  readonly firma: Firma;
  readonly info: SidecarInfo;
  /** Resolves with why where a part ended that it cannot do without. */
  readonly failed: Promise<Error>;
  close(): Promise<void>;
}

function startWarnings(firma: Firma): string[] {
  const { broker, config } = firma.parts;
  return [
    ...config.overrides.map(({ from, to }) => `upstream override: calls to \`${from}\` go to \`${to}\``),
    ...broker.warnings,
  ];
}

/**
 * Starts a sidecar.
 *
 * @throws FirmaError as `openFirma`, StartFailed for an address in use; nothing is left half-started
 */
export async function startSidecarHere(options: SidecarStartOptions): Promise<Sidecar> {
  const closers = new Closers();
  try {
    return await start(options, closers);
  } catch (error) {
    await closers.close();
    throw error;
  }
}

async function start(options: SidecarStartOptions, closers: Closers): Promise<Sidecar> {
  // Before its log is found in use.
  const around = { cwd: process.cwd(), env: process.env };
  if (options.current === true) await assertNoneRuns(stateDirPath(options.stateDir, around));
  const firma = await openFirma(options);
  closers.add(() => firma.close());
  const { audit, authority, broker, config, core, desk, runDir, state, threads, transports, verifier } =
    firma.parts;

  threads.readiness = () => readinessOf(firma);
  const socketPath = config.ingress.socket ?? join(runDir, 'ingress.sock');
  // Its threads start while the rest does.
  const startingIngress = startIngressPool({
    config: config.ingress,
    socketPath,
    threads,
    onReplaced: (sentence) => options.onUnavailable?.(sentence),
  });
  // Heard of below, once the rest has started.
  startingIngress.catch(() => undefined);
  closers.add(() =>
    startingIngress.then(
      (started) => started.close(),
      () => undefined,
    ),
  );

  const ca = await openCertificateAuthority(state.root);
  const caBundle = join(runDir, 'ca-bundle.pem');
  await writeFile(caBundle, ca.caBundle(), { mode: 0o644 });

  const directory = new SessionDirectory();
  const proxy = await startProxy({
    enforcer: firma,
    sessions: directory,
    ca,
    config,
    caPems: firma.parts.loaded.ca,
    listen: config.proxy.listen,
  });
  closers.add(() => proxy.close());

  const ingress = await startingIngress;

  const sessions = new AgentSessions(config, authority, directory, transports);
  closers.add(() => sessions.closeAll());

  const proxyOrigin = `http://${formatHostPort(proxy)}`;
  const info: SidecarInfo = {
    control: join(runDir, 'control.sock'),
    proxy: proxyOrigin,
    ingress: `http://${formatHostPort(ingress)}`,
    ingressSocket: socketPath,
    adapter: ingress.adapter,
    caFile: ca.certificateFile,
    caBundle,
    runDir,
    config: config.file ?? '',
    warnings: startWarnings(firma),
  };
  threads.metrics = () => metricsOf(firma, info, proxy.openConnections);
  // One that was killed leaves its socket behind; the lock of the directory says that it is gone.
  await rm(info.control, { force: true });
  const control = await startControl({
    path: info.control,
    handlers: {
      openSession: (request) => sessions.open(request, proxyOrigin),
      closeSession: (user) => sessions.close(user),
      reloadPolicies: () => firma.reload(),
      listSessions: (limit, after) => desk.list(limit, after),
      showSession: (sid) => desk.show(sid),
      abortSession: (request) =>
        desk.abort({ ...request, agent: sessions.agentOf(request.sid) ?? request.agent }),
      status: () => ({
        ...info,
        processes: [process.pid, audit.writerPid, broker.pid],
        sessions: sessions.count,
        counters: new Totals(firma.parts.sharedStats).snapshot(),
        policies: core.stats(),
        verifier: verifier.stats,
        audit: audit.stats,
        openConnections: proxy.openConnections,
      }),
    },
  });
  closers.add(() => control.close());
  if (options.current === true) closers.add(await becomeCurrent(state.root, info.control));
  return { firma, info, failed: ingress.failed, close: () => closers.close() };
}
