/** IP_ADDRESS and RATE: lists of addresses and of rates. */
import { formatAddress, parseAddress } from './address.js';
import { parseInterfaceName } from './devices.js';
import { list } from './value-type.js';
import { bad, parseWhole } from './values.js';

export const ADDRESSES = list('ADDRESS[/MASK]', parseAddress, formatAddress, {
  split: /[\s,]+/,
  keyOf: (item) => parseAddress(item).address,
  key: (text) => parseAddress(text).address,
});

export interface Rate {
  /** `*`: any. */
  readonly device: string;
  readonly class: number;
  /** Kilobits per second. */
  readonly rate: number;
}

export const RATE = list('DEVICE:CLASS:RATE', parseRate, (at) => `${at.device}:${at.class}:${at.rate}`, {
  keyOf: (item) => item.slice(0, item.lastIndexOf(':')),
});

function parseRate(text: string): Rate {
  const [device = '', klass = '', rate = '', ...rest] = text.split(':');
  if (rest.length > 0) throw bad('BAD_VALUE', 'DEVICE:CLASS:RATE expected', text);
  return {
    device: device === '*' ? device : parseInterfaceName(device),
    class: parseWhole(klass, 15, 'a traffic class from 0 to 15 expected'),
    rate: parseWhole(rate, 4_294_967_295, 'a rate in kbit/s expected', 1),
  };
}
