import { type Rule, StartFailed, Usage } from '@firma/core';
import { type OpenedConfig, openConfig } from '../../config/open.ts';
import { measure } from '../../load/measure.ts';
import type { Mix } from '../../load/mix.ts';
import { readMix } from '../../load/read-mix.ts';
import type { LoadResult } from '../../load/result.ts';
import { readInput } from '../input.ts';
import { type PlaceOptions, surroundings } from '../options.ts';
import { type Credentials, issueTokens, type Needed, openProxySessions } from './credentials.ts';
import type { Given, Options } from './given.ts';
import { mixInForce } from './make.ts';
import { assertOverridden, overriddenHosts } from './overrides.ts';
import { findPlace, type Place } from './place.ts';
import { progressLine } from './show.ts';

const MAX_MIX_BYTES = 16 * 1024 * 1024;
const PROGRESS_EVERY = 500;

/** The mix that was named, or one made from the configuration in force. */
export async function mixOf(
  options: Pick<Options, 'mix'> & PlaceOptions,
  seed: number,
  takes?: (rule: Rule) => boolean,
): Promise<Mix> {
  if (options.mix === undefined) return mixInForce(options, seed, takes);
  const bytes = await readInput(options.mix, MAX_MIX_BYTES);
  return readMix(bytes.toString('utf8'), options.mix);
}

/** The configuration of the sidecar that is asked, where it is known; else the one in force here. */
async function configOf(options: Options, { sidecar }: Place): Promise<OpenedConfig> {
  const config = options.config ?? (sidecar?.config === '' ? undefined : sidecar?.config);
  const opened = await openConfig({ ...options, config }, surroundings());
  if (sidecar !== undefined && (opened.config.file ?? '') !== sidecar.config) {
    throw new StartFailed(
      `the sidecar that runs for this state directory has another configuration (\`${sidecar.config || 'the defaults'}\`); name it with \`--config\``,
    );
  }
  return opened;
}

async function proxyMix(options: Options, given: Given, { config }: OpenedConfig): Promise<Mix> {
  const hosts = overriddenHosts(config, options.iOwnThisHost === true);
  if (hosts.size === 0) {
    throw new Usage(
      'the proxy would send this load to the hosts themselves; send it to an upstream of your own with `[[sidecar.upstream.overrides]]`',
    );
  }
  const takes = ({ host, port }: Rule): boolean => host.kind === 'exact' && hosts.has(`${host.name}:${port}`);
  const mix = await mixOf(options, given.seed, takes);
  assertOverridden(mix, hosts);
  return mix;
}

async function credentialsOf(
  given: Given,
  place: Place,
  opened: OpenedConfig,
  needed: Needed,
): Promise<Credentials> {
  if (given.target !== 'proxy') return issueTokens(opened, needed);
  // Its sessions are opened at its control socket, which an address does not name.
  if (place.sidecar === undefined)
    throw new Usage('the proxy is found by its state directory: give no `--url`');
  return openProxySessions(place.sidecar.control, needed);
}

/** Aborts at the first SIGINT or SIGTERM; the next one ends the process as ever. */
function onInterrupt(): { readonly signal: AbortSignal; readonly release: () => void } {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  process.once('SIGINT', abort);
  process.once('SIGTERM', abort);
  const release = (): void => {
    process.off('SIGINT', abort);
    process.off('SIGTERM', abort);
  };
  return { signal: controller.signal, release };
}

/**
 * Runs the load that the options ask for.
 *
 * @param say takes lines for whoever waits
 */
export async function runGiven(
  options: Options,
  given: Given,
  say: (line: string) => void,
): Promise<LoadResult> {
  const { agents, durationMs, rate, seed, target, warmupMs } = given;
  const place = await findPlace(target, { ...options, ownsHost: options.iOwnThisHost === true });
  const opened = await configOf(options, place);
  const asked = { ...options, ...(opened.config.file === undefined ? {} : { config: opened.config.file }) };
  const mix = target === 'proxy' ? await proxyMix(asked, given, opened) : await mixOf(asked, seed);
  const credentials = await credentialsOf(given, place, opened, {
    ...{ mix, agents, seed },
    calls: Math.ceil((rate * (warmupMs + durationMs)) / 1000),
    ttlS: opened.config.authority.maxTtlS,
    onProgress(made, of) {
      if (made === 1 && of > PROGRESS_EVERY) say(`issuing ${of} tokens`);
    },
  });
  const { release, signal } = onInterrupt();
  try {
    const onSecond = (second: LoadResult['perSecond'][number]): void => say(progressLine(second));
    const result = await measure({ ...given, ...place, mix, credentials, onSecond, signal });
    if (credentials.reused === 0 || target === 'proxy') return result;
    const warning = `${credentials.reused} times a new session was due and no token was left: its agent went on in the old one`;
    return { ...result, warnings: [...result.warnings, warning] };
  } finally {
    release();
    await credentials.close();
  }
}
