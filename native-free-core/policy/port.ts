import type { ActionClassInfo } from '../registry/classes.ts';

/** What Cedar is asked about one reading of a call. Field by field the `Ctx` of semantics §4. */
export interface PolicyQuery {
  readonly principal: { readonly id: string; readonly groups: readonly string[] };
  readonly action: ActionClassInfo;
  readonly resource: {
    readonly uid: string;
    readonly host: string;
    readonly port: number;
    readonly path: string;
    /** Empty where the host is no known provider's. */
    readonly provider: string;
    readonly method: string;
    readonly hostGroups: readonly string[];
  };
  readonly context: PolicyContext;
}

export interface PolicyContext {
  readonly session: {
    readonly id: string;
    readonly ageS: number;
    readonly calls: number;
    readonly denies: number;
    readonly classes: readonly string[];
    readonly tools: readonly string[];
    readonly hosts: readonly string[];
    readonly injected: readonly string[];
    /** Empty before the first call. */
    readonly lastClass: string;
  };
  /** What remains of each budget after this call, by name; only budgets that apply. */
  readonly budget: Readonly<Record<string, number>>;
  readonly request: {
    readonly method: string;
    readonly scheme: string;
    readonly transport: string;
    readonly bodyBytes: number;
    readonly queryPresent: boolean;
  };
  /** Unix time in whole milliseconds; hour and weekday (1 is Monday) are derived from it, in UTC. */
  readonly nowMs: number;
  readonly capability: {
    readonly actions: readonly string[];
    readonly scope: readonly string[];
    readonly ageS: number;
    readonly ttlS: number;
  };
  readonly params: Readonly<Record<string, number | string>>;
}

/** What an engine answers. Ids are `@id`s, sorted. */
export interface PolicyVerdict {
  readonly allowed: boolean;
  /** The permits that allowed, or the forbids that denied. */
  readonly determining: readonly string[];
  /** Policies whose evaluation errored: any one denies (invariant 5). `<context>` and `<engine>` stand for no policy. */
  readonly errored: readonly string[];
  /** A satisfied forbid says `@outcome("abort")`. */
  readonly abort: boolean;
  /** `@reason` and `@remedy` of the first determining policy that has them. */
  readonly reason: string | undefined;
  readonly remedy: string | undefined;
}

/**
 * Stage 2 behind one interface: the reference engine (cedar-wasm) and the compiled one.
 *
 * An engine never throws for an input of this shape; what it cannot evaluate it reports under `errored`.
 */
export interface PolicyEngine {
  readonly name: string;
  evaluate(query: PolicyQuery): PolicyVerdict | Promise<PolicyVerdict>;
}

/** A policy file: `text` is Cedar, `file` names it in errors. */
export interface PolicySource {
  readonly file: string;
  readonly text: string;
}
