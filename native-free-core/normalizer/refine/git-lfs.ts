import type { CallBody } from '../call-body.ts';
import { exactString, jsonOf } from './json-body.ts';
import { UNKNOWN_OPERATION, type Operation, type Operations } from './refinement.ts';

const DOWNLOAD: readonly Operation[] = [{ name: 'download', params: {} }];
const UPLOAD: readonly Operation[] = [{ name: 'upload', params: {} }];
const UNKNOWN: readonly Operation[] = [UNKNOWN_OPERATION];

/** What a request of the Git LFS batch API asks for: `download` or `upload`. */
export function gitLfsOperations(body: CallBody): Operations {
  const request = jsonOf(body);
  const operation = request instanceof Map ? exactString(request, 'operation') : undefined;
  if (operation === 'download') return DOWNLOAD;
  return operation === 'upload' ? UPLOAD : UNKNOWN;
}
