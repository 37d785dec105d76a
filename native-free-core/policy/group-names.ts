import type { PolicyJson } from '@cedar-policy/cedar-wasm/web';
import { isRecord } from './expression.ts';

const HOST_GROUP = 'Firma::HostGroup';

function addGroups(value: unknown, found: Set<string>): void {
  if (Array.isArray(value)) {
    for (const item of value) addGroups(item, found);
    return;
  }
  if (!isRecord(value)) return;
  const { type, id } = value;
  if (type === HOST_GROUP && typeof id === 'string') found.add(id);
  else for (const item of Object.values(value)) addGroups(item, found);
}

/** The host groups that the resource scope and the conditions of a policy name, sorted. */
export function hostGroupsIn({ resource, conditions }: PolicyJson): readonly string[] {
  const found = new Set<string>();
  addGroups(resource, found);
  addGroups(conditions, found);
  return [...found].sort();
}
