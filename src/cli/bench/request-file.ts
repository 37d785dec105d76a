import { ConfigInvalid } from '@firma/core';
import { parseCallText } from '../../call.ts';
import { readInput } from '../input.ts';
import type { BenchCall } from './rule-calls.ts';

const MAX_FILE_BYTES = 16 * 1024 * 1024;
/** Calls of a workload. */
export const MAX_CALLS = 4096;

/**
 * Reads calls from a file of JSON lines, each as `/v1/decide` takes it but without a token.
 *
 * @throws ConfigInvalid with the line of a call that is none; never quotes what stands there
 */
export async function readRequests(file: string): Promise<readonly BenchCall[]> {
  const bytes = await readInput(file, MAX_FILE_BYTES + 1);
  if (bytes.length > MAX_FILE_BYTES) {
    throw new ConfigInvalid(`is longer than ${MAX_FILE_BYTES} bytes`, { file });
  }
  const calls: BenchCall[] = [];
  for (const [index, text] of bytes.toString('utf8').split('\n').entries()) {
    if (text.trim() === '') continue;
    const at = { file, line: index + 1 };
    if (calls.length === MAX_CALLS) throw new ConfigInvalid(`holds more than ${MAX_CALLS} calls`, at);
    const call = parseCallText(text);
    if ('invalid' in call) throw new ConfigInvalid(call.invalid, at);
    if (call.token !== undefined) {
      throw new ConfigInvalid('`token` has no place here; the bench gives each call a token of its own', at);
    }
    calls.push({ where: `${file}:${at.line}`, call });
  }
  if (calls.length === 0) throw new ConfigInvalid('holds no call; write one JSON object a line', { file });
  return calls;
}
