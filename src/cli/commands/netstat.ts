/** vznetstat: traffic of containers by class, in OpenVZ's columns. */
import { type Command, Option } from 'commander';
import { CLASSES } from '../../config/traffic-classes.js';
import { CellaError } from '../../errors.js';
import { byClass, type ClassTraffic } from '../class-traffic.js';
import type { Register } from '../session.js';
import { type Field, json, table } from '../table.js';

interface NetstatOptions {
  readonly 4?: true;
  readonly 6?: true;
  readonly veid?: string;
  readonly class?: string;
  readonly all?: true;
  readonly rounded?: true;
  readonly json?: true;
}

/** Makes `command` one that tells of traffic. */
export const addNetstat: Register = (command: Command, session) => {
  command
    .description('what containers have sent and received, by class of traffic')
    .option('-4', 'of IPv4 only')
    .addOption(new Option('-6', 'of IPv6 only').conflicts('4'))
    .option('-v, --veid <ctid>', 'of one container, by id or name')
    .option('-c, --class <num>', 'of one class, from 0 to 15')
    .option('-a, --all', 'all classes, also without traffic')
    .option('-r, --rounded', 'bytes in K, M or G')
    .option('-j, --json', 'as JSON')
    .action(async (options: NetstatOptions) => {
      const wanted = options.class === undefined ? undefined : parseClass(options.class);
      const ctid = options.veid === undefined ? undefined : await existing(options.veid, session);
      const rows = byClass(await (await session.host()).traffic(), {
        ctid,
        class: wanted,
        family: options[4] ? 4 : options[6] ? 6 : undefined,
        all: options.all,
      });
      const text = options.json
        ? json(rows, FIELDS)
        : table(rows, options.rounded ? ROUNDED : FIELDS, { header: true });
      session.io.stdout.write(text);
    });
};

async function existing(word: string, session: Parameters<Register>[1]): Promise<number> {
  const container = await session.container(word);
  if ((await container.status()).exists) return container.ctid;
  throw new CellaError('NO_CONFIG', `container ${container.ctid} does not exist`);
}

function parseClass(word: string): number {
  const found = CLASSES.find((number) => String(number) === word);
  if (found !== undefined) return found;
  throw new CellaError('BAD_VALUE', `a class from 0 to 15 expected: '${word.slice(0, 64)}'`);
}

type Column = Field<ClassTraffic>;
type Value = (row: ClassTraffic) => number | bigint;

function column(name: string, title: string, width: number, value: Value): Column {
  return { name, title, width, right: true, value, text: (row) => String(value(row)) };
}

const bytes = (name: string, title: string, value: (row: ClassTraffic) => bigint): Column =>
  column(name, title, 20, value);
const left = (field: Column): Column => ({ ...field, right: false });

const FIELDS: readonly Column[] = [
  left(column('ctid', 'CTID', 7, ({ ctid }) => ctid)),
  left(column('class', 'Net.Class', 9, (row) => row.class)),
  bytes('input_bytes', 'Input(bytes)', ({ received }) => received.bytes),
  column('input_packets', 'Input(pkts)', 11, ({ received }) => received.packets),
  bytes('output_bytes', 'Output(bytes)', ({ sent }) => sent.bytes),
  column('output_packets', 'Output(pkts)', 12, ({ sent }) => sent.packets),
];

const ROUNDED = FIELDS.map((field) =>
  field.name.endsWith('_bytes')
    ? { ...field, text: (row: ClassTraffic) => rounded(field.value(row) as bigint) }
    : field,
);

/** In the largest unit that leaves a whole number. */
function rounded(count: bigint): string {
  const units = [
    ['G', 1n << 30n],
    ['M', 1n << 20n],
    ['K', 1n << 10n],
  ] as const;
  const [unit, size] = units.find(([, size]) => count >= size) ?? ['', 1n];
  return `${(count + size / 2n) / size}${unit}`;
}
