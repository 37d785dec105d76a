import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { trust } from '../src/config/trust.ts';
import { openFirma } from '../src/open-firma.ts';
import { controlClient } from '../src/session/control-client.ts';
import { findSidecar } from '../src/session/current.ts';
import { type Sidecar, startSidecarHere } from '../src/sidecar.ts';
import { makeDir } from './config/place.ts';

const VARIABLE = 'FIRMA_TEST_SIDECAR_TOKEN';
const CONFIG = `[credentials.one]
bind = ["api.example.com", "api.github.com/repos/*/*/contents/*"]
source = "env:${VARIABLE}"
`;

let place: { readonly config: string; readonly stateDir: string };
let sidecar: Sidecar | undefined;

beforeEach(async () => {
  const root = makeDir({ 'firma.toml': CONFIG });
  place = { config: join(root, 'firma.toml'), stateDir: join(root, 'state') };
  await trust(place.config, place.stateDir);
  process.env[VARIABLE] = 'made-up';
});

afterEach(async () => {
  await sidecar?.close();
  sidecar = undefined;
  delete process.env[VARIABLE];
});

describe('a sidecar', () => {
  it('says on its control socket how it is', async () => {
    sidecar = await startSidecarHere({ ...place, current: true });
    const { info, firma } = sidecar;
    await firma.decide({ method: 'GET', url: 'https://api.example.com/', token: 'no token' });
    expect(await controlClient(info.control).status()).toEqual({
      ...info,
      processes: [process.pid, expect.any(Number), expect.any(Number)],
      sessions: 0,
      counters: { decisions: 1, outcomes: { DENY: 1 }, reasons: { TOKEN_INVALID: 1 } },
      policies: { engine: 'compiled', declined: 0 },
      verifier: expect.objectContaining({ hits: 0, refusals: 1 }),
      audit: expect.objectContaining({ refused: 0, lost: 0 }),
      openConnections: 0,
    });
    expect(await findSidecar(place.stateDir)).toMatchObject(info);
    await expect(startSidecarHere({ ...place, current: true })).rejects.toMatchObject({
      code: 'START_FAILED',
    });
  });

  it('that is a process of its own takes credentials out of its environment', async () => {
    sidecar = await startSidecarHere({ ...place, ownsProcess: true });
    expect(process.env[VARIABLE]).toBeUndefined();
    expect(sidecar.info.warnings).toEqual([]);
  });
});

describe('an enforcement point in a host', () => {
  it('leaves its environment alone, so that a second one has its credentials too', async () => {
    for (const _ of ['first', 'second']) {
      const firma = await openFirma(place);
      expect(firma.parts.broker.warnings).toEqual([]);
      await firma.close();
    }
    expect(process.env[VARIABLE]).toBe('made-up');
  });

  it('gives no credential to a call that could be read as one for another credential', async () => {
    const firma = await openFirma(place);
    try {
      const asked = { agent: 'a', groups: [], actions: ['code.read'], scope: ['*'], ttlS: 60 };
      const { token } = await firma.parts.authority.issue(asked);
      const credentialOf = async (file: string) => {
        const url = `https://api.github.com/repos/o/r/contents/${file}`;
        const decision = await firma.decide({ token, method: 'GET', url });
        const resource = decision.envelope?.readings[0].resource;
        if (decision.outcome !== 'ALLOW' || resource === undefined) throw new Error(decision.detail);
        return firma.credentialFor(decision, resource);
      };
      expect(await credentialOf('README')).toMatchObject({ label: 'one' });
      // Bound as one file name, and not bound as a path of two.
      await expect(credentialOf('docs%2FREADME')).rejects.toThrow('bound to different credentials');
    } finally {
      await firma.close();
    }
  });
});
