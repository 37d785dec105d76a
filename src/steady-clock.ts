import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readPrivateFile, replacePrivateFile } from './config/private-file.ts';

/** Milliseconds on a clock that only time moves. */
export type SteadyClock = () => number;

// Linux names each start of the machine, and its monotonic timer counts from there.
const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id';
const BOOT_ID = /^[0-9a-f-]{36}$/;

/** Milliseconds since this machine was started. */
function sinceBootMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

async function bootId(): Promise<string | undefined> {
  try {
    const text = (await readFile(BOOT_ID_FILE, 'utf8')).trim();
    return BOOT_ID.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The steady clock that stood at `bootMs` when this machine was started. Threads that are given the same number have the
 * same clock.
 */
export function steadyClock(bootMs: number): SteadyClock {
  const offset = bootMs + sinceBootMs() - performance.now();
  return () => offset + performance.now();
}

/** For a steady clock that begins at the system's time, and follows the monotonic timer from then on. */
export function newBootMs(): number {
  return Date.now() - sinceBootMs();
}

/**
 * For the steady clock of a run that goes on from one start to the next: as long as the machine is not started anew, setting
 * the system's time between two starts changes nothing. It is kept in `clock` of the run's directory.
 *
 * @throws StateUnusable where the file is not its owner's alone or cannot be written
 */
export async function standingBootMs(runDir: string): Promise<number> {
  const boot = await bootId();
  if (boot === undefined) return newBootMs();
  const file = join(runDir, 'clock');
  const [known, ms] = ((await readPrivateFile(file)) ?? '').trim().split(' ');
  const bootMs = Number(ms);
  if (known === boot && ms !== undefined && Number.isFinite(bootMs)) return bootMs;
  const now = newBootMs();
  await replacePrivateFile(file, `${boot} ${now}\n`);
  return now;
}
