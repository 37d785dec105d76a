import { checkIssuance, type PolicySource, startCedar } from '@firma/core';
import { cedarModule } from '../../cedar-module.ts';
import { openConfig } from '../../config/open.ts';
import { SourceReader } from '../../config/sources.ts';
import { type PlaceOptions, surroundings } from '../options.ts';
import { print, printJson } from '../output.ts';
import { reportProblems } from '../report-problems.ts';

/** Issuance policies have a schema of their own; no configuration adds to it. */
export async function checkIssuancePolicies(
  path: string | undefined,
  options: PlaceOptions,
  asJson: boolean,
): Promise<void> {
  const sources: readonly PolicySource[] =
    path === undefined
      ? (await openConfig(options, surroundings())).issuance
      : await new SourceReader().readAll(path, '.cedar');
  startCedar(cedarModule());
  const { problems, permits, forbids } = checkIssuance(sources);
  if (problems.length > 0) {
    await reportProblems(problems, asJson);
    return;
  }
  const files = sources.length;
  if (asJson) printJson({ ok: true, files, policies: permits + forbids, permits, forbids });
  else {
    print(
      `issuance policies: ${permits + forbids} in ${files} ${files === 1 ? 'file' : 'files'}; ` +
        `permits: ${permits}; forbids: ${forbids}`,
    );
  }
}
