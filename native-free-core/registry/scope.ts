/** What a scope is asked about: one reading's resource, or where a credential would go. */
export interface ScopedResource {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  /** Canonical, without a trailing `/`. */
  readonly path: string;
  /** Bit n-1 set: segment n of the path has no case of its own, and the scope compares it so. Never left out. */
  readonly foldMask: number;
}

/** Answers whether a resource is inside a list of patterns. Compiled once a token or credential. */
export interface ScopeMatcher {
  matches(resource: ScopedResource): boolean;
}
