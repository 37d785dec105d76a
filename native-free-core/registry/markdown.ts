import { ACTION_CLASSES } from './classes.ts';

/** The text of `REGISTRY.md`: the closed list as a table. */
export function registryMarkdown(): string {
  const rows = ACTION_CLASSES.map(
    ({ name, risk, effect, base, meaning }) =>
      `| \`${name}\` | ${risk} | ${effect} | ${base ? 'yes' : ''} | ${meaning} |`,
  );
  return [
    '# Action classes',
    '',
    'Generated from `classes.ts` by `firma classes --markdown`; a test keeps the two equal.',
    '',
    `A closed list of ${ACTION_CLASSES.length}. Every reading of a call has exactly one class.`,
    '',
    '| class | risk | effect | base | meaning |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}
