import type { Bundle, BudgetInput } from '@firma/core';

/** Who makes the calls of one session. */
export interface Principal {
  readonly agent: string;
  readonly groups: readonly string[];
}

const AGENT = 'Firma::Agent';
const GROUP = 'Firma::AgentGroup';
const AGENTS = 16;
/** As many groups as a token holds. */
const MAX_GROUPS = 32;

function addNames(value: unknown, agents: Set<string>, groups: Set<string>): void {
  if (typeof value !== 'object' || value === null) return;
  if ('type' in value && 'id' in value && typeof value.id === 'string') {
    if (value.type === AGENT) agents.add(value.id);
    if (value.type === GROUP) groups.add(value.id);
  }
  for (const part of Object.values(value)) addNames(part, agents, groups);
}

/**
 * Principals of some sessions: agents and groups that policies and budgets name, and as many more agents as make 16. One
 * session is in no group, one in each, and one in all.
 */
export function principalsOf(
  { policies }: Pick<Bundle, 'policies'>,
  budgets: readonly BudgetInput[],
  sessions: number,
): readonly Principal[] {
  const agents = new Set<string>();
  const groups = new Set<string>();
  for (const { lowered } of policies) addNames(lowered, agents, groups);
  for (const { agent } of budgets) if (agent !== undefined) agents.add(agent);
  for (let index = 1; agents.size < AGENTS; index++) agents.add(`bench-${index}`);
  const named = [...agents].sort().slice(0, sessions);
  const all = [...groups].sort().slice(0, MAX_GROUPS);
  const choices = [[], ...all.map((group) => [group]), all];
  return Array.from({ length: sessions }, (_, index) => ({
    agent: named[index % named.length] ?? '',
    // The agents of one choice of groups are not always the same.
    groups: choices[(index + Math.floor(index / named.length)) % choices.length] ?? [],
  }));
}
