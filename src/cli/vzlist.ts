/** vzlist: containers as a table or as JSON. */
import { type Command, Option } from 'commander';
import type { ContainerInfo, Host } from '../container/host.js';
import { CellaError } from '../errors.js';
import { matches } from './fnmatch.js';
import { compareOrders, FIELDS, findField, type ListField } from './list-fields.js';
import type { Register, Session } from './session.js';
import { json, table } from './table.js';

interface ListOptions {
  readonly all?: true;
  readonly stopped?: true;
  readonly header: boolean;
  readonly trim: boolean;
  readonly output?: string;
  readonly sort?: string;
  readonly json?: true;
  readonly '1'?: true;
  readonly name?: true;
  readonly hostname?: string;
  readonly nameFilter?: string;
  readonly name_filter?: string;
  readonly description?: string;
  readonly netif?: string;
  readonly list?: true;
}

const DEFAULT_FIELDS = ['ctid', 'numproc', 'status', 'ip', 'hostname'];

export const registerList: Register = (program, session) => addList(program.command('list'), session);

/** Makes `command` one that lists. */
export function addList(command: Command, session: Session): void {
  command
    .description('list containers')
    .argument('[ctid...]')
    .option('-a, --all', 'stopped ones too')
    .option('-S, --stopped', 'only those that do not run')
    .option('-H, --no-header', 'without the header')
    .option('-t, --no-trim', 'long values whole')
    .option('-o, --output <fields>', 'these fields, separated by commas')
    .option('-s, --sort <field>', 'sorted by a field; "-field": in reverse')
    .option('-j, --json', 'as JSON')
    .option('-1', 'only ids: -H -o ctid')
    .option('-n, --name', 'the name in place of the hostname')
    .option('-h, --hostname <pattern>', 'only these hostnames')
    .option('-N, --name-filter <pattern>', 'only these names')
    .addOption(new Option('--name_filter <pattern>').hideHelp())
    .option('-d, --description <pattern>', 'only these descriptions')
    .option('-i, --netif <name>', 'only the one with this interface on the host')
    .option('-L, --list', 'the fields that there are')
    .helpOption('--help')
    .action(async (ctids: readonly string[], options: ListOptions) => {
      const write = (text: string): boolean => session.io.stdout.write(text);
      if (options.list) return void write(`${FIELDS.map(({ name }) => name).join('\n')}\n`);
      const fields = fieldsOf(options);
      const sort = options.sort === undefined ? undefined : findField(options.sort.replace(/^-/, ''));
      const host = await session.host();
      const rows = await rowsOf(host, ctids, options, sort ? [...fields, sort] : fields);
      const sorted = sort ? sortRows(rows, sort, options.sort?.startsWith('-') ?? false) : rows;
      const { trim } = options;
      write(
        options.json
          ? json(sorted, fields)
          : table(sorted, fields, { header: options.header && !options['1'], trim }),
      );
    });
}

function fieldsOf(options: ListOptions): readonly ListField[] {
  const { output, json: asJson } = options;
  if (options['1']) return [findField('ctid')];
  // Parts of a counter are in the whole, as JSON.
  if (asJson && output === undefined) return FIELDS.filter(({ name }) => !name.includes('.'));
  const names =
    output?.split(',') ??
    DEFAULT_FIELDS.map((name) => (options.name && name === 'hostname' ? 'smart_name' : name));
  const fields = names.map((name) => findField(name));
  const part = fields.find(({ name }) => name.includes('.'));
  if (asJson && part) throw new CellaError('BAD_OPTION', `field '${part.name}' cannot be shown as JSON`);
  return fields;
}

async function rowsOf(
  host: Host,
  words: readonly string[],
  options: ListOptions,
  needed: readonly ListField[],
): Promise<readonly ContainerInfo[]> {
  const ctids = new Set(words.map((id) => host.container(id).ctid as number));
  const details = new Set(needed.flatMap(({ detail }) => detail ?? []));
  const chosen = ctids.size > 0 ? { ctids } : {};
  const rows = await host.list({ with: [...details], ...chosen });
  return rows.filter(
    (row) => (ctids.size === 0 || ctids.has(row.ctid)) && isShown(row, options, ctids.size > 0),
  );
}

function isShown(row: ContainerInfo, options: ListOptions, isNamed: boolean): boolean {
  const { all, stopped, netif } = options;
  const isRunning = row.status === 'running';
  if (stopped ? isRunning : !(all || isNamed || isRunning)) return false;
  const isLike = (text: string | null, pattern: string | undefined): boolean =>
    pattern === undefined || matches(text ?? '', pattern);
  return (
    isLike(row.hostname, options.hostname) &&
    isLike(row.name, options.nameFilter ?? options.name_filter) &&
    isLike(row.description, options.description) &&
    (netif === undefined || row.host_ifname.includes(netif))
  );
}

function sortRows(
  rows: readonly ContainerInfo[],
  field: ListField,
  reverse: boolean,
): readonly ContainerInfo[] {
  const sign = reverse ? -1 : 1;
  const keyed = rows.map((row) => ({ row, key: field.order(row) }));
  return keyed.sort((a, b) => sign * compareOrders(a.key, b.key)).map(({ row }) => row);
}
