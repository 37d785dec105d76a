import { MAX_FACT_BODY, type CallBody } from '../call-body.ts';
import type { RawRequest } from '../envelope.ts';
import { Unreadable } from '../form.ts';
import { MAX_OPERATIONS, UNKNOWN_OPERATION, type Operation, type Operations } from './refinement.ts';
import { readEnvelope } from './soap-envelope.ts';

const XML_TYPES: ReadonlySet<string> = new Set(['text/xml', 'application/xml', 'application/soap+xml']);
const MEDIA_TYPE = /[ \t]*([^ \t;,"]+)[ \t]*/y;
const PARAMETER = /;[ \t]*(?:([A-Za-z0-9-]+)=(?:"([^"\\]*)"|([^ \t;,"]*)))?[ \t]*/y;
const SOAP_ACTION = /^(?:"([^",]*)"|([^ \t",]*))$/;

const DECODER = new TextDecoder('utf-8', { fatal: true });

/**
 * What a SOAP call asks for: the last part of its action (the `SOAPAction` header of SOAP 1.1, the `action` of SOAP
 * 1.2's content type, the `Action` of WS-Addressing) and the name of each child element of its Body; servers choose the
 * operation by any of them. Where one of them is not exact, an unknown operation stands beside.
 */
export function soapOperations(raw: RawRequest, body: CallBody): Operations {
  const names = new Set<string>();
  const isHeaderExact = addHeaderAction(names, raw.headers.get('soapaction') ?? []);
  const isTypeExact = addTypeAction(names, raw.headers.get('content-type') ?? []);
  const isBodyExact = addBodyNames(names, body);
  const operations: Operation[] = [];
  if (!isHeaderExact || !isTypeExact || !isBodyExact || names.size === 0) operations.push(UNKNOWN_OPERATION);
  for (const name of names) {
    if (operations.length === MAX_OPERATIONS) break;
    operations.push({ name, params: {} });
  }
  return operations;
}

/** SOAP 1.1 §6.1.1: a URI in quotes; empty where the body alone tells. */
function addHeaderAction(names: Set<string>, values: readonly string[]): boolean {
  for (const value of values) {
    const [, quoted, bare] = SOAP_ACTION.exec(value.trim()) ?? [];
    const action = quoted ?? bare;
    if (action === undefined) return false;
    addAction(names, action);
  }
  return values.length <= 1;
}

/** RFC 3902: the `action` of `application/soap+xml`. False where the body may be no XML in UTF-8. */
function addTypeAction(names: Set<string>, values: readonly string[]): boolean {
  const [written = ''] = values;
  MEDIA_TYPE.lastIndex = 0;
  const type = MEDIA_TYPE.exec(written)?.[1] ?? '';
  if (values.length !== 1 || !XML_TYPES.has(type.toLowerCase())) return false;
  const given = new Set<string>();
  for (let at = MEDIA_TYPE.lastIndex; at < written.length; at = PARAMETER.lastIndex) {
    PARAMETER.lastIndex = at;
    const parameter = PARAMETER.exec(written);
    if (parameter === null) return false;
    const [, key, quoted, bare] = parameter;
    if (key === undefined) continue;
    const name = key.toLowerCase();
    const value = quoted ?? bare ?? '';
    if (given.has(name) || (name === 'charset' && value.toLowerCase() !== 'utf-8')) return false;
    given.add(name);
    if (name === 'action') addAction(names, value);
  }
  return true;
}

function addBodyNames(names: Set<string>, body: CallBody): boolean {
  const bytes = body.whole();
  const text = bytes instanceof Unreadable || bytes.length > MAX_FACT_BODY ? undefined : decode(bytes);
  if (text === undefined) return false;
  const { requests, actions, isExact } = readEnvelope(text);
  for (const action of actions) addAction(names, action);
  for (const request of requests) names.add(request);
  return isExact;
}

/** A URI is told by its last part: `urn:bank/Transfer`, `http://bank.example/ws#Transfer`. */
function addAction(names: Set<string>, action: string): void {
  if (action === '') return;
  const cut = Math.max(action.lastIndexOf('/'), action.lastIndexOf('#'), action.lastIndexOf(':'));
  names.add(action.slice(cut + 1));
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return DECODER.decode(bytes);
  } catch {
    return undefined;
  }
}
