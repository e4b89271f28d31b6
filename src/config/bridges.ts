/** Bridges of the host that are made on request: /etc/vz/bridges/NAME. Pure. */
import { CellaError } from '../errors.js';
import { type Address, formatAddress, parseAddress } from './address.js';
import { parseInterfaceName } from './devices.js';
import { getSettings, parseConfig } from './grammar.js';
import { bad } from './values.js';

export interface Bridge {
  readonly name: string;
  /** Interfaces of the host that are on it: its way out, if it has one. */
  readonly ports: readonly string[];
  /** Of the host, each with a prefix length. */
  readonly addresses: readonly Address[];
  /** Whether it tells VLANs apart. */
  readonly vlans: boolean;
}

export interface BridgeOptions {
  /** Default: none, as the next. */
  readonly ports?: readonly string[];
  /** As 192.0.2.1/24. */
  readonly addresses?: readonly string[];
  /** Default: false. */
  readonly vlans?: boolean;
}

/** Throws BAD_VALUE or BAD_ADDRESS. */
export function bridgeOf(name: string, { ports = [], addresses = [], vlans = false }: BridgeOptions): Bridge {
  // Of such a file nobody knows if it is whole.
  if (/^\.|\.tmp$/.test(name)) throw bad('BAD_VALUE', 'bad name of a bridge', name);
  return {
    name: parseInterfaceName(name),
    ports: [...new Set(ports.map(parseInterfaceName))],
    addresses: addresses.map(parseOwn),
    vlans,
  };
}

function parseOwn(text: string): Address {
  const address = parseAddress(text);
  if (address.prefix !== undefined) return address;
  throw bad('BAD_ADDRESS', "an address with its network's prefix expected, as 192.0.2.1/24", text);
}

export function formatBridge({ ports, addresses, vlans }: Bridge): string {
  const lines = [
    `PORTS="${ports.join(' ')}"`,
    `ADDRESS="${addresses.map(formatAddress).join(' ')}"`,
    `VLANS="${vlans ? 'yes' : 'no'}"`,
  ];
  return `${lines.join('\n')}\n`;
}

const KEYS: readonly string[] = ['PORTS', 'ADDRESS', 'VLANS'];

/** `file`: for errors, which are of INVALID_CONFIG. */
export function parseBridge(name: string, text: string, file: string): Bridge {
  const config = parseConfig(text);
  const broken = config.lines.find((line) => line.kind === 'broken');
  if (broken) throw new CellaError('INVALID_CONFIG', `${file}:${broken.number}: KEY="value" expected`);
  const settings = getSettings(config);
  const unknown = [...settings.keys()].find((key) => !KEYS.includes(key));
  if (unknown !== undefined) throw new CellaError('INVALID_CONFIG', `${file}: unknown setting ${unknown}`);
  const words = (key: string): readonly string[] =>
    settings
      .get(key)
      ?.value.split(/[\s,]+/)
      .filter(Boolean) ?? [];
  const vlans = settings.get('VLANS')?.value || 'no';
  if (vlans !== 'yes' && vlans !== 'no')
    throw new CellaError('INVALID_CONFIG', `${file}: VLANS: yes or no expected, got '${vlans}'`);
  try {
    return bridgeOf(name, { ports: words('PORTS'), addresses: words('ADDRESS'), vlans: vlans === 'yes' });
  } catch (cause) {
    if (!(cause instanceof CellaError)) throw cause;
    throw new CellaError('INVALID_CONFIG', `${file}: ${cause.message}`, { cause });
  }
}
