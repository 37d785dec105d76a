import type { SharedSessions } from '../../native-free-core/session/shared.ts';
import { SessionTable } from '../../native-free-core/session/table.ts';
import { sha256Hex } from '../../src/sha256.ts';
import { Clock } from './subject.ts';

// Tables of other threads, all in this one: what one of them does not finish stays unfinished until the home ends it.

/** Requests to homes so far. */
export const asked = { count: 0 };

/** A table over the home's, as another thread has it; nothing but shared memory is passed by reference. */
export function attached(home: SessionTable, thread: number): SessionTable {
  return SessionTable.attach({
    shared: posted(home),
    thread,
    sha256Hex,
    steadyMs: new Clock().read,
    ask: async (request) => {
      asked.count += 1;
      return structuredClone(await home.serve(structuredClone(request)));
    },
  });
}

/** As it crosses to another thread; shared memory stays shared. */
function posted(home: SessionTable): SharedSessions {
  const shared = home.share();
  return { ...shared, budgets: structuredClone(shared.budgets) };
}
