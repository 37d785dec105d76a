import { describe, expect, it } from 'vitest';
import { loadMappings, Normalizer } from '@firma/core';
import { keysOf, signer } from '../capability/authority.ts';
import { rig } from './rig.ts';

const TABLE = '[[rules]]\nhost = "api.test"\naction_class = "code.write"\n';

describe('what is in force', () => {
  it('is of one generation for one call: a call that was prepared is decided with what it was matched with', async () => {
    const { decider, decisions, inForce, raw, token } = await rig();
    const mappings = loadMappings([{ file: 'next.toml', text: TABLE }]);
    const { raw: request, body } = raw({});
    const before = decider.prepare(request);
    const next = { ...inForce, normalizer: new Normalizer(mappings), configDigest: 'next-digest' };
    decider.replace(next);
    expect(decider.inForce).toBe(next);
    const after = decider.prepare(request);
    const caller = { token: token() };
    for (const prepared of [before, after]) await decider.decide(prepared, body, caller);
    expect(decisions()).toMatchObject([
      { rule: 'test.toml:2', action_class: 'code.read', config: 'config-digest' },
      { rule: 'next.toml:1', action_class: 'code.write', config: 'next-digest' },
    ]);
  });
});

describe('a token that is verified once', () => {
  it('decides by its handle as by its text, in the same session', async () => {
    const { ask, decider, decisions, sessions, token } = await rig();
    const text = token();
    const handle = await decider.session(text);
    if ('refused' in handle) throw new Error(handle.detail);
    expect(await ask({}, { handle })).toMatchObject({ outcome: 'ALLOW', capability: handle.capability });
    expect(await ask({}, { token: text })).toMatchObject({ outcome: 'ALLOW', capability: handle.capability });
    expect(decisions().map(({ token_id }) => token_id)).toEqual(['token-1', 'token-1']);
    expect(sessions.sessionCount).toBe(1);
  });

  it('is refused where it is none, and has no handle then', async () => {
    const { decider } = await rig();
    expect(await decider.session('x.y.z')).toMatchObject({ refused: 'TOKEN_INVALID' });
  });

  it('is asked for its time, its revocation and its session on every call', async () => {
    const { ask, decider, revocations, state, token } = await rig();
    const handle = await decider.session(token());
    if ('refused' in handle) throw new Error(handle.detail);
    const session = { sid: 'BBECAwQFBgcICQoLDA0ODw', sub: 'agent-7' };
    expect(await ask({}, { handle, session })).toMatchObject({ reason: 'TOKEN_INVALID', eventId: undefined });
    revocations.replace({ sequence: 2, jti: ['token-1'], sid: [], sub: [] }, 0);
    expect(await ask({}, { handle })).toMatchObject({ reason: 'TOKEN_REVOKED' });
    state.nowMs += 3600 * 1000;
    expect(await ask({}, { handle })).toMatchObject({ reason: 'TOKEN_EXPIRED' });
  });

  it('is TOKEN_INVALID once its key was removed or replaced, and touches no session', async () => {
    for (const keys of [new Map<string, never>(), keysOf(signer('key-1'))]) {
      const { ask, decider, records, token, verifier } = await rig();
      const handle = await decider.session(token());
      if ('refused' in handle) throw new Error(handle.detail);
      await verifier.replaceKeys(keys);
      expect(await ask({}, { handle })).toMatchObject({ reason: 'TOKEN_INVALID', eventId: undefined });
      expect(records).toEqual([]);
    }
  });
});
