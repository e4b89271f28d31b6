/** What keys do. Pure. */
import type { Sort } from './rows.js';

export interface Mode {
  readonly sort: Sort;
  readonly reverse: boolean;
  /** Stopped ones too. */
  readonly all: boolean;
  readonly over: boolean;
}

const SORTING: Readonly<Record<string, Sort>> = {
  c: 'cpu',
  P: 'cpu',
  m: 'memory',
  M: 'memory',
  t: 'tasks',
  i: 'io',
  n: 'ctid',
  N: 'name',
};

/** `typed`: what the terminal sent at once; arrows and the like are none of ours. */
export function typed(mode: Mode, text: string): Mode {
  if (text.startsWith('\u001b')) return mode;
  return [...text].reduce(press, mode);
}

function press(mode: Mode, key: string): Mode {
  // Ctrl-C and Ctrl-D are keys of a raw terminal.
  if (['q', 'Q', '\u0003', '\u0004'].includes(key)) return { ...mode, over: true };
  if (key === 'r') return { ...mode, reverse: !mode.reverse };
  if (key === 'a') return { ...mode, all: !mode.all };
  const sort = Object.hasOwn(SORTING, key) ? SORTING[key] : undefined;
  return sort === undefined ? mode : { ...mode, sort, reverse: false };
}
