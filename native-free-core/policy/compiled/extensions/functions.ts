import { ERROR, type Extension, type Value } from '../value.ts';
import { Datetime } from './datetime.ts';
import { Decimal } from './decimal.ts';
import { DAY_MS, Duration, HOUR_MS, MINUTE_MS, SECOND_MS } from './duration.ts';
import { IpAddr } from './ip-addr.ts';

/** A function or method of an extension type; of a method, the first argument is what it is called on. */
export type ExtensionFunction = (args: readonly Value[]) => Value | typeof ERROR;

type Type<T extends Extension> = new (...args: never[]) => T;

function constructorOf(parse: (text: string) => Extension | undefined): ExtensionFunction {
  return (args) => {
    const text = args[0];
    return args.length === 1 && typeof text === 'string' ? (parse(text) ?? ERROR) : ERROR;
  };
}

function unary<T extends Extension>(
  type: Type<T>,
  method: (self: T) => Value | undefined,
): ExtensionFunction {
  return (args) => {
    const self = args[0];
    return args.length === 1 && self instanceof type ? (method(self) ?? ERROR) : ERROR;
  };
}

function binary<T extends Extension, U extends Extension>(
  type: Type<T>,
  otherType: Type<U>,
  method: (self: T, other: U) => Value | undefined,
): ExtensionFunction {
  return (args) => {
    const [self, other] = args;
    return args.length === 2 && self instanceof type && other instanceof otherType
      ? (method(self, other) ?? ERROR)
      : ERROR;
  };
}

/**
 * By operator of Cedar's JSON form of a policy. Each answers ERROR for a wrong number or type of arguments, a text that its
 * type does not read, and a result outside int64.
 */
export const EXTENSION_FUNCTIONS: ReadonlyMap<string, ExtensionFunction> = new Map([
  ['decimal', constructorOf(Decimal.parse)],
  ['lessThan', binary(Decimal, Decimal, (a, b) => a.compareTo(b) < 0)],
  ['lessThanOrEqual', binary(Decimal, Decimal, (a, b) => a.compareTo(b) <= 0)],
  ['greaterThan', binary(Decimal, Decimal, (a, b) => a.compareTo(b) > 0)],
  ['greaterThanOrEqual', binary(Decimal, Decimal, (a, b) => a.compareTo(b) >= 0)],

  ['ip', constructorOf(IpAddr.parse)],
  ['isIpv4', unary(IpAddr, (address) => address.isIpv4())],
  ['isIpv6', unary(IpAddr, (address) => address.isIpv6())],
  ['isLoopback', unary(IpAddr, (address) => address.isLoopback())],
  ['isMulticast', unary(IpAddr, (address) => address.isMulticast())],
  ['isInRange', binary(IpAddr, IpAddr, (address, range) => address.isInRange(range))],

  ['datetime', constructorOf(Datetime.parse)],
  ['offset', binary(Datetime, Duration, (datetime, by) => datetime.offset(by))],
  ['durationSince', binary(Datetime, Datetime, (datetime, start) => datetime.durationSince(start))],
  ['toDate', unary(Datetime, (datetime) => datetime.toDate())],
  ['toTime', unary(Datetime, (datetime) => datetime.toTime())],

  ['duration', constructorOf(Duration.parse)],
  ['toMilliseconds', unary(Duration, (duration) => duration.ms)],
  ['toSeconds', unary(Duration, (duration) => duration.in(SECOND_MS))],
  ['toMinutes', unary(Duration, (duration) => duration.in(MINUTE_MS))],
  ['toHours', unary(Duration, (duration) => duration.in(HOUR_MS))],
  ['toDays', unary(Duration, (duration) => duration.in(DAY_MS))],
]);
