import type { Decision } from '@firma/core';
import { type Call, decisionJson, parseCallText } from '../call.ts';
import { type Answer, errorAnswer, type IngressHandler } from './port.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(body: Uint8Array): string | undefined {
  try {
    return utf8.decode(body);
  } catch {
    return undefined;
  }
}

function badRequest(message: string): Answer {
  return errorAnswer(400, 'BAD_REQUEST', message);
}

/**
 * The decision API behind its adapters: a body becomes a call, a decision becomes an answer.
 *
 * Every decision is 200 with the decision in the body, a denial too; 400 is a body that is no call.
 *
 * @param ask decides one call and records it; an ALLOW is committed with the answer
 */
export function ingressHandler(ask: (call: Call) => Promise<Decision>): IngressHandler {
  return {
    async decide(body) {
      const text = decode(body);
      if (text === undefined) return badRequest('the body is not UTF-8');
      const call = parseCallText(text);
      if ('invalid' in call) return badRequest(call.invalid);
      try {
        return { status: 200, body: JSON.stringify(decisionJson(await ask(call))) };
      } catch {
        return errorAnswer(503, 'INTERNAL', 'no decision was made');
      }
    },
  };
}
