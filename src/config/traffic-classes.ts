/** Classes of traffic, that it is counted by: lines `CLASS NETWORK` of /etc/vz/networks_classes. Pure. */
import { CellaError } from '../errors.js';
import { parseAddress } from './address.js';
import { formatNetwork, type Network, networkOf } from './networks.js';

/** As many as there may be. */
export const CLASSES: readonly number[] = Array.from({ length: 16 }, (_, number) => number);

export interface ClassedNetwork {
  readonly class: number;
  /** Of the other end. The narrowest that holds an address decides. */
  readonly network: Network;
}

/**
 * `file`: its name, for errors. Of lines that say the same of a network the last counts, as in OpenVZ. Throws
 * INVALID_CONFIG, naming the line.
 */
export function parseTrafficClasses(text: string, file: string): readonly ClassedNetwork[] {
  const found = new Map<string, ClassedNetwork>();
  for (const [index, line] of text.split('\n').entries()) {
    const words = line.replace(/#.*/, '').trim().split(/\s+/);
    if (words[0] === '') continue;
    const classed = parseLine(words);
    if (!classed)
      throw new CellaError(
        'INVALID_CONFIG',
        `${file}:${index + 1}: a class from 0 to 15 and a network expected`,
      );
    found.set(formatNetwork(classed.network), classed);
  }
  return [...found.values()];
}

function parseLine([number = '', network = '', ...rest]: readonly string[]): ClassedNetwork | undefined {
  if (!/^\d{1,2}$/.test(number) || !CLASSES.includes(Number(number)) || rest.length > 0) return undefined;
  const parsed = lenientNetwork(network);
  return parsed && { class: Number(number), network: parsed };
}

/** Undefined: it is none. An address alone is a network of one; bits beyond a mask do not matter. */
export function lenientNetwork(text: string): Network | undefined {
  try {
    return networkOf(parseAddress(text));
  } catch {
    return undefined;
  }
}
