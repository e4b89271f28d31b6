/** A screenful of rows, as text and as what a terminal is sent. Pure. */
import { type Field, printable, table } from '../table.js';
import { human, type Sort, type TopRow } from './rows.js';

export interface Size {
  readonly rows: number;
  readonly columns: number;
}

type Column = Field<TopRow>;

function column(
  name: keyof TopRow,
  title: string,
  width: number,
  text: (row: TopRow) => string | null,
): Column {
  const right = name !== 'status' && name !== 'name';
  return { name, title, width, right, value: (row) => row[name], text: (row) => text(row) ?? '' };
}

const bytes = (value: number | null): string | null => (value === null ? null : human(value));

const percent = (value: number | null): string | null => value?.toFixed(1) ?? null;

export const COLUMNS: readonly Column[] = [
  column('ctid', 'CTID', 10, ({ ctid }) => String(ctid)),
  column('cpu', '%CPU', 6, ({ cpu }) => cpu?.toFixed(1) ?? null),
  column('memory', 'MEM', 6, ({ memory }) => bytes(memory)),
  column('limit', 'LIMIT', 6, ({ limit }) => bytes(limit)),
  column('tasks', 'TASKS', 6, ({ tasks }) => tasks?.toString() ?? null),
  column('read', 'READ/S', 6, ({ read }) => bytes(read)),
  column('written', 'WRITE/S', 7, ({ written }) => bytes(written)),
  column('status', 'STATUS', 7, ({ status }) => status),
  column('name', 'NAME', 4, ({ name }) => name),
];

/** The same with the network, and with what they wait for. */
export const ALL_COLUMNS: readonly Column[] = [
  ...COLUMNS.slice(0, -2),
  column('received', 'RECV/S', 6, ({ received }) => bytes(received)),
  column('sent', 'SENT/S', 6, ({ sent }) => bytes(sent)),
  column('pressure', 'WAITCPU', 7, ({ pressure }) => percent(pressure.cpu)),
  column('pressure', 'WAITMEM', 7, ({ pressure }) => percent(pressure.memory)),
  column('pressure', 'WAITIO', 6, ({ pressure }) => percent(pressure.io)),
  ...COLUMNS.slice(-2),
];

export interface View {
  readonly columns: readonly Column[];
  readonly rows: readonly TopRow[];
  readonly sort: Sort;
  readonly size: Size;
  /** As the operator's clock shows it. */
  readonly time: string;
}

/** No more lines than there is room for, none longer. */
export function linesOf({ rows, columns, sort, size, time }: View): readonly string[] {
  const [header = '', ...lines] = table(rows, columns, { header: true }).split('\n').slice(0, -1);
  const room = Math.max(0, size.rows - 2);
  const fitting = lines.length > room ? lines.slice(0, Math.max(0, room - 1)) : lines;
  const left = lines.length - fitting.length;
  return [
    summary(rows, sort, time),
    header,
    ...fitting,
    ...(left > 0 ? [`${' '.repeat(10)} … and ${left} more`] : []),
  ]
    .slice(0, size.rows)
    .map((line) => [...printable(line)].slice(0, size.columns).join(''));
}

function summary(rows: readonly TopRow[], sort: Sort, time: string): string {
  const running = rows.filter(({ status }) => status === 'running');
  const sum = (of: (row: TopRow) => number | null): number =>
    running.reduce((total, row) => total + (of(row) ?? 0), 0);
  return [
    time,
    `${running.length} running`,
    `${sum(({ tasks }) => tasks)} tasks`,
    `${sum(({ cpu }) => cpu).toFixed(1)}% cpu`,
    `${human(sum(({ memory }) => memory))} memory`,
    `by ${sort}`,
  ].join(', ');
}

/** Another screen, without a cursor and without lines that wrap; and back. */
export const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l';
export const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';

/** Over what is there, so that nothing flickers. */
export function frameOf(lines: readonly string[]): string {
  const shown = lines.map((line, i) => (i === 1 ? `\u001b[7m${line}\u001b[0m` : line));
  return `\u001b[H${shown.map((line) => `${line}\u001b[K`).join('\r\n')}\u001b[J`;
}
