/** vzctl snapshot-list */
import type { SnapshotInfo } from '../../container/snapshot.js';
import type { Register } from '../session.js';
import { type Field, findFields, json, table } from '../table.js';

interface ListOptions {
  readonly header: boolean;
  readonly output: string;
  readonly list?: true;
  readonly id?: string;
  readonly json?: true;
}

type Column = Field<SnapshotInfo>;

function column(name: string, width: number, value: (row: SnapshotInfo) => string): Column {
  return { name, title: name.toUpperCase(), width, right: false, value, text: value };
}

const braced = (uuid: string | null): string => (uuid === null ? '' : `{${uuid}}`);

const FIELDS: readonly Column[] = [
  column('parent_uuid', 38, ({ parent }) => braced(parent)),
  {
    ...column('current', 1, ({ current }) => (current ? '*' : '')),
    title: 'C',
    value: ({ current }) => current,
  },
  column('uuid', 38, ({ uuid }) => braced(uuid)),
  column('date', 19, ({ created }) => localTime(created)),
  column('name', 32, ({ name }) => name),
  {
    ...column('state', 5, ({ state }) => (state ? 'yes' : 'no')),
    value: ({ state }) => state,
  },
  column('desc', 32, ({ description }) => description),
];

/** As vzctl shows it. */
function localTime(milliseconds: number): string {
  const at = new Date(milliseconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join('-');
  return `${date} ${[at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':')}`;
}

export const registerSnapshotList: Register = (program, session) => {
  program
    .command('snapshot-list')
    .description('list the snapshots of a container')
    .argument('<ctid>')
    .option('-H, --no-header', 'without the header')
    .option(
      '-o, --output <fields>',
      'these fields, separated by commas',
      'parent_uuid,current,uuid,date,name',
    )
    .option('-L, --list', 'the fields that there are')
    .option('--id <uuid>', 'only this one')
    .option('-j, --json', 'as JSON')
    .action(async (ctid: string, options: ListOptions) => {
      const write = (text: string): boolean => session.io.stdout.write(text);
      if (options.list) return void write(`${FIELDS.map(({ name }) => name).join('\n')}\n`);
      const fields = findFields(FIELDS, options.output);
      const container = await session.container(ctid);
      const rows = await container.snapshots(options.id);
      write(options.json ? json(rows, FIELDS) : table(rows, fields, { header: options.header, empty: '' }));
    });
};
