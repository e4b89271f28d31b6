/** vzlist: containers as a table or as JSON. */
import type { Command } from 'commander';
import type { ContainerInfo } from '../container/host.js';
import { CellaError } from '../errors.js';
import { FIELDS, findField } from './list-fields.js';
import type { Register, Session } from './session.js';
import { type Field, json, table } from './table.js';

interface ListOptions {
  readonly all?: true;
  readonly stopped?: true;
  readonly header: boolean;
  readonly output?: string;
  readonly sort?: string;
  readonly json?: true;
  readonly '1'?: true;
  readonly name?: true;
  readonly hostname?: string;
  readonly nameFilter?: string;
  readonly description?: string;
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
    .option('-S, --stopped', 'stopped ones only')
    .option('-H, --no-header', 'without the header')
    .option('-o, --output <fields>', 'these fields, separated by commas')
    .option('-s, --sort <field>', 'sorted by a field; "-field": in reverse')
    .option('-j, --json', 'as JSON')
    .option('-1', 'only ids: -H -o ctid')
    .option('-n, --name', 'the name in place of the hostname')
    .option('-h, --hostname <pattern>', 'only these hostnames')
    .option('-N, --name-filter <pattern>', 'only these names')
    .option('-d, --description <pattern>', 'only these descriptions')
    .option('-L, --list', 'the fields that there are')
    .helpOption('--help')
    .action(async (ctids: readonly string[], options: ListOptions) => {
      const write = (text: string): boolean => session.io.stdout.write(text);
      if (options.list) return void write(`${FIELDS.map(({ name }) => name).join('\n')}\n`);
      const fields = fieldsOf(options);
      const host = await session.host();
      const wanted = new Set(ctids.map((id) => host.container(id).ctid));
      const rows = sorted(
        options.sort,
        (await host.list()).filter((row) => isShown(row, options, wanted as ReadonlySet<number>)),
      );
      write(
        options.json
          ? asJson(
              rows,
              options.output === undefined ? FIELDS.filter((field) => !field.name.includes('.')) : fields,
            )
          : table(rows, fields, { header: options.header && !options['1'] }),
      );
    });
}

function fieldsOf(options: ListOptions): readonly Field<ContainerInfo>[] {
  if (options['1']) return [findField('ctid')];
  const names =
    options.output?.split(',') ??
    DEFAULT_FIELDS.map((name) => (options.name && name === 'hostname' ? 'name' : name));
  return names.map((name) => findField(name));
}

function isShown(row: ContainerInfo, options: ListOptions, wanted: ReadonlySet<number>): boolean {
  if (wanted.size > 0 ? !wanted.has(row.ctid) : false) return false;
  if (
    options.stopped ? row.status !== 'stopped' : !options.all && wanted.size === 0 && row.status !== 'running'
  )
    return false;
  return (
    matches(row.hostname, options.hostname) &&
    matches(row.name, options.nameFilter) &&
    matches(row.description, options.description)
  );
}

/** Wildcards as fnmatch(3): * and ?. */
function matches(text: string | null, pattern: string | undefined): boolean {
  if (pattern === undefined) return true;
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.');
  return new RegExp(`^${source}$`, 's').test(text ?? '');
}

function sorted(by: string | undefined, rows: readonly ContainerInfo[]): readonly ContainerInfo[] {
  if (by === undefined) return rows;
  const field = findField(by.replace(/^-/, ''));
  const sign = by.startsWith('-') ? -1 : 1;
  return [...rows].sort((a, b) => sign * field.text(a).localeCompare(field.text(b), 'en', { numeric: true }));
}

/** Parts of a counter are in the whole, as JSON. */
function asJson(rows: readonly ContainerInfo[], fields: readonly Field<ContainerInfo>[]): string {
  for (const { name } of fields) {
    if (name.includes('.')) throw new CellaError('BAD_OPTION', `field '${name}' cannot be shown as JSON`);
  }
  return json(rows, fields);
}
