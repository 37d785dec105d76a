// Resident memory of a sidecar under load: calls through the proxy, TLS on both sides, everything recorded.
// `npm run soak`. Exits 1 where a limit of `bench/budgets.toml` is missed.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ProxyAgent, request } from 'undici';
import { openWorld } from '../../src/cli/demo/world.ts';
import { drive } from '../../src/load/drive.ts';
import { controlClient } from '../../src/session/control-client.ts';
import { readBudgets } from '../budgets.ts';
import { residentMb } from './cpu.ts';

const FIRST = 1000;

const { values } = parseArgs({ options: { calls: { type: 'string', default: '10000' } } });

const { memory: limits } = readBudgets();
const world = await openWorld(undefined);
try {
  const { info, pid } = world.sidecar;
  const control = controlClient(info.control);
  const { user, password } = await control.openSession({
    agent: 'soak',
    groups: [],
    actions: ['issue.read'],
    scope: ['*'],
    ttlS: 3600,
  });
  const proxyAgent = new ProxyAgent({
    uri: info.proxy,
    token: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
    requestTls: { ca: readFileSync(info.caFile, 'utf8') },
  });
  const call = async (): Promise<void> => {
    const { statusCode, body } = await request('https://api.github.com/repos/octocat/hello-world/issues', {
      dispatcher: proxyAgent,
    });
    await body.dump();
    if (statusCode !== 200) throw new Error(`status ${statusCode}`);
  };
  const processes = await world.processes();
  const shown = (): string => processes.map((one) => residentMb(one).toFixed(0)).join(' + ');

  const total = Number(values.calls);
  const early = await drive({ call, calls: FIRST, concurrency: 16 });
  const before = residentMb(pid);
  process.stdout.write(`after ${FIRST} calls: ${shown()} MB (sidecar + writer + broker)\n`);
  const late = await drive({ call, calls: total - FIRST, concurrency: 16 });
  const after = residentMb(pid);
  process.stdout.write(`after ${total} calls: ${shown()} MB\n`);
  process.stdout.write(
    `${late.perSecond.toFixed(0)} calls/s, median ${late.medianMs.toFixed(1)} ms, p99 ${late.p99Ms.toFixed(1)} ms, ` +
      `${early.errors + late.errors} errors\n`,
  );
  const grown = after - before;
  const ok = after <= limits.residentMb && grown <= limits.growthMb && early.errors + late.errors === 0;
  process.stdout.write(
    `${ok ? 'ok    ' : 'MISSED'} sidecar ${after.toFixed(0)} MB of ${limits.residentMb}, grew by ${grown.toFixed(1)} MB of ${limits.growthMb}\n`,
  );
  process.exitCode = ok ? 0 : 1;
  await proxyAgent.close();
} finally {
  await world.close();
}
