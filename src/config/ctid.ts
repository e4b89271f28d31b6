/** Container ids and names: what counts as one, and which ids are reserved. */

import { CellaError } from '../errors.js';

/** A container id that has been checked. */
export type Ctid = number & { readonly __brand: 'Ctid' };

/** The largest container id vzctl accepts. */
export const MAX_CTID = 2147483644;

/** Ids up to this one are reserved: accepted, but not for ordinary use. */
export const LAST_RESERVED_CTID = 100;

const NAME = /^[A-Za-z0-9][A-Za-z0-9 _.+-]{0,62}$/;

/** Reads a decimal container id; throws BAD_VALUE for anything else. */
export function parseCtid(text: string): Ctid {
  const number = /^[1-9][0-9]{0,9}$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > MAX_CTID) {
    throw new CellaError('BAD_VALUE', `bad container id ${JSON.stringify(text)}`, {
      hint: `Give a whole number from 1 to ${MAX_CTID}.`,
    });
  }
  return number as Ctid;
}

/** Whether the id is one of the reserved ones, 1 to 100. */
export function isReserved(ctid: Ctid): boolean {
  return ctid <= LAST_RESERVED_CTID;
}

/** Whether `text` may be a container's name; a number may not, for it would read as an id. */
export function isName(text: string): boolean {
  return NAME.test(text) && !/^[0-9]+$/.test(text);
}
