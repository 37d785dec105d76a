import type { FirmaError } from '@firma/core';
import { EXIT, report } from './exit.ts';
import { printJson } from './output.ts';

/** Ends a check that failed: says all that is wrong on standard error, or as the one document for a program. */
export async function reportProblems(problems: readonly FirmaError[], asJson: boolean): Promise<void> {
  if (asJson) {
    const { formatLocation } = await import('@firma/core');
    printJson({
      ok: false,
      errors: problems.map(({ at, message }) => ({
        file: at?.file ?? null,
        line: at?.line ?? null,
        column: at?.column ?? null,
        message: at === undefined ? message : message.slice(`${formatLocation(at)}: `.length),
      })),
    });
  } else {
    for (const problem of problems) await report(problem);
  }
  process.exitCode = EXIT.checkFailed;
}
