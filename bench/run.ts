// Measures everything and puts each section's figures in its place in `bench/RESULTS.md`, where the notes around them stay.
// `npm run bench -- --only decision,api-closed`: these sections alone. `--quick`: less and shorter, printed and not written.

import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { shippedPath } from '../src/config/package-root.ts';
import { API_PARTS, measureApi } from './macro/api-parts.ts';
import { conditions, replaceSection } from './results.ts';
import { decisionSection } from './sections/decision.ts';
import { normalizerSection } from './sections/normalizer.ts';
import { policiesSection } from './sections/policies.ts';
import { sessionsSection } from './sections/sessions.ts';

const { values } = parseArgs({
  options: { only: { type: 'string' }, quick: { type: 'boolean', default: false } },
});

const { quick } = values;
const rounds = quick ? 2 : 5;
const SECTIONS = new Map<string, () => Promise<readonly string[]>>([
  ['decision', () => decisionSection(rounds)],
  ['policies', () => policiesSection(rounds)],
  ['normalizer', () => normalizerSection(rounds)],
  ['sessions', () => sessionsSection(rounds)],
  ...API_PARTS.map((part) => [`api-${part}`, () => measureApi(part, quick)] as const),
]);

const file = shippedPath('bench/RESULTS.md');
for (const id of values.only?.split(',') ?? SECTIONS.keys()) {
  const measure = SECTIONS.get(id);
  if (measure === undefined) {
    throw new Error(`\`${id}\` is none of ${[...SECTIONS.keys()].join(', ')}`);
  }
  const before = conditions();
  const lines = [before, '', ...(await measure())];
  process.stdout.write(`${id}\n\n${lines.join('\n')}\n\n`);
  // After each, so that what was measured is kept where a later section fails.
  if (!quick) writeFileSync(file, replaceSection(readFileSync(file, 'utf8'), id, lines));
}
