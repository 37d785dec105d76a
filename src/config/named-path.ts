import type { SourceLocation } from '@firma/core';
import type { Config } from './config.ts';

/** Where a key of the file stands, by its path. */
export type Locate = (path: readonly (string | number)[]) => SourceLocation;

/** A path whose contents are part of the configuration. */
export interface NamedPath {
  readonly path: string;
  /** Of a directory, the files in it that count; absent where all do. */
  readonly only?: readonly string[];
  /** Where the file names it; undefined where it is shipped with the package, whose contents need no trust. */
  readonly at: SourceLocation | undefined;
}

/** A configuration, and the paths it stands on: files, or directories that are not expanded yet. */
export interface Assembled {
  readonly config: Config;
  readonly mappings: readonly NamedPath[];
  readonly policies: NamedPath;
  readonly issuance: NamedPath;
  readonly ca: readonly NamedPath[];
}
