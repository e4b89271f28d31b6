/** cella network bridge: add, remove, list */
import type { Command } from 'commander';
import { formatAddress } from '../../config/address.js';
import type { BridgeInfo } from '../../container/host.js';
import { append } from '../parameters.js';
import type { Session } from '../session.js';
import { column, type Field, table } from '../table.js';

export function registerBridge(program: Command, session: Session): void {
  const group = program.command('bridge').description('bridges of this host for interfaces of containers');
  registerAdd(group, session);
  group
    .command('remove')
    .description('take away one on which no container is')
    .argument('<name>')
    .action(async (name: string) => {
      await (await session.host()).removeBridge(name);
      await session.say(`Bridge ${name} has been removed`);
    });
  group
    .command('list')
    .description('those that were made here')
    .option('-j, --json', 'for programs')
    .action(async ({ json }: { json?: true }) => {
      const all = await (await session.host()).bridges();
      const lines = json ? `${JSON.stringify(all.map(plain), undefined, 2)}\n` : tableOf(all);
      session.io.stdout.write(lines);
    });
}

interface AddWords {
  readonly port: readonly string[];
  readonly address: readonly string[];
  readonly vlans?: true;
}

function registerAdd(group: Command, session: Session): void {
  group
    .command('add')
    .description('make one, now and whenever a container needs it')
    .argument('<name>')
    .option('--port <interface>', 'of this host, its way out; may be repeated', append, [])
    .option('--address <address/prefix>', 'of this host on it; may be repeated', append, [])
    .option('--vlans', 'have it tell VLANs apart')
    .action(async (name: string, { port, address, vlans }: AddWords) => {
      await (await session.host()).addBridge(name, {
        ports: port,
        addresses: address,
        vlans: vlans ?? false,
      });
      await session.say(`Bridge ${name} is there`);
    });
}

const plain = ({ addresses, ...bridge }: BridgeInfo) => ({
  ...bridge,
  addresses: addresses.map(formatAddress),
});

const FIELDS: readonly Field<BridgeInfo>[] = [
  column('NAME', 15, ({ name }) => name),
  column('VLANS', 5, ({ vlans }) => (vlans ? 'yes' : 'no')),
  column('ADDRESSES', 18, ({ addresses }) => addresses.map(formatAddress).join(',')),
  column('PORTS', 5, ({ present }) => (present ? present.join(',') : 'not there yet')),
];

const tableOf = (all: readonly BridgeInfo[]): string => table(all, FIELDS, { header: true });
