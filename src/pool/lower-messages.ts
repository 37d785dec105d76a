import type { Bundle, CedarModule, ErrorCode, PolicySource, SchemaInputs, SourceLocation } from '@firma/core';

/** What a lowering thread is given. */
export interface LowerTask {
  readonly cedar: CedarModule;
  readonly policies: readonly PolicySource[];
  readonly inputs: SchemaInputs;
}

/** What it answers. An error as data: a clone keeps no error's class, code and place. */
export type Lowered =
  | { readonly ok: true; readonly bundle: Bundle }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      readonly message: string;
      readonly at: SourceLocation | undefined;
    };
