import { compactVerify } from 'jose/jws/compact/verify';
import { classSet, findActionClass } from '../registry/classes.ts';
import type { ActionClassInfo } from '../registry/classes.ts';
import { TokenCache } from './cache.ts';
import type { Capability, Claims, CompileScope } from './claims.ts';
import { checkClaims, sessionKeyOf } from './claims-check.ts';
import type { ClaimRules } from './claims-check.ts';
import { claimedSession, parseObject, readCompact } from './compact.ts';
import { importKeys } from './keys.ts';
import type { VerificationJwk, VerificationKey } from './keys.ts';
import { Shares } from './shares.ts';
import { TokenHandle } from './token-handle.ts';

export interface VerifierOptions extends ClaimRules {
  /** By `kid`. */
  readonly keys: ReadonlyMap<string, VerificationJwk>;
  /** SHA-256 of a text's UTF-8, in hexadecimal. */
  readonly sha256Hex: (text: string) => string;
  readonly compileScope: CompileScope;
  /** Verified tokens kept; 4,096 by default. */
  readonly cacheSize?: number;
  /** Signatures being verified at once; 64 by default. */
  readonly maxInFlight?: number;
  /** Of those, for one `source`; a quarter by default. */
  readonly maxInFlightPerSource?: number;
  /** And for one session that tokens claim to be of; an eighth by default. */
  readonly maxInFlightPerSession?: number;
}

/** A token that gets no capability. `detail` is shown to the agent: no token and no claim's value in it. */
export interface Refused {
  readonly refused: 'TOKEN_INVALID' | 'OVERLOADED';
  readonly detail: string;
}

export interface VerifierStats {
  hits: number;
  misses: number;
  refusals: number;
}

const EDDSA_ONLY = { algorithms: ['EdDSA'] };

function actionsOf(claims: Claims): readonly ActionClassInfo[] {
  return claims.actionSet.map(findActionClass).filter((info) => info !== undefined);
}

/**
 * Turns a token's text into a capability: Ed25519 signature (jose), then strict claims (semantics §3).
 *
 * What it answers depends on the text and the keys alone, plus `iat` not being in the future. `nbf`, `exp`, abort and
 * revocation are asked on every call, cached or not (`checkStanding`): an expired token still authenticates its session.
 */
export class TokenVerifier {
  readonly stats: VerifierStats = { hits: 0, misses: 0, refusals: 0 };
  readonly #options: VerifierOptions;
  readonly #cache: TokenCache;
  readonly #maxInFlight: number;
  readonly #inFlight = new Map<string, Promise<TokenHandle | Refused>>();
  readonly #bySource: Shares;
  /**
   * By the `sid` of payloads that nobody has verified yet: with tokens of one session a flood cannot take the places of
   * all. Who forges a `sid` can have first verifications of that session refused, as long as the flood lasts, and nothing else:
   * tokens in the cache are not verified again.
   */
  readonly #bySession: Shares;
  #keys: ReadonlyMap<string, VerificationKey>;
  #replacementsAsked = 0;
  #replacementInForce = 0;

  private constructor(options: VerifierOptions, keys: ReadonlyMap<string, VerificationKey>) {
    this.#options = options;
    this.#keys = keys;
    this.#cache = new TokenCache(options.cacheSize ?? 4096, options.sha256Hex);
    this.#maxInFlight = options.maxInFlight ?? 64;
    this.#bySource = new Shares(options.maxInFlightPerSource ?? Math.ceil(this.#maxInFlight / 4));
    this.#bySession = new Shares(options.maxInFlightPerSession ?? Math.ceil(this.#maxInFlight / 8));
  }

  /** @throws StateUnusable for a key that is no public Ed25519 key */
  static async create(options: VerifierOptions): Promise<TokenVerifier> {
    return new TokenVerifier(options, await importKeys(options.keys));
  }

  /** The capability of a token verified before, or undefined: then ask `verify`. Cost: one SHA-256, one lookup. */
  cached(token: string, nowS: number): Capability | undefined {
    const key = this.#cache.keyOf(token);
    const handle = key === undefined ? undefined : this.#cache.get(key, nowS);
    if (handle === undefined) {
      this.stats.misses += 1;
      return undefined;
    }
    this.stats.hits += 1;
    return handle.capability;
  }

  /** Whether the key that verified a handle's token is still in force under its `kid`. Cost: one lookup. */
  stands(handle: TokenHandle): boolean {
    return this.#keys.get(handle.kid)?.x === handle.key.x;
  }

  /** The capability of a token. @param source as for `handle` */
  async verify(token: string, nowS: number, source?: string): Promise<Capability | Refused> {
    const handle = await this.handle(token, nowS, source);
    return 'refused' in handle ? handle : handle.capability;
  }

  /**
   * Verifies a token, or joins the verification of the same text that is under way.
   *
   * @param source whoever sent it, as far as the transport knows (a connection, a peer): one source has only its share
   *   of the places in flight, so that its bad tokens do not keep others out; without one, only the total and the session's
   *   share bound it
   */
  async handle(token: string, nowS: number, source?: string): Promise<TokenHandle | Refused> {
    const key = this.#cache.keyOf(token);
    if (key === undefined) return this.#refuse('TOKEN_INVALID', 'the token is longer than 8 KiB');
    const known = this.#cache.get(key, nowS) ?? this.#inFlight.get(key);
    if (known !== undefined) return known;

    const head = readCompact(token);
    if ('invalid' in head) return this.#refuse('TOKEN_INVALID', head.invalid);
    const signer = this.#keys.get(head.kid);
    if (signer === undefined)
      return this.#refuse('TOKEN_INVALID', 'the `kid` of the token is not a known key');
    if (this.#inFlight.size >= this.#maxInFlight) return this.#overloaded();
    const session = claimedSession(token);
    if (session === undefined)
      return this.#refuse('TOKEN_INVALID', 'the payload of the token names no session');
    if (!this.#bySession.hasRoom(session)) return this.#overloaded();
    if (source !== undefined && !this.#bySource.hasRoom(source)) return this.#overloaded();

    this.#bySession.take(session);
    if (source !== undefined) this.#bySource.take(source);
    const verification = this.#verifySigned(token, key, head.kid, signer, nowS);
    this.#inFlight.set(key, verification);
    try {
      return await verification;
    } finally {
      this.#inFlight.delete(key);
      this.#bySession.giveBack(session);
      if (source !== undefined) this.#bySource.giveBack(source);
    }
  }

  /**
   * Puts other keys in force; tokens of a `kid` that is gone, or has another key now, are forgotten at once.
   *
   * @throws StateUnusable for a key that is no public Ed25519 key; the keys in force then stay
   */
  async replaceKeys(keys: ReadonlyMap<string, VerificationJwk>): Promise<void> {
    this.#replacementsAsked += 1;
    const turn = this.#replacementsAsked;
    const imported = await importKeys(keys, this.#keys);
    // An earlier call whose import took longer must not bring a removed key back.
    if (turn < this.#replacementInForce) return;
    this.#replacementInForce = turn;
    const before = this.#keys;
    this.#keys = imported;
    for (const [kid, { x }] of before) {
      if (imported.get(kid)?.x !== x) this.#cache.dropKey(kid);
    }
  }

  async #verifySigned(
    token: string,
    key: string,
    kid: string,
    signer: VerificationKey,
    nowS: number,
  ): Promise<TokenHandle | Refused> {
    let payload: Uint8Array;
    try {
      ({ payload } = await compactVerify(token, signer.key, EDDSA_ONLY));
    } catch {
      return this.#refuse('TOKEN_INVALID', 'the signature of the token does not verify');
    }
    if (this.#keys.get(kid)?.x !== signer.x) {
      return this.#refuse('TOKEN_INVALID', 'the `kid` of the token is no longer a known key');
    }
    const members = parseObject(payload);
    if (members === undefined) {
      return this.#refuse('TOKEN_INVALID', 'the payload of the token is not a JSON object');
    }
    const claims = checkClaims(members, this.#options, nowS);
    if ('invalid' in claims) return this.#refuse('TOKEN_INVALID', claims.invalid);
    const scope = this.#options.compileScope(claims.resourceScope);
    if ('invalid' in scope) return this.#refuse('TOKEN_INVALID', `the token's scope: ${scope.invalid}`);

    const capability: Capability = Object.freeze({
      claims,
      actions: classSet(actionsOf(claims)),
      scope,
      sessionKey: sessionKeyOf(claims.iss, claims.sub, claims.sid),
    });
    const handle = new TokenHandle(capability, kid, signer);
    if (nowS < claims.exp) this.#cache.put(key, handle);
    return handle;
  }

  #refuse(refused: Refused['refused'], detail: string): Refused {
    this.stats.refusals += 1;
    return { refused, detail };
  }

  #overloaded(): Refused {
    return this.#refuse('OVERLOADED', 'too many tokens are being verified, try again');
  }
}
