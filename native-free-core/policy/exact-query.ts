import type { PolicyQuery } from './port.ts';
import { READS, SECTIONS } from './reads.ts';

declare global {
  interface String {
    // ES2024; every runtime the core is meant for has it.
    isWellFormed(): boolean;
  }
}

/** Whether cedar-wasm takes all of these texts. */
export function allWellFormed(texts: readonly string[]): boolean {
  for (let index = 0; index < texts.length; index += 1) {
    if (texts[index]?.isWellFormed() === false) return false;
  }
  return true;
}

const SESSION_TEXTS =
  READS.session_id |
  READS.session_classes |
  READS.session_tools |
  READS.session_hosts |
  READS.session_injected |
  READS.session_last_class;
const CAPABILITY_TEXTS = READS.capability_actions | READS.capability_scope;
const OPEN_TEXTS = READS.budget | READS.params;

function isSessionExact({ context: { session } }: PolicyQuery, reads: number): boolean {
  if ((reads & READS.session_id) !== 0 && !session.id.isWellFormed()) return false;
  if ((reads & READS.session_classes) !== 0 && !allWellFormed(session.classes)) return false;
  if ((reads & READS.session_tools) !== 0 && !allWellFormed(session.tools)) return false;
  if ((reads & READS.session_hosts) !== 0 && !allWellFormed(session.hosts)) return false;
  if ((reads & READS.session_injected) !== 0 && !allWellFormed(session.injected)) return false;
  return (reads & READS.session_last_class) === 0 || session.lastClass.isWellFormed();
}

function isResourceExact({ resource }: PolicyQuery): boolean {
  return (
    Number.isSafeInteger(resource.port) &&
    resource.host.isWellFormed() &&
    resource.path.isWellFormed() &&
    resource.provider.isWellFormed() &&
    resource.method.isWellFormed()
  );
}

function areOpenTextsExact({ context: { budget, params } }: PolicyQuery, reads: number): boolean {
  if ((reads & READS.budget) !== 0 && !allWellFormed(Object.keys(budget))) return false;
  if ((reads & READS.params) === 0) return true;
  for (const name of Object.keys(params)) {
    const value = params[name];
    if (typeof value === 'string' && !value.isWellFormed()) return false;
  }
  return true;
}

/**
 * Whether what a slice reads of a query is text and numbers that cedar-wasm takes as they are.
 *
 * INVARIANT: nothing with a lone surrogate is handed to cedar-wasm. It throws on one and does not get back the stack it
 * used: after some 1,500 of them every call of the thread traps.
 *
 * @param reads what the policies look at (`READS`)
 */
export function isQueryExact(query: PolicyQuery, reads: number): boolean {
  const { principal, resource, context } = query;
  if (!principal.id.isWellFormed() || !resource.uid.isWellFormed()) return false;
  if ((reads & READS.principal) !== 0 && !allWellFormed(principal.groups)) return false;
  if ((reads & READS.resource) !== 0 && !isResourceExact(query)) return false;
  if ((reads & READS.resource_groups) !== 0 && !allWellFormed(resource.hostGroups)) return false;
  if ((reads & SESSION_TEXTS) !== 0 && !isSessionExact(query, reads)) return false;
  if ((reads & SECTIONS.request) !== 0) {
    const { method, scheme, transport } = context.request;
    if (!method.isWellFormed() || !scheme.isWellFormed() || !transport.isWellFormed()) return false;
  }
  if ((reads & CAPABILITY_TEXTS) !== 0) {
    const { actions, scope } = context.capability;
    if (!allWellFormed(actions) || !allWellFormed(scope)) return false;
  }
  return (reads & OPEN_TEXTS) === 0 || areOpenTextsExact(query, reads);
}
