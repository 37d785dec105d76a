import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Exceeded } from '../../native-free-core/session/budget.ts';
import { attached } from './attached.ts';
import { MemoryStore } from './memory-store.ts';
import { opened, READ, read, tableOf } from './subject.ts';

describe('names', () => {
  it('read in every thread as they were written, whatever is in them', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 80 }),
      fc
        .array(fc.integer({ min: 0, max: 0xffff }), { minLength: 1, maxLength: 40 })
        .map((codes) => String.fromCharCode(...codes)),
      fc.string({ unit: 'grapheme', minLength: 200, maxLength: 300 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 20 }), text, async (names, sid) => {
        const home = await tableOf([]);
        const other = attached(home, 1);
        const who = { key: sid, iss: names[0] ?? '', sub: `${sid}!`, sid };
        const handle = await other.open(who, 0, []);
        if (handle === undefined) throw new Error('the table is full');
        for (const [index, name] of names.entries()) {
          const [table, reader] = index % 2 === 0 ? [home, other] : [other, home];
          table.countAllow(handle, -1, name, undefined);
          table.noteInjected(handle, name);
          expect(reader.snapshot(handle, 0).hosts).toContain(name);
        }
        const distinct = [...new Set(names)].sort();
        expect(other.snapshot(handle, 0)).toMatchObject({ hosts: distinct, injected: distinct });
        expect(home.show(handle)).toMatchObject({ iss: who.iss, sub: who.sub, sid });
      }),
      { numRuns: 60 },
    );
  });

  it('leave with the last session that refers to them, and are refused before they crowd others out', async () => {
    const home = await tableOf([], { store: new MemoryStore(), maxSessions: 16 });
    const refusals: Exceeded[] = [];
    const host = (session: number, index: number): string =>
      `h${index}.s${session}.${'long.'.repeat(30)}test`;
    for (let session = 0; session < 60; session++) {
      const handle = await opened(home, `s${session}`);
      let refused: Exceeded | undefined;
      for (let index = 0; index < 250; index++) {
        const charge = { ...read, host: host(session, index) };
        const answer = home.reserve(handle, charge);
        if ('reason' in answer) {
          refused = answer;
          break;
        }
        home.countAllow(handle, READ, charge.host, answer.id);
        home.release(answer.id);
      }
      if (refused !== undefined) refusals.push(refused);
      // A label is never left out: policies look at it.
      home.noteInjected(handle, `label-${session}`);
      expect(home.snapshot(handle, 0).injected).toEqual([`label-${session}`]);
    }
    // Three times as many names as there is room for: some were refused, and most found the room of those that left.
    expect(refusals.length).toBeGreaterThan(0);
    expect(refusals.length).toBeLessThan(60);
    expect(new Set(refusals.map(({ name }) => name))).toEqual(new Set(['hosts']));
  });
});
