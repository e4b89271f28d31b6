/** cella network: repair, traffic, bridge */
import type { Command } from 'commander';
import type { ContainerTraffic } from '../../container/traffic.js';
import type { Traffic } from '../../state/traffic.js';
import type { Register, Session } from '../session.js';
import { column, type Field, table } from '../table.js';
import { registerBridge } from './bridge.js';

export const registerNetwork: Register = (program, session) => {
  const group = program.command('network').description('the network of all containers');
  registerRepair(group, session);
  registerTraffic(group, session);
  registerBridge(group, session);
};

function registerRepair(group: Command, session: Session): void {
  group
    .command('repair')
    .description('put back routes, rules and rates of running containers that somebody has taken away')
    .action(async () => {
      const repaired = await (await session.host()).repairNetwork();
      await session.say(`The network of ${repaired.length} containers is in order`);
    });
}

function registerTraffic(group: Command, session: Session): void {
  group
    .command('traffic')
    .description('what containers have sent and received, by address')
    .option('-c, --classes', 'by class of traffic too (/etc/vz/networks_classes)')
    .option('-j, --json', 'for programs')
    .action(async ({ classes, json }: { classes?: true; json?: true }) => {
      const all = await (await session.host()).traffic();
      const lines = json ? `${JSON.stringify(all, toNumber, 2)}\n` : tableOf(all, classes ?? false);
      session.io.stdout.write(lines);
    });
}

/** Counts fit for 9 million gigabytes. */
const toNumber = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value);

interface Row {
  readonly ctid: number;
  readonly traffic: Traffic;
}

const RIGHT = { right: true };

const CLASS: Field<Row> = column(
  'CLASS',
  5,
  ({ traffic }) => (traffic.class === null ? 'all' : String(traffic.class)),
  RIGHT,
);

/** Bytes of IP, as a container sees them. */
const FIELDS: readonly Field<Row>[] = [
  column('CTID', 10, ({ ctid }) => String(ctid), RIGHT),
  column('ADDRESS', 15, ({ traffic }) => traffic.address),
  column('IN', 12, ({ traffic }) => String(traffic.received.bytes), RIGHT),
  column('IN_PKTS', 9, ({ traffic }) => String(traffic.received.packets), RIGHT),
  column('OUT', 12, ({ traffic }) => String(traffic.sent.bytes), RIGHT),
  column('OUT_PKTS', 9, ({ traffic }) => String(traffic.sent.packets), RIGHT),
];

function tableOf(all: readonly ContainerTraffic[], classes: boolean): string {
  const rows = all.flatMap(({ ctid, addresses }) =>
    addresses.filter((at) => classes || at.class === null).map((traffic) => ({ ctid, traffic })),
  );
  const fields = classes ? FIELDS.toSpliced(2, 0, CLASS) : FIELDS;
  return table(rows, fields, { header: true });
}
