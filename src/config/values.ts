/** Parsers for the single values of the parameters; each throws a CellaError that names the value. */

import { CellaError, type ErrorCode } from '../errors.js';
import { isName } from './ctid.js';
import { substituteVeid } from './grammar.js';
import { type Limit, type LimitUnit, parseLimit } from './units.js';

const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;
const PLAIN = /^\.?[A-Za-z0-9][A-Za-z0-9_.+-]{0,200}$/;

/** The kernel's longest host name. */
const MAX_HOSTNAME = 64;

/** The highest base of a 65536-id range within 32 bits. */
const MAX_ID = 4294901760;

/** The longest timer Node can set, in seconds. */
const MAX_SECONDS = 2147483;

export function parseYesNo(text: string): boolean {
  if (text !== 'yes' && text !== 'no') throw bad('BAD_VALUE', 'yes or no expected', text);
  return text === 'yes';
}

export function parseWord<T extends string>(text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found === undefined) throw bad('BAD_VALUE', `${either(choices)} expected`, text);
  return found;
}

/** "a", "a or b", "a, b or c" */
function either(words: readonly string[]): string {
  return words.join(', ').replace(/, ([^,]*)$/, ' or $1');
}

/** A host name by RFC 1123, at most 64 characters. */
export function parseHostname(text: string): string {
  if (text.length > MAX_HOSTNAME || !text.split('.').every((label) => LABEL.test(label))) {
    throw bad('BAD_HOSTNAME', 'bad host name', text);
  }
  return text;
}

export function parseName(text: string): string {
  if (!isName(text)) throw bad('NAME_FAILED', 'bad container name', text);
  return text;
}

/** Free text on one line. */
export function parseText(text: string): string {
  if (/[\n\r\0]/.test(text)) throw bad('BAD_VALUE', 'text must be one line', text);
  return text;
}

/** The name of a template or sample: one path component. */
export function parsePlainName(text: string): string {
  if (!PLAIN.test(text)) throw bad('BAD_VALUE', 'bad template or sample name', text);
  return text;
}

/** An absolute path without `..`, other than the root directory; `$VEID` only where `veid` is given. */
export function parsePath(text: string, veid?: string): string {
  const path = veid === undefined ? text : substituteVeid(text, veid);
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (!path.startsWith('/')) throw bad('BAD_VALUE', 'path must be absolute', text);
  if (parts.includes('..')) throw bad('BAD_VALUE', 'path must not contain ".."', text);
  if (parts.length === 0) throw bad('BAD_VALUE', 'path must not be the root directory', text);
  if (/[\n\r\0$]/.test(path)) throw bad('BAD_VALUE', 'path has a character that is not allowed', text);
  return path;
}

/** A path pattern for all containers: as parsePath, and it must differ from container to container. */
export function parsePathPattern(text: string): string {
  if (parsePath(text, '1') === parsePath(text, '2')) {
    throw bad('BAD_VALUE', 'path must contain $VEID', text);
  }
  return text;
}

export function parseId(text: string): number {
  return parseWhole(text, MAX_ID, 'bad user or group id');
}

export function parseSeconds(text: string): number {
  return parseWhole(text, MAX_SECONDS, 'bad number of seconds');
}

export function parseOrder(text: string): number {
  return parseWhole(text, 4294967295, 'bad boot order');
}

/** Of containers that are worked on at once. */
export function parseParallel(text: string): number {
  if (!/^[1-9][0-9]?$/.test(text)) throw bad('BAD_VALUE', 'a number from 1 to 99 expected', text);
  return Number(text);
}

export function parseCount(text: string): number {
  return parseWhole(text, 4294967295, 'bad number');
}

/** A log level; vzctl counts from -1, quiet. */
export function parseLevel(text: string): number {
  if (!/^(?:-1|[0-9]{1,2})$/.test(text)) throw bad('BAD_VALUE', 'bad log level', text);
  return Number(text);
}

/** A limit of which at least one unit is left, so that the container can run. */
export function parsePositiveLimit(text: string, unit: LimitUnit): Limit {
  const limit = parseLimit(text, unit);
  if (limit.limit === 0n) throw bad('BAD_VALUE', 'limit must be more than zero', text);
  return limit;
}

/** Throws for a limit of two halves. */
export function expectSingle(text: string): void {
  if (text.includes(':')) throw bad('BAD_VALUE', 'one value expected', text);
}

export function expectSome<T>(items: readonly T[], text: string): readonly T[] {
  if (items.length === 0) throw bad('BAD_VALUE', 'a value expected', text);
  return items;
}

/** A decimal number without signs and leading zeros. */
export function parseWhole(text: string, max: number, complaint: string, min = 0): number {
  const number = /^(?:0|[1-9][0-9]{0,9})$/.test(text) ? Number(text) : -1;
  if (number < min || number > max) throw bad('BAD_VALUE', complaint, text);
  return number;
}

export function bad(code: ErrorCode, complaint: string, text: string): CellaError {
  return new CellaError(code, `${complaint}: ${JSON.stringify(text)}`);
}
