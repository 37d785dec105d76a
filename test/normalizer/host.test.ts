import { describe, expect, it } from 'vitest';
import { canonicalTarget, hostHeaderProblem } from '../../native-free-core/normalizer/target.ts';

function hostOf(hostPort: string): string {
  const target = canonicalTarget('https', hostPort, '/');
  if ('malformed' in target) return 'refused';
  return target.port === 443 ? target.host : `${target.host} ${target.port}`;
}

describe('the host of a target', () => {
  it.each([
    ['api.github.com', 'api.github.com'],
    ['API.GitHub.com', 'api.github.com'],
    ['api.github.com.', 'api.github.com'],
    ['api.github.com:443', 'api.github.com'],
    ['API.github.com.:443', 'api.github.com'],
    ['api.github.com:8443', 'api.github.com 8443'],
    ['api.github.com:65535', 'api.github.com 65535'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['XN--BCHER-KVA.example', 'xn--bcher-kva.example'],
    ['my_bucket.example', 'my_bucket.example'],
    ['localhost', 'localhost'],
    ['1.2.3.4.example', '1.2.3.4.example'],
    ['127.0.0.1', '127.0.0.1'],
    ['127.0.0.1.', '127.0.0.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['[::1]', '::1'],
    ['[::]', '::'],
    ['[2001:DB8:0:0:1:0:0:1]:8443', '2001:db8::1:0:0:1 8443'],
    ['[2001:0db8::0001]', '2001:db8::1'],
    ['[2001:db8:0:1:1:1:1:1]', '2001:db8:0:1:1:1:1:1'],
    ['[2001:0:0:1:0:0:0:1]', '2001:0:0:1::1'],
    ['[1:0:3:4:5:6:7:8]', '1:0:3:4:5:6:7:8'],
    ['[0:0:0:0:0:0:0:0]', '::'],
    ['[64:ff9b::192.0.2.1]', '64:ff9b::c000:201'],
  ])('%s is %s', (written, host) => {
    expect(hostOf(written)).toBe(host);
  });

  it.each([
    ['nothing', ''],
    ['a dot', '.'],
    ['an empty label', 'a..b'],
    ['an empty first label', '.example'],
    ['two trailing dots', 'a.b..'],
    ['a label that starts with a hyphen', '-a.example'],
    ['a label that ends with a hyphen', 'a-.example'],
    ['an empty A-label', 'xn--'],
    ['a label that is too long', `${'a'.repeat(64)}.example`],
    ['a name that is too long', `${'a.'.repeat(127)}example`],
    ['user info', 'user@host.example'],
    ['user info with a password', 'user:secret@host.example'],
    ['empty user info', '@host.example'],
    ['two marks of user info', 'host.example@@host.example'],
    ['an escaped mark of user info', 'host.example%40evil.example'],
    ['a blank', 'host.example '],
    ['a blank before', ' host.example'],
    ['a tab', 'host.example\t'],
    ['a NUL', 'host.example\u0000.evil.example'],
    ['a line end', 'host.example\r\nx: y'],
    ['a backslash', 'host.example\\evil.example'],
    ['a wildcard', '*.example'],
    ['an escape', 'host%2eexample'],
    ['an escaped letter', '%68ost.example'],
    ['an escaped slash', 'host.example%2F.evil.example'],
    ['an escaped full-width dot', 'host%EF%BC%8Eexample'],
    ['an escaped ideographic dot', 'host%E3%80%82example'],
    ['escaped full-width digits', '%EF%BC%91.0.0.1'],
    ['an ideographic dot', 'host\u3002example'],
    ['a full-width dot', 'host\uff0eexample'],
    ['a half-width ideographic dot', 'host\uff61example'],
    ['a one-dot leader', 'host\u2024example'],
    ['a letter outside ASCII', 'b\u00fccher.example'],
    ['a letter whose lower case is ASCII', '\u212aelvin.example'],
    ['a letter whose upper case is ASCII', 'ho\u017ft.example'],
    ['a soft hyphen', 'ho\u00adst.example'],
    ['a zero-width space', 'host\u200b.example'],
    ['full-width digits', '\uff11\uff12\uff17.0.0.1'],
    ['Arabic digits', '\u0661.example'],
    ['circled digits', '\u2460\u2461\u2466.0.0.1'],
  ])('is refused where it has %s', (_, written) => {
    expect(hostOf(written)).toBe('refused');
  });

  it.each([
    ['octal', '0177.0.0.1'],
    ['octal, padded', '127.0.0.01'],
    ['octal in one number', '017700000001'],
    ['hexadecimal', '0x7f.0.0.0x1'],
    ['hexadecimal in upper case', '0X7F.0.0.1'],
    ['hexadecimal in one number', '0x7f000001'],
    ['a hexadecimal mark alone', '0x'],
    ['one decimal number', '2130706433'],
    ['one decimal number, with a dot', '2130706433.'],
    ['two parts', '127.1'],
    ['three parts', '127.0.1'],
    ['five parts', '1.2.3.4.5'],
    ['a part above 255', '127.0.0.256'],
    ['a signed part', '127.0.0.+1'],
    ['an empty part', '127..0.1'],
    ['two trailing dots', '127.0.0.1..'],
    ['a name that ends in a number', 'foo.1'],
    ['a name that ends in a hexadecimal number', 'foo.0x1'],
    ['a bracketed one', '[127.0.0.1]'],
  ])('is no IPv4 address in another notation: %s', (_, written) => {
    expect(hostOf(written)).toBe('refused');
  });

  it.each([
    ['no brackets', '::1'],
    ['no closing bracket', '[::1'],
    ['no opening bracket', '::1]'],
    ['an empty one', '[]'],
    ['a zone', '[fe80::1%eth0]'],
    ['an escaped zone', '[fe80::1%25eth0]'],
    ['three colons', '[:::]'],
    ['two gaps', '[1::2::3]'],
    ['a gap for nothing', '[1:2:3:4::5:6:7:8]'],
    ['seven groups', '[1:2:3:4:5:6:7]'],
    ['nine groups', '[1:2:3:4:5:6:7:8:9]'],
    ['nine groups with a gap', '[::1:2:3:4:5:6:7:8]'],
    ['a group of five digits', '[::00001]'],
    ['a colon at the end', '[1:2:3:4:5:6:7:]'],
    ['an octal IPv4 end', '[64:ff9b::127.0.0.01]'],
    ['an IPv4 part in the middle', '[::1.2.3.4:5]'],
    ['a name', '[host.example]'],
    ['a future address', '[v1.x]'],
    ['a trailing dot', '[::1].'],
    ['something behind the bracket', '[::1]x'],
    ['full-width digits', '[::\uff11]'],
  ])('is no IPv6 address with %s', (_, written) => {
    expect(hostOf(written)).toBe('refused');
  });

  it.each([
    '[::ffff:1.2.3.4]',
    '[::FFFF:1.2.3.4]',
    '[::ffff:102:304]',
    '[0:0:0:0:0:ffff:1.2.3.4]',
    '[0:0::0:ffff:0102:0304]',
    '[0000:0000:0000:0000:0000:ffff:0102:0304]',
    '[::ffff:0:0]',
    '::ffff:1.2.3.4',
  ])('is no IPv4 address dressed as IPv6: %s', (written) => {
    expect(hostOf(written)).toBe('refused');
  });

  it.each([
    '',
    '0',
    '00443',
    '080',
    '65536',
    '99999999999',
    '+80',
    '-1',
    ' 80',
    '8o',
    '80:80',
    '0x50',
    '4\uff14',
  ])('is refused with the port `%s`', (port) => {
    expect(hostOf(`host.example:${port}`)).toBe('refused');
    expect(hostOf(`[::1]:${port}`)).toBe('refused');
  });

  it('has the default port of its scheme, and no other', () => {
    expect(canonicalTarget('http', 'h.example', '/')).toMatchObject({ port: 80 });
    expect(canonicalTarget('http', 'h.example:443', '/')).toMatchObject({ port: 443 });
    expect(canonicalTarget('https', 'h.example:80', '/')).toMatchObject({ port: 80 });
  });
});

function problem(values: readonly string[] | undefined, hostPort = 'api.github.com'): boolean {
  const target = canonicalTarget('https', hostPort, '/');
  if ('malformed' in target) throw new Error(target.malformed);
  return hostHeaderProblem(values, target) !== undefined;
}

describe('the Host header', () => {
  it('may be absent, or name the target in any spelling', () => {
    expect(problem(undefined)).toBe(false);
    expect(problem(['api.github.com'])).toBe(false);
    expect(problem(['API.github.com.:443'])).toBe(false);
    expect(problem(['[0::1]:8443'], '[::1]:8443')).toBe(false);
  });

  it('is refused where it is given twice, or names another host, port or nothing', () => {
    expect(problem(['api.github.com', 'api.github.com'])).toBe(true);
    expect(problem(['github.com'])).toBe(true);
    expect(problem(['api.github.com:8443'])).toBe(true);
    expect(problem(['api.github.com'], 'api.github.com:8443')).toBe(true);
    expect(problem(['api.github.com, github.com'])).toBe(true);
    expect(problem(['api.github.com/x'])).toBe(true);
    expect(problem([''])).toBe(true);
    expect(problem(['::1'], '[::1]')).toBe(true);
  });
});
