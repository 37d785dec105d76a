import type { CedarModule, ErrorCode, SourceLocation } from '@firma/core';
import type { CoreSources } from './lower-core.ts';
import type { SharedCore } from './lowered-core.ts';

/** What a lowering thread is given. */
export interface LowerTask {
  readonly cedar: CedarModule;
  readonly sources: CoreSources;
}

/** What it answers. An error as data: a clone keeps no error's class, code and place. */
export type Lowered =
  | { readonly ok: true; readonly core: SharedCore }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      readonly message: string;
      readonly at: SourceLocation | undefined;
    };
