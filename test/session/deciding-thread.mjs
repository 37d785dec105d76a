// One of the threads that `threads.test.ts` starts: it decides over the sessions of the test's table, from the built core.
import { createHash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { SessionTable } from '../../native-free-core/dist/session/table.js';

const { classes, counter, nowMs, rounds, shared, sids, start, task, thread } = workerData;
const waiting = new Map();
let asked = 0;

parentPort.on('message', ({ answer, id }) => {
  waiting.get(id)(answer);
  waiting.delete(id);
});

const table = SessionTable.attach({
  shared,
  thread,
  sha256Hex: (text) => createHash('sha256').update(text).digest('hex'),
  steadyMs: () => nowMs,
  ask: (request) =>
    new Promise((resolve) => {
      asked += 1;
      waiting.set(asked, resolve);
      parentPort.postMessage({ kind: 'ask', id: asked, request }, []);
    }),
});

const identities = sids.map((sid) => ({ key: `iss\nagent\n${sid}`, iss: 'iss', sub: 'agent', sid }));
const NO_BUDGETS = [];
const BUSY = 300;
const chargeOf = (classIndex) => ({
  classIndex,
  otherClasses: [],
  amount: 2,
  currency: 'usd',
  host: `h${thread}.test`,
  idempotencyHeader: undefined,
  idempotency: undefined,
});
const [first, second] = classes.map(({ index }) => chargeOf(index));

async function opened(identity) {
  for (;;) {
    const handle = await table.open(identity, 0, NO_BUDGETS);
    if (handle !== undefined && table.enter(handle)) return handle;
  }
}

/** Reserves and commits in one turn. @returns whether there was room */
function call(handle, charge) {
  const reserved = table.reserve(handle, charge);
  if ('reason' in reserved) {
    table.countDeny(handle);
    return false;
  }
  table.countAllow(handle, charge.classIndex, charge.host, reserved.id);
  table.commit(reserved.id);
  Atomics.add(counter, 0, 1);
  table.release(reserved.id);
  return true;
}

const tasks = {
  /** Calls until there is no room, every third one rolled back. */
  async spend() {
    for (let made = 0; made < rounds; made++) {
      const handle = await opened(identities[made % identities.length]);
      if (made % 3 === 0) {
        const reserved = table.reserve(handle, first);
        table.leave(handle);
        if (!('reason' in reserved)) table.rollBack(reserved.id);
      } else {
        call(handle, first);
        table.leave(handle);
      }
    }
  },

  /** One class or the other, by what the session did before. */
  async wall() {
    for (const identity of identities) {
      const handle = await opened(identity);
      const [mine, other] = thread % 2 === 0 ? [first, 1] : [second, 0];
      if (!table.snapshot(handle, 0).classes.includes(classes[other].name)) call(handle, mine);
      else table.countDeny(handle);
      table.leave(handle);
    }
  },

  /** Calls that wait for the store, in sessions that others push out of memory. */
  async store() {
    for (let made = 0; made < rounds; made++) {
      const handle = await opened(identities[(made * 7 + thread) % identities.length]);
      const reserved = table.reserve(handle, first);
      table.leave(handle);
      if ('reason' in reserved) continue;
      await table.durable(reserved.id);
      table.commit(reserved.id);
      Atomics.add(counter, thread, 1);
      Atomics.add(counter, 64 + ((made * 7 + thread) % identities.length), 1);
      table.release(reserved.id);
    }
  },

  /** Calls without an end: whoever terminates the thread does so in the middle of one. */
  async forever() {
    const handles = [];
    for (const identity of identities) {
      handles.push(await opened(identity));
      table.leave(handles.at(-1));
    }
    // Held all along, and committed with its place among the open calls.
    table.reserve(handles[0], first);
    table.commit(table.reserve(handles[0], first).id);
    Atomics.add(counter, 0, 1);
    for (let made = 0; ; made++) {
      const handle = handles[made % handles.length];
      table.enter(handle);
      call(handle, { ...first, host: `h${made % 200}.test` });
      table.leave(handle);
      if (made === BUSY) parentPort.postMessage({ kind: 'busy' }, []);
    }
  },
};

parentPort.postMessage({ kind: 'ready' }, []);
Atomics.wait(start, 0, 0);
await tasks[task]();
parentPort.postMessage({ kind: 'done', left: table.reservationCount }, []);
parentPort.close();
