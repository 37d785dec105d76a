import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PolicyVerdict } from '@firma/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DifferenceLog } from '../../src/pool/difference-log.ts';
import type { PolicyDifference } from '../../src/pool/reference-messages.ts';
import { query } from '../policy/query.ts';

const verdict = (allowed: boolean): PolicyVerdict => ({
  allowed,
  determining: ['one'],
  errored: [],
  abort: false,
  reason: 'said the policy',
  remedy: 'ask',
});

const difference = (answered: boolean, reference: boolean, ordinal = 1): PolicyDifference => ({
  bundle: 'digest',
  ordinal,
  query: query({ agent: 'x\n\u001b[2J' }),
  engine: 'compiled',
  verdict: verdict(answered),
  again: verdict(answered),
  reference: verdict(reference),
  policies: [{ id: 'one', text: 'permit (principal, action, resource);'.padEnd(500) }],
});

describe('the log of differences', () => {
  let dir: string;
  let file: string;
  let alerts: string[];

  const open = (maxBytes?: number): DifferenceLog =>
    new DifferenceLog({
      file,
      alert: (line) => alerts.push(line),
      ...(maxBytes === undefined ? {} : { maxBytes }),
    });
  const lines = (): unknown[] =>
    readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line));

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'firma-differences-'));
    file = join(dir, 'policy-differences.jsonl');
    alerts = [];
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it('holds each on a line, in order, for the owner only', async () => {
    const log = open();
    log.add(difference(true, false, 1));
    log.add(difference(false, true, 2));
    await log.close();
    expect(lines()).toEqual([difference(true, false, 1), difference(false, true, 2)]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(log.unwritten).toBe(0);
  });

  it('alerts where the reference engine denies, in one line that holds nothing an agent wrote', () => {
    const log = open();
    log.add(difference(false, true));
    expect(alerts).toEqual([]);
    log.add(difference(true, false));
    log.add(difference(false, false));
    expect(alerts).toEqual([
      expect.stringContaining(
        '`payment.transfer`: the reference engine denies what the compiled engine allowed;',
      ),
      expect.stringContaining('denied for another reason'),
    ]);
    for (const words of ['\n', '\u001b', 'said the policy']) expect(alerts.join('')).not.toContain(words);
  });

  it('leaves the policies out where they have no room, then the difference, and says how many', async () => {
    const short = JSON.stringify({ ...difference(true, false), policies: undefined }).length + 1;
    const log = open(short + 20);
    for (let ordinal = 1; ordinal <= 3; ordinal++) log.add(difference(true, false, ordinal));
    await log.close();
    expect(lines()).toEqual([{ ...difference(true, false, 1), policies: undefined }]);
    expect(log.unwritten).toBe(2);
    expect(alerts).toHaveLength(3);
  });

  it('goes on where the file cannot be written', async () => {
    symlinkSync(join(dir, 'elsewhere'), file);
    const log = open();
    for (let ordinal = 1; ordinal <= 20; ordinal++) log.add(difference(true, false, ordinal));
    await log.close();
    expect(log.unwritten).toBe(20);
  });
});
