/** What a parameter's value may be: how files have it, what options are given, how lists grow. */
import { formatLayout, type Layout, parseLayout } from './layout.js';
import { formatLimit, type Limit, type LimitUnit, parseLimit } from './units.js';
import * as values from './values.js';

export interface ValueType<T = unknown> {
  /** Stands for a value in usage lines, as BYTES. */
  readonly placeholder: string;
  /** Reads a value as it stands in a file; throws a CellaError. */
  readonly parse: (text: string) => T;
  /** What an option is given → what is saved; throws a CellaError. Default: what `parse` takes, as it is. */
  readonly save?: (text: string) => string;
  /** Whether an empty value takes it away. */
  readonly clearable?: boolean;
  /** For values that are lists. */
  readonly list?: ListRules;
}

export interface ListRules {
  /** Between the items of a saved value; what reads it back is `split`. */
  readonly separator: string;
  readonly split: RegExp;
  /** The items of what one option is given, in the form in which they are saved; throws a CellaError. */
  readonly items: (text: string) => readonly string[];
  /** What options of the removing kind name an item by. */
  readonly keyOf: (item: string) => string;
  /** What a removing option is given, checked, as a key. */
  readonly key: (text: string) => string;
  /** Whether options give the whole list anew. */
  readonly replaces?: boolean;
  /** Whether an item only says that there is to be none of its key. */
  readonly isNone?: (item: string) => boolean;
  /** An item that is there already, and one of the same key; default: the new one. */
  readonly merge?: (item: string, change: string) => string;
}

/** A value that is saved in the form in which it is read. */
export function plain<T>(placeholder: string, parse: (text: string) => T, clearable = false): ValueType<T> {
  return { placeholder, parse, clearable };
}

/** One of some words, saved as it is. */
export function words<T extends string>(...choices: readonly T[]): ValueType<T> {
  return plain(choices.join('|'), (text) => values.parseWord(text, choices));
}

/** `barrier[:limit]`, saved with both halves; `positive`: at least one unit. */
export function limits(unit: LimitUnit, positive = false): ValueType<Limit> {
  const parse = (text: string): Limit =>
    positive ? values.parsePositiveLimit(text, unit) : parseLimit(text, unit);
  return { placeholder: 'NUM[:NUM]', parse, save: (text) => formatLimit(parse(text)) };
}

/** One amount in bytes, saved as `0:PAGES`. */
export function bytesInPages(positive: boolean): ValueType<Limit> {
  const { parse } = limits('pages', positive);
  const save = (text: string): string => {
    values.expectSingle(text);
    const { limit } = parse(/^[0-9]+(?:\.[0-9]+)?$/.test(text) ? `${text}B` : text);
    return formatLimit({ barrier: 0n, limit });
  };
  return { placeholder: 'BYTES', parse, save };
}

export function list<T>(
  placeholder: string,
  parseItem: (text: string) => T,
  format: (item: T) => string,
  rules: Partial<Omit<ListRules, 'items'>> & { readonly itemsOf?: RegExp } = {},
): ValueType<readonly T[]> {
  const split = rules.split ?? /\s+/;
  const itemsOf = rules.itemsOf ?? split;
  const parts = (text: string, by: RegExp): readonly string[] => text.split(by).filter(Boolean);
  return {
    placeholder,
    parse: (text) =>
      parts(text, split)
        .filter((item) => !rules.isNone?.(item))
        .map(parseItem),
    clearable: rules.replaces ?? false,
    list: {
      separator: ' ',
      keyOf: (item) => item,
      key: (text) => format(parseItem(text)),
      ...rules,
      split,
      items: (text) => values.expectSome(parts(text, itemsOf), text).map((item) => format(parseItem(item))),
    },
  };
}

/** A type whose values go together only where `check` throws nothing. */
export function checked<T>(type: ValueType<T>, check: (value: T) => void): ValueType<T> {
  const parse = (text: string): T => {
    const value = type.parse(text);
    check(value);
    return value;
  };
  return { ...type, parse };
}

export const YES_NO = plain('yes|no', values.parseYesNo);
export const TEXT = plain('TEXT', values.parseText, true);
export const PLAIN_NAME = plain('NAME', values.parsePlainName);
export const HOSTNAME = plain('NAME', values.parseHostname);
export const CONTAINER_NAME = plain('NAME', values.parseName, true);
export const PATH = plain('DIR', (text) => values.parsePath(text));
export const PATH_PATTERN = plain('DIR', (text) => values.parsePath(text, '1'));
export const ID = plain('ID', values.parseId);
export const SECONDS = plain('SECONDS', values.parseSeconds);
export const ORDER = plain('NUM', values.parseOrder);
export const COUNT = plain('NUM', values.parseCount);
export const PARALLEL = plain('NUM', values.parseParallel);
export const LEVEL = plain('NUM', values.parseLevel);
export const PAGES = limits('pages');
export const BYTES = limits('bytes');
export const ITEMS = limits('items');
export const SOME_PAGES = limits('pages', true);
export const SOME_ITEMS = limits('items', true);
export const SOME_BLOCKS = limits('blocks', true);
export const LAYOUT: ValueType<Layout> = {
  placeholder: 'LAYOUT',
  parse: parseLayout,
  save: (text) => formatLayout(parseLayout(text)),
};
