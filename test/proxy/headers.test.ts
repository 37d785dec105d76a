import { describe, expect, it } from 'vitest';
import { RequestHeaderFilter } from '../../src/proxy/headers.ts';

const NONE: ReadonlySet<string> = new Set();
const filter = new RequestHeaderFilter(['x-service-key'], new Set(['content-type', 'soapaction', 'x-fact']));

function names(raw: readonly string[], dropped = NONE): readonly string[] {
  return filter.forwarded(raw, dropped).filter((_, index) => index % 2 === 0);
}

describe('the request fields that go to an upstream', () => {
  it('are the agent’s, in order and with repetition', () => {
    const raw = ['Accept', 'a', 'X-Note', '1', 'X-Note', '2', 'SOAPAction', '"urn:x"'];
    expect(filter.forwarded(raw, NONE)).toEqual(raw);
  });

  it.each([
    ['framing', 'Transfer-Encoding'],
    ['framing as servers that loosen names read it', 'Transfer_Encoding'],
    ['a length of its own', 'Content_Length'],
    ['a host of its own', 'Host'],
    ['an upgrade', 'Upgrade'],
    ['another path', 'X-Original-URL'],
    ['another path as loose servers read it', 'X_Rewrite_Url'],
    ['another host', 'X-Forwarded-Host'],
    ['a credential with other marks, which CGI reads as the same', 'X.Service!Key'],
    ['what classification reads with other marks', 'X.Fact'],
    ['a credential', 'Authorization'],
    ['a credential that an entry sets', 'X-Service-Key'],
    ['such a one with `_`', 'x_service_key'],
    ['another spelling of what classification reads', 'X_Fact'],
  ])('hold no %s', (_, name) => {
    expect(names(['Accept', 'a', name, 'value'])).toEqual(['Accept']);
  });

  it('leave out what `Connection` names', () => {
    expect(names(['X-Hop', '1', 'Accept', 'a'], new Set(['x-hop']))).toEqual(['Accept']);
  });
});
