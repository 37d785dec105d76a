import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { operationNames } from './bodies.ts';

type Headers = Readonly<Record<string, string | readonly string[]>>;

const SOAP_11 = { 'content-type': 'text/xml; charset=utf-8' };
const NAMESPACE = 'http://schemas.xmlsoap.org/soap/envelope/';

function read(body: string | Uint8Array, headers: Headers = SOAP_11): readonly string[] {
  const names = operationNames('soap-action', { body, headers });
  return typeof names === 'string' ? [names] : names;
}

function withAction(
  action: string | readonly string[],
  body = envelope('<a:GetBalance/>'),
): readonly string[] {
  return read(body, { ...SOAP_11, soapaction: action });
}

function envelope(body: string, header = ''): string {
  return (
    `<?xml version="1.0" encoding="utf-8"?>\r\n<soap:Envelope xmlns:soap="${NAMESPACE}" xmlns:a='urn:bank'>\n` +
    `${header}<soap:Body>${body}</soap:Body>\n</soap:Envelope>\n`
  );
}

describe('a SOAP call', () => {
  it('is the elements of its Body', () => {
    expect(read(envelope('\n <a:Transfer id="1">\n<a:Amount>5</a:Amount></a:Transfer > '))).toEqual([
      'Transfer',
    ]);
    expect(read(envelope('<Transfer xmlns="urn:bank"/><a:Other/>'))).toEqual(['Transfer', 'Other']);
    expect(read('<Envelope><Body><Transfer/></Body></Envelope>')).toEqual(['Transfer']);
    expect(read('\ufeff<Envelope><Header/><Body><Transfer/><Transfer/></Body></Envelope>')).toEqual([
      'Transfer',
    ]);
  });

  it('is the last part of its SOAPAction as well', () => {
    expect(withAction('"urn:bank/Transfer"')).toEqual(['Transfer', 'GetBalance']);
    expect(withAction('urn:bank:Transfer')).toEqual(['Transfer', 'GetBalance']);
    expect(withAction(' "http://bank.example/ws#Transfer" ')).toEqual(['Transfer', 'GetBalance']);
    expect(withAction('GetBalance')).toEqual(['GetBalance']);
    expect(withAction('')).toEqual(['GetBalance']);
    expect(withAction('""')).toEqual(['GetBalance']);
    expect(withAction('"Transfer"', envelope(''))).toEqual(['Transfer']);
  });

  it('is the action of its content type as well (SOAP 1.2)', () => {
    const type = 'application/soap+xml; charset="UTF-8"; action="urn:bank/Transfer";';
    expect(read(envelope('<a:GetBalance/>'), { 'content-type': type })).toEqual(['Transfer', 'GetBalance']);
    const bare = 'Application/SOAP+XML;ACTION=Transfer';
    expect(read(envelope('<a:GetBalance/>'), { 'content-type': bare })).toEqual(['Transfer', 'GetBalance']);
  });

  it('is the Action of WS-Addressing as well', () => {
    const header =
      '<soap:Header><w:To>x &amp; y</w:To><w:Action> urn:bank/Transfer </w:Action></soap:Header>';
    expect(read(envelope('<a:GetBalance/>', header))).toEqual(['Transfer', 'GetBalance']);
  });

  it('keeps names exactly', () => {
    expect(withAction('"urn:bank/Transfer"', envelope('<a:TransferRequest/>'))).toEqual([
      'Transfer',
      'TransferRequest',
    ]);
    expect(read(envelope('<transfer/>'))).toEqual(['transfer']);
  });

  it('may hold what XML may', () => {
    const body =
      '<!-- <a:Evil/> - --> <a:GetBalance note="</soap:Body>\'" b=\'">\' \n c = "&lt;">' +
      '&#60;a:Evil/&#62; > <![CDATA[</a:GetBalance><a:Evil/>]]><Body><Envelope/></Body><!----></a:GetBalance>';
    // An attribute's value cannot hold `<` as it is.
    expect(read(envelope(body))).toEqual(['unknown']);
    expect(read(envelope(body.replace('</soap', '&lt;/soap')))).toEqual(['GetBalance']);
  });

  it('is told of up to the 65th name', () => {
    const many = Array.from({ length: 100 }, (_, index) => `<a:T${index}/>`);
    expect(read(envelope(many.join('')))).toHaveLength(65);
  });
});

describe('a SOAP call that is not exact', () => {
  it('is unknown beside what is known of it', () => {
    expect(withAction('"urn:bank/GetBalance"', '<Envelope>')).toEqual(['unknown', 'GetBalance']);
    expect(withAction(['"GetBalance"', '"Transfer"'])).toEqual(['unknown', 'GetBalance', 'Transfer']);
    expect(withAction('"GetBalance", "Transfer"')).toEqual(['unknown', 'GetBalance']);
    expect(withAction('"Transfer')).toEqual(['unknown', 'GetBalance']);
    expect(withAction('urn:bank/Transfer/')).toEqual(['unknown', 'GetBalance']);
    expect(read(envelope(''))).toEqual(['unknown']);
    expect(read('')).toEqual(['unknown']);
  });

  const get = '<a:GetBalance/>';
  it.each<[string, string]>([
    ['two Bodies', `<E:Envelope><E:Body>${get}</E:Body><E:Body><a:Transfer/></E:Body></E:Envelope>`],
    ['an element after the Body', `<Envelope><Body>${get}</Body><Transfer/></Envelope>`],
    ['a Header after the Body', `<Envelope><Body>${get}</Body><Header/></Envelope>`],
    ['two roots', `<Envelope><Body>${get}</Body></Envelope><Envelope><Body><Transfer/></Body></Envelope>`],
    ['text in the Body', envelope(`${get}x`)],
    ['a reference in the Body', envelope(`${get}&transfer;`)],
    ['CDATA in the Body', envelope(`${get}<![CDATA[<Transfer/>]]>`)],
    ['a processing instruction', envelope(`${get}<?include x?>`)],
    ['an element that is not closed', `<Envelope><Body>${get}</Body>`],
    ['an element that another closes', `<Envelope><Body>${get}</Envelope></Body>`],
    ['an attribute without quotes', envelope(`${get}<a b=c/>`)],
    ['attributes without a blank', envelope(`${get}<a b="1"c="2"/>`)],
    ['a comment with two dashes', envelope(`${get}<!-- -- ><Transfer/><!-- -->`)],
    ['a comment that does not end', envelope(`${get}<!-- `)],
    ['text after the root', `${envelope(get)}x`],
    ['nesting without end', envelope('<a:GetBalance>'.repeat(4000))],
    ['comments after the root and then text', `${envelope(get)}${' <!---->'.repeat(8000)}x`],
  ])('is unknown as well with %s', (_, body) => {
    expect(read(body)).toEqual(['unknown', 'GetBalance']);
  });

  it.each<[string, string]>([
    ['a DOCTYPE', `<!DOCTYPE x [<!ENTITY t "<Transfer/>">]>${envelope(get).slice(40)}`],
    ['an entity for a name', '<Envelope><Body><&#71;etBalance/></Body></Envelope>'],
    ['another root', `<Letter><Body>${get}</Body></Letter>`],
    ['a body in small letters', `<Envelope><body>${get}</body></Envelope>`],
    [
      'an Envelope in its Header',
      envelope(get, `<Header><Envelope><Body><Transfer/></Body></Envelope></Header>`),
    ],
    ['a Body in its Header', envelope(get, '<Header><x><Body/></x></Header>')],
    ['two Headers', envelope(get, '<Header/><Header/>')],
    ['an Action that is put together', envelope(get, '<Header><Action>&#84;ransfer</Action></Header>')],
    ['an Action with an element', envelope(get, '<Header><Action><x/></Action></Header>')],
    ['another encoding', envelope(get).replace('utf-8', 'utf-7')],
    ['XML 1.1', envelope(get).replace('1.0', '1.1')],
    ['a blank before the declaration', ` ${envelope(get)}`],
    ['a NUL', envelope(`${get}\0`)],
    ['an empty prefix', envelope('<:GetBalance/>')],
    ['two prefixes', envelope('<a:b:GetBalance/>')],
    ['more than 64 KiB', envelope(get + ' '.repeat(65_536))],
  ])('is unknown with %s', (_, body) => {
    expect(read(body)).toEqual(['unknown']);
  });

  it('is unknown with an Action in two parts', () => {
    const header = '<Header><Action>Get<!-- -->Balance</Action></Header>';
    expect(read(envelope('<a:GetBalance/>', header))).toEqual(['unknown', 'Get']);
  });

  it.each([
    'text/xml; charset=utf-16',
    'text/xml; charset=utf-8; charset=utf-8',
    'text/xml; charset*=utf-8',
    'text/xml, text/plain',
    'text/plain',
    'multipart/related; type="text/xml"',
    'application/soap+xml; action="a\\"b"',
    '',
  ])('is unknown as well with the content type %j', (type) => {
    expect(read(envelope(get), { 'content-type': type })).toEqual(['unknown', 'GetBalance']);
  });

  it('is unknown as well with two actions or two content types', () => {
    const twice = 'application/soap+xml; action=GetBalance; Action=Transfer';
    expect(read(envelope(get), { 'content-type': twice })).toEqual(['unknown', 'GetBalance']);
    expect(read(envelope(get), { 'content-type': ['text/xml', 'text/xml'] })).toEqual([
      'unknown',
      'GetBalance',
    ]);
    expect(read(envelope(get), {})).toEqual(['unknown', 'GetBalance']);
  });

  it('is unknown where its bytes are not UTF-8, or could not be read', () => {
    const wide = new Uint8Array([...envelope(get)].flatMap((char) => [char.charCodeAt(0), 0]));
    expect(read(wide)).toEqual(['unknown']);
    expect(read(new Uint8Array([0xff, 0xfe, ...wide]))).toEqual(['unknown']);
    expect(operationNames('soap-action', { body: undefined, headers: SOAP_11 })).toEqual(['unknown']);
  });
});

describe('laws of a SOAP call', () => {
  const name = fc.stringMatching(/^[A-Za-z_][-.A-Za-z0-9_]{0,8}$/);
  const escaped = fc.string().map((text) => text.replaceAll(/[<>&'"\p{Cc}\ufffe\uffff]/gu, '-'));
  const element = fc
    .record({ name, attribute: escaped, text: escaped, comment: fc.boolean() })
    .map((parts) => ({
      name: parts.name,
      written: `${parts.comment ? '<!-- <x> -->' : ' '}<p:${parts.name} a="${parts.attribute}>"><b>${parts.text}</b></p:${parts.name}>`,
    }));
  const elements = fc.uniqueArray(element, { minLength: 1, maxLength: 6, selector: (part) => part.name });

  it('the elements of its Body read back exactly', () => {
    fc.assert(
      fc.property(elements, (parts) => {
        expect(read(envelope(parts.map(({ written }) => written).join('')))).toEqual(
          parts.map((part) => part.name),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('one that is cut is unknown, and nothing throws', () => {
    const pieces = fc.constantFrom(
      '<',
      '>',
      '/',
      '</',
      '<!--',
      '-->',
      'Envelope',
      'Body',
      ':',
      '"',
      '=',
      ' ',
      '<![CDATA[',
      ']]>',
      '?',
      'a',
    );
    fc.assert(
      fc.property(
        elements,
        fc.nat(),
        fc.array(pieces, { maxLength: 40 }),
        fc.uint8Array(),
        (parts, at, random, bytes) => {
          const whole = envelope(parts.map(({ written }) => written).join('')).trim();
          expect(read(whole.slice(0, at % whole.length))[0]).toBe('unknown');
          expect(read(`<Envelope><Body>${random.join('')}`)[0]).toBe('unknown');
          expect(read(bytes)).toContain('unknown');
        },
      ),
      { numRuns: 300 },
    );
  });
});
