import { describe, expect, it } from 'vitest';
import { type Question, Questions } from '../../src/pool/questions.ts';

describe('questions to another thread', () => {
  it('get their own answers, in whatever order those come', async () => {
    const posted: Question<string>[] = [];
    const questions = new Questions<string, number>((message) => posted.push(message), -1);
    const first = questions.ask('a');
    const second = questions.ask('b');
    questions.answered({ type: 'answer', id: posted[1]?.id ?? 0, answer: 2 });
    questions.answered({ type: 'answer', id: posted[0]?.id ?? 0, answer: 1 });
    expect(await Promise.all([first, second])).toEqual([1, 2]);
    expect(questions.waiting).toBe(0);
  });

  it('are lost with who would have answered them, and so are later ones', async () => {
    const questions = new Questions<string, number>(() => {}, -1);
    const waiting = questions.ask('a');
    questions.gone();
    expect(await waiting).toBe(-1);
    expect(await questions.ask('b')).toBe(-1);
  });

  it('pass over an answer that nobody waits for', () => {
    const questions = new Questions<string, number>(() => {}, -1);
    questions.answered({ type: 'answer', id: 7, answer: 1 });
    expect(questions.waiting).toBe(0);
  });
});
