/** Named sets of networks, which rules of packet filters speak of: /etc/vz/firewall/NAME. Pure. */
import { CellaError } from '../errors.js';
import type { Network } from './networks.js';
import { lenientNetwork } from './traffic-classes.js';

export interface NamedNetworks {
  readonly name: string;
  readonly networks: readonly Network[];
}

/** One address or network a line, with comments behind `#`. `file`: for errors; INVALID_CONFIG names the line. */
export function parseNamedNetworks(name: string, text: string, file: string): NamedNetworks {
  const networks = text.split('\n').flatMap((line, index) => {
    const word = line.replace(/#.*/, '').trim();
    if (word === '') return [];
    const network = lenientNetwork(word);
    if (!network)
      throw new CellaError('INVALID_CONFIG', `${file}:${index + 1}: an address or a network expected`);
    return [network];
  });
  return { name, networks };
}
