import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CallBody } from '../../../native-free-core/normalizer/call-body.ts';
import { receivePackHeadEnds, operationsOf } from '../../../native-free-core/normalizer/refine/operations.ts';
import { bytes, request } from '../request.ts';
import { operationNames, plainBody } from './bodies.ts';
import { A, B, FLUSH, pkt, pushOf, ZERO } from './push.ts';

const RAW = request('POST', 'https://git.example/o/r.git/git-receive-pack');

/** Each command as `operation ref`, or what is malformed. */
function commands(body: string | Uint8Array): readonly string[] | string {
  const operations = operationsOf('git-receive-pack', RAW, '', plainBody({ body }));
  if ('malformed' in operations) return operations.malformed;
  return operations.map(({ name, params }) => {
    expect(params['git_operation']).toBe(name);
    return `${name} ${params['git_ref']}`;
  });
}

function headEnds(body: string | Uint8Array): boolean {
  return receivePackHeadEnds(plainBody({ body }));
}

describe('the head of a push', () => {
  it('tells what is done to each ref', () => {
    const push = pushOf(
      `${ZERO} ${A} refs/heads/new`,
      `${A} ${B} refs/heads/main`,
      `${B} ${ZERO} refs/tags/v1`,
    );
    expect(commands(push)).toEqual([
      'create refs/heads/new',
      'update refs/heads/main',
      'delete refs/tags/v1',
    ]);
    expect(headEnds(push)).toBe(true);
  });

  it('ends at its flush, whatever follows', () => {
    const push = bytes(`${pushOf(`${A} ${ZERO} refs/heads/x`)}PACK`);
    const withPack = new Uint8Array([...push, 0xff, 0, 0xfe]);
    expect(commands(withPack)).toEqual(['delete refs/heads/x']);
    expect(headEnds(withPack)).toBe(true);
  });

  it('is told from a lone flush, with which git probes a server, and from an empty body', () => {
    expect(commands(FLUSH)).toEqual([]);
    expect(headEnds(FLUSH)).toBe(true);
    expect(commands('')).toEqual([]);
    expect(headEnds('')).toBe(false);
  });

  it('is no empty one where a coded body decodes to nothing so far: its commands may come behind the bound', () => {
    const raw = request('POST', 'https://git.example/o/r.git/git-receive-pack', {
      headers: { 'content-encoding': 'gzip' },
    });
    const padded = new CallBody(raw, new Uint8Array(70_000), () => new Uint8Array(0));
    expect(operationsOf('git-receive-pack', raw, '', padded)).toEqual({ malformed: expect.any(String) });
  });

  it('may name shallow commits', () => {
    const shallow = pkt(`shallow ${A}`) + pkt(`shallow ${B}\n`);
    expect(commands(shallow + pushOf(`${A} ${B} refs/heads/x`))).toEqual(['update refs/heads/x']);
  });

  it('may have line ends, no capabilities, lengths in capitals and SHA-256 ids', () => {
    expect(commands(pkt(`${A} ${B} refs/heads/x\n`) + FLUSH)).toEqual(['update refs/heads/x']);
    expect(commands(pushOf(`${A} ${B} refs/heads/x`, `${B} ${A} refs/heads/y\n`))).toHaveLength(2);
    const line = pkt(`${A} ${B} refs/heads/long-enough`);
    expect(line.slice(0, 4)).toBe('006c');
    expect(commands(`006C${line.slice(4)}${FLUSH}`)).toEqual(['update refs/heads/long-enough']);
    const long = 'c'.repeat(64);
    expect(commands(pushOf(`${'0'.repeat(64)} ${long} refs/heads/x`))).toEqual(['create refs/heads/x']);
  });

  it('may name a ref twice, and refs that no server takes', () => {
    const push = pushOf(`${A} ${B} refs/heads/x`, `${B} ${ZERO} refs/heads/x`, `${A} ${B} HEAD`);
    expect(commands(push)).toEqual(['update refs/heads/x', 'delete refs/heads/x', 'update HEAD']);
    expect(commands(pushOf(`${A} ${B} capabilities^{}`))).toEqual(['update capabilities^{}']);
    expect(commands(pushOf(`${A} ${B} refs/heads/caf\u00e9`))).toEqual(['update refs/heads/caf\u00e9']);
  });

  it('has at most 64 refs of at most 1 KiB', () => {
    const many = Array.from({ length: 65 }, (_, index) => `${A} ${B} refs/heads/${index}`);
    expect(commands(pushOf(...many.slice(1)))).toHaveLength(64);
    expect(commands(pushOf(...many))).toMatch(/more than 64 refs/);
    const ref = `refs/heads/${'\u00e9'.repeat(506)}`;
    expect(commands(pushOf(`${A} ${B} ${ref}e`))).toEqual([`update ${ref}e`]);
    expect(commands(pushOf(`${A} ${B} ${ref}\u00e9`))).toMatch(/longer than 1024 bytes/);
  });
});

describe('a malformed push', () => {
  const command = `${A} ${B} refs/heads/x`;

  it.each<[string, string]>([
    ['a signed push', pkt(`push-cert\0 report-status`) + FLUSH],
    ['a signed push after commands', pkt(command) + pkt('push-cert') + FLUSH],
    ['a command that neither creates nor deletes', pushOf(`${ZERO} ${ZERO} refs/heads/x`)],
    ['no ref', pushOf(`${A} ${B} `)],
    ['no ref and no blank', pushOf(`${A} ${B}`)],
    ['a blank in the ref', pushOf(`${A} ${B} refs/heads/a b`)],
    ['a blank after the ref', pushOf(`${command} `)],
    ['two blanks', pushOf(`${A}  ${B} refs/heads/x`)],
    ['a tab', pushOf(`${A}\t${B} refs/heads/x`)],
    ['CRLF', pkt(`${command}\r\n`) + FLUSH],
    ['two line ends', pkt(`${command}\n\n`) + FLUSH],
    ['a line end before the capabilities', pkt(`${command}\n\0 atomic`) + FLUSH],
    ['two commands in a line', pkt(`${command}\n${A} ${ZERO} refs/heads/y`) + FLUSH],
    ['a second NUL', pkt(`${command}\0 atomic\0 x`) + FLUSH],
    ['capabilities of a second command', pkt(command) + pkt(`${command}\0 atomic`) + FLUSH],
    ['DEL in the ref', pushOf(`${A} ${B} refs/heads/\u007f`)],
    ['a short id', pushOf(`${A.slice(1)} ${B} refs/heads/x`)],
    ['ids of two lengths', pushOf(`${A} ${B}${'0'.repeat(24)} refs/heads/x`)],
    [
      'ids of two lengths in two commands',
      pushOf(command, `${'a'.repeat(64)} ${'b'.repeat(64)} refs/heads/y`),
    ],
    ['a shallow id of another length', pkt(`shallow ${'a'.repeat(64)}`) + pushOf(command)],
    ['an id that is no number', pushOf(`${'g'.repeat(40)} ${B} refs/heads/x`)],
    ['a shallow line with more', pkt(`shallow ${A} x`) + FLUSH],
    ['shallow in capitals', pkt(`SHALLOW ${A}`) + FLUSH],
    ['a delimiter', `${pkt(command)}0001${FLUSH}`],
    ['a response end', `0002${FLUSH}`],
    ['the length 3', `0003${FLUSH}`],
    ['an empty line', `0004${FLUSH}`],
    ['a line of one byte', `0005a${FLUSH}`],
    ['a length that is none', `00g0${command}`],
    ['a signed length', `+06a${command}`],
    ['a length beyond the format', `ffff${command}`],
    ['not a push', '{"query":"{a}"}'],
  ])('is one with %s, and its head ends there', (_, body) => {
    expect(commands(body)).toBeTypeOf('string');
    expect(headEnds(body)).toBe(true);
  });

  it('is one that is not valid UTF-8', () => {
    const body = bytes(pushOf(`${A} ${B} refs/heads/x?`));
    const broken = body.map((byte) => (byte === 63 ? 0xff : byte));
    expect(commands(body)).toHaveLength(1);
    expect(commands(broken)).toMatch(/UTF-8/);
  });

  it('is one whose flush stands behind 64 KiB, and one that could not be read', () => {
    const shallow = pkt(`shallow ${A}`).repeat(1300);
    expect(commands(shallow + pushOf(command))).toMatch(/ends before the flush/);
    expect(headEnds(shallow)).toBe(true);
    expect(headEnds(shallow.slice(0, 65_535))).toBe(false);
    expect(operationNames('git-receive-pack', { body: undefined })).toMatch(/could not be read/);
  });
});

describe('laws of a push', () => {
  const digit = fc.constantFrom(...'0123456789abcdefABCDEF');
  const id = fc.string({ unit: digit, minLength: 40, maxLength: 40 }).filter((text) => !/^0+$/.test(text));
  const ids = fc.oneof(
    fc.tuple(fc.constant('create'), fc.constant(ZERO), id),
    fc.tuple(fc.constant('update'), id, id),
    fc.tuple(fc.constant('delete'), id, fc.constant(ZERO)),
  );
  const ref = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
    .filter((text) => !/[\p{Cc} ]/u.test(text));
  const command = fc.tuple(ids, ref).map(([[operation, from, to], name]) => ({
    line: `${from} ${to} ${name}`,
    read: `${operation} ${name}`,
  }));
  const pushes = fc.array(command, { minLength: 1, maxLength: 12 });

  it('one that is valid reads back exactly', () => {
    fc.assert(
      fc.property(pushes, (push) => {
        expect(commands(pushOf(...push.map(({ line }) => line)))).toEqual(push.map(({ read }) => read));
      }),
    );
  });

  it('one that is cut anywhere is malformed, and more bytes could complete it', () => {
    fc.assert(
      fc.property(pushes, fc.double({ min: 0, max: 1, noNaN: true }), (push, share) => {
        const whole = bytes(pushOf(...push.map(({ line }) => line)));
        const part = whole.subarray(0, Math.max(1, Math.floor(share * (whole.length - 1))));
        expect(commands(part)).toMatch(/ends before the flush/);
        expect(headEnds(part)).toBe(false);
        expect(headEnds(whole)).toBe(true);
      }),
    );
  });

  it('no bytes are read as anything but commands or a reason', () => {
    const spoilt = fc.tuple(pushes, fc.nat(), fc.nat(255)).map(([push, at, byte]) => {
      const whole = bytes(pushOf(...push.map(({ line }) => line)));
      whole[at % whole.length] = byte;
      return whole;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), spoilt), (body) => {
        const read = commands(body);
        expect(
          typeof read === 'string' || read.every((text) => /^(?:create|update|delete) [^ ]/.test(text)),
        ).toBe(true);
        expect(headEnds(body) || typeof read === 'string' || body.length === 0).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
