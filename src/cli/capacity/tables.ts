/** What vzcalc, vzmemcheck, vzcpucheck and cella plan show, as text. Pure. */
import type { HostRoom } from '../../container/host.js';
import type { Capacity, ContainerResources } from '../../plan/capacity/facts.js';
import type { Room } from '../../plan/capacity/room.js';
import {
  type MemoryRow,
  memoryRows,
  memoryShare,
  percent,
  type Share,
  sharesOf,
} from '../../plan/capacity/shares.js';
import { type Field, table } from '../table.js';
import { human } from '../top/rows.js';

/** What cannot be said. */
const NONE = 'n/a';
const NO_LIMIT = 'unlimited';

type Cells = readonly string[];

/** Columns that begin at the right, but for the first. */
function columns(titles: Cells, width: number, first = width): readonly Field<Cells>[] {
  return titles.map((title, at) => ({
    name: title,
    title,
    width: at === 0 ? first : width,
    right: at > 0,
    text: (cells) => cells[at] ?? '',
    value: (cells) => cells[at],
  }));
}

const places = (value: number | null, none: string): string => value?.toFixed(2) ?? none;

/** `all`: a line for each resource. */
export function shareTable(container: ContainerResources, { host }: Capacity, all: boolean): string {
  const shares = sharesOf(container, host);
  const cells = ({
    resource,
    current,
    promised,
    max,
  }: Omit<Share, 'resource'> & { resource: string }): Cells => [
    resource,
    places(current, NONE),
    places(promised, NONE),
    places(max, NO_LIMIT),
  ];
  const rows = all ? shares.map(cells) : [];
  const text = table([...rows, cells({ resource: 'Memory', ...memoryShare(shares) })], SHARE_COLUMNS, {
    header: true,
  });
  return all ? ruled(text, 1) : text;
}

const SHARE_COLUMNS = columns(['Resource', 'Current(%)', 'Promised(%)', 'Max(%)'], 12);

const MEMORY_COLUMNS = columns(
  ['', 'RAM', 'RAM', 'RAM', 'MemSwap', 'MemSwap', 'MemSwap', 'Alloc', 'Alloc'],
  9,
  10,
);
const MEMORY_HEAD: Cells = ['CTID', 'util', 'commit', 'limit', 'util', 'commit', 'limit', 'util', 'limit'];

/** `each`: a line for each container. `absolute`: MiB, with what they are to be compared with as the last line. */
export function memoryTable(capacity: Capacity, each: boolean, absolute: boolean): string {
  const { memory, swap } = capacity.host;
  const rows = memoryRows(capacity).filter(({ ctid }) => each || ctid === undefined);
  const [ram, both] = [memory.total, memory.total + swap.total];
  const show = (amount: bigint | null, whole: bigint, none: string): string => {
    if (!absolute) return places(percent(amount, whole), none);
    return amount === null ? none : (Number(amount) / MIB).toFixed(2);
  };
  const cells = ({ ctid, ram: own, both: all, committed }: MemoryRow): Cells => [
    ctid === undefined ? 'Summary:' : String(ctid),
    ...[show(own.used, ram, NONE), show(own.promised, ram, NONE), show(own.limit, ram, NO_LIMIT)],
    ...[show(all.used, both, NONE), show(all.promised, both, NONE), show(all.limit, both, NO_LIMIT)],
    ...(committed ? [show(committed.held, both, NONE), show(committed.limit, both, NO_LIMIT)] : [NONE, NONE]),
  ];
  const totals: Cells = [
    'Total:',
    ...[ram, ram, ram, both, both, both, both, both].map((at) => show(at, at, NONE)),
  ];
  const body = [MEMORY_HEAD, ...rows.map(cells), ...(absolute ? [totals] : [])];
  const text = table(body, MEMORY_COLUMNS, { header: true, empty: ' ' });
  return `Output values in ${absolute ? 'MiB' : '%'}\n${each ? ruled(text, absolute ? 2 : 1) : text}`;
}

const MIB = 1024 ** 2;

/** What OpenVZ takes one processor for, for each of its bogomips. */
const UNITS_OF_BOGOMIPS = 25;

/** `power`: weights that there may be for a thousand of them to be worth what OpenVZ promises; null: not told. */
export function cpuWeights({ host, containers }: Capacity): {
  readonly units: number;
  readonly power: number | null;
  readonly cpus: number;
} {
  const running = containers.filter((container) => container.running);
  const { bogomips, count } = host.cpu;
  return {
    units: running.reduce((sum, { cpu }) => sum + cpu.units, 0),
    power: bogomips === null ? null : Math.round(bogomips * UNITS_OF_BOGOMIPS),
    cpus: count,
  };
}

export function cpuTable(capacity: Capacity, each: boolean): string {
  const { units, power } = cpuWeights(capacity);
  const rows = capacity.containers
    .filter(({ running }) => running)
    .map(
      ({ ctid, cpu }): Cells => [
        String(ctid),
        String(cpu.units),
        cpu.limit === null ? NO_LIMIT : `${cpu.limit}%`,
      ],
    );
  const list = table(rows, columns(['CTID', 'CPUUNITS', 'CPULIMIT'], 10), { header: true });
  const summary = `Current CPU utilization: ${units}\nPower of the node: ${power ?? NONE}\n`;
  return each ? `${list}${'-'.repeat(32)}\n${summary}` : summary;
}

/** A line before the last so many of them. */
function ruled(text: string, last: number): string {
  const lines = text.split('\n').slice(0, -1);
  const rule = '-'.repeat(Math.max(...lines.map(({ length }) => length)));
  return `${[...lines.slice(0, -last), rule, ...lines.slice(-last)].join('\n')}\n`;
}

export interface Question {
  readonly wanted: number | undefined;
  readonly template: string | undefined;
  readonly by: 'average' | 'largest';
}

export function roomTable(room: HostRoom, question: Question): string {
  const list = table(room.resources, ROOM_COLUMNS, { header: true });
  return `${list}${basisOf(room, question)}\n${answerOf(room, question)}\n`;
}

function basisOf({ basis, ctids }: HostRoom, { template, by }: Question): string {
  const kind = template === undefined ? '' : ` of template '${template}'`;
  if (basis === 'limits')
    return `Nothing is measured, since no container${kind} runs: EACH is what the sample allows.`;
  if (ctids.length === 1) return `EACH is what the one container${kind} that runs uses.`;
  const which = by === 'average' ? 'use on average' : 'use at most';
  return `EACH is what the ${ctids.length} containers${kind} that run ${which}.`;
}

function answerOf({ more, first }: HostRoom, { wanted }: Question): string {
  if (more === null) return 'Any number of them fits: they use nothing that runs out.';
  const scarce = more === 0 ? `the host is out of ${first}` : `${more} do, then the host is out of ${first}`;
  if (wanted === undefined)
    return more === 0 ? `No more fit: ${scarce}.` : `${more} more fit, then the host is out of ${first}.`;
  return `${wanted} more ${wanted <= more ? 'fit' : 'do not fit'}: ${scarce}.`;
}

const roomColumn = (title: string, text: (room: Room) => string, right = true): Field<Room> => ({
  name: title.toLowerCase(),
  title,
  width: 10,
  right,
  text,
  value: text,
});

const ROOM_COLUMNS: readonly Field<Room>[] = [
  roomColumn('RESOURCE', ({ resource }) => resource, false),
  roomColumn('EACH', (room) => amount(room.each, room)),
  roomColumn('FREE', (room) => amount(room.free, room)),
  roomColumn('KEPT', (room) => amount(room.kept, room)),
  roomColumn('TOTAL', (room) => amount(room.total, room)),
  roomColumn('MORE', ({ more }) => (more === null ? '' : count(more))),
];

function amount(value: number, { unit }: Pick<Room, 'unit'>): string {
  if (unit === 'bytes') return human(value);
  return unit === 'processors' ? value.toFixed(2) : count(value);
}

/** Addresses of IPv6 are more than anybody counts. */
function count(value: number): string {
  if (value >= 1e12) return value.toExponential(1);
  return Number.isInteger(value) ? String(value) : value.toFixed(1);
}
