/** cella backup and backup-list; vzdump */
import type { Command } from 'commander';
import type { FoundBackup } from '../../backup/find.js';
import type { BackupOptions } from '../../container/backup.js';
import type { Container } from '../../container/container.js';
import { CellaError } from '../../errors.js';
import { ProgressLine } from '../progress-line.js';
import type { Register, Session } from '../session.js';
import { type Field, json, table } from '../table.js';

const MODES = ['snapshot', 'suspend', 'stop'] as const;

interface Words {
  readonly mode: string;
  readonly incremental?: true;
  readonly base?: string;
  readonly excludePath: readonly string[];
  readonly stdexcludes?: true;
  readonly dumpdir?: string;
  readonly maxfiles?: string;
  readonly level: string;
  readonly json?: true;
}

export const registerBackup: Register = (program, session) => {
  addOptions(
    program
      .command('backup')
      .description("put a container's files and config into one archive")
      .argument('<ctid>')
      .argument('[file]', '"-": standard output; default: one named after container and time'),
  )
    .option('--json', 'the result as JSON')
    .action(async (id: string, file: string | undefined, words: Words) => {
      await dump(session, await session.container(id), words, file);
    });
  program
    .command('backup-list')
    .description('list backups')
    .argument('[directory]', 'default: DUMPDIR of vz.conf')
    .option('-H, --no-header', 'without the header')
    .option('-j, --json', 'as JSON')
    .action(
      async (directory: string | undefined, { header, json: asJson }: { header: boolean; json?: true }) => {
        const rows = await (await session.host()).backups(directory);
        session.io.stdout.write(asJson ? json(rows, FIELDS) : table(rows, FIELDS, { header, empty: '-' }));
      },
    );
};

/** The command of that name: several containers, each into a file of DUMPDIR. */
export function addDump(program: Command, session: Session): void {
  addOptions(program.description('back up containers').argument('[ctid...]'))
    .option('--all', 'every container')
    .option('--stdout', 'to standard output')
    .option('--compress', 'accepted for compatibility: backups are compressed')
    .action(
      async (ids: readonly string[], words: Words & { readonly all?: true; readonly stdout?: true }) => {
        const host = await session.host();
        const wanted = words.all ? (await host.list()).map(({ ctid }) => String(ctid)) : ids;
        if (wanted.length === 0) throw new CellaError('MISSING_ARGUMENT', 'no container is named');
        if (words.stdout && wanted.length > 1)
          throw new CellaError('BAD_VALUE', 'standard output takes the backup of one container');
        for (const id of wanted)
          await dump(session, host.container(id), words, words.stdout ? '-' : undefined);
      },
    );
}

function addOptions(command: Command): Command {
  const collect = (pattern: string, all: readonly string[]): readonly string[] => [...all, pattern];
  return command
    .option('--mode <mode>', `how a running container is kept still: ${MODES.join(', ')}`, 'snapshot')
    .option('--incremental', 'only what changed since the newest backup of the container there')
    .option('--base <file>', 'only what changed since this backup')
    .option('--exclude, --exclude-path <pattern>', 'leave these paths out, as /var/cache/*', collect, [])
    .option('--stdexcludes', 'leave out temporary files and rotated logs')
    .option('--dumpdir <directory>', 'where backups are; default: DUMPDIR of vz.conf')
    .option('--maxfiles <number>', 'remove older backups of the container beyond so many')
    .option('--level <level>', 'of zstd, 1 to 19', '3');
}

async function dump(
  session: Session,
  container: Container,
  words: Words,
  file: string | undefined,
): Promise<void> {
  const aside = file === '-';
  const line = new ProgressLine(session);
  const { stdout, columns } = session.io;
  const shows = !aside && !words.json && columns() !== undefined;
  const options: BackupOptions = {
    ...optionsOf(words),
    ...(aside ? { output: stdout } : { file }),
    signal: session.interruptible(),
    ...(shows
      ? { progress: ({ bytes, total }) => line.show(`${Math.floor((100 * bytes) / Math.max(1, total))}%`) }
      : {}),
  };
  const done = await container.backup(options).finally(() => shows && line.clear());
  if (aside) return;
  if (words.json) return void stdout.write(`${JSON.stringify(done)}\n`);
  await session.say(
    `Backup ${done.file} was made, ${mebibytes(done.size)} MiB of ${mebibytes(done.manifest.bytes)}`,
    container.ctid,
  );
  for (const old of done.removed) await session.say(`Removed ${old}`, container.ctid);
}

function optionsOf(words: Words): BackupOptions {
  const mode = MODES.find((known) => known === words.mode);
  if (!mode) throw new CellaError('BAD_VALUE', `--mode: '${words.mode.slice(0, 64)}' is not a mode`);
  return {
    mode,
    incremental: words.incremental,
    base: words.base,
    exclude: words.excludePath,
    standardExclude: words.stdexcludes,
    directory: words.dumpdir,
    level: numberOf('--level', words.level, 19),
    maxFiles: words.maxfiles === undefined ? undefined : numberOf('--maxfiles', words.maxfiles, 1e6),
  };
}

function numberOf(option: string, text: string, most: number): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= most) return number;
  throw new CellaError('BAD_VALUE', `${option}: '${text.slice(0, 64)}' is not a number from 1 to ${most}`);
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}

function column(
  name: string,
  width: number,
  value: (row: FoundBackup) => string | number,
): Field<FoundBackup> {
  const right = name === 'size' || name === 'ctid';
  return { name, title: name.toUpperCase(), width, right, value, text: (row) => String(value(row)) };
}

const FIELDS: readonly Field<FoundBackup>[] = [
  column('ctid', 10, ({ ctid }) => ctid),
  column('date', 24, ({ date }) => date),
  column('kind', 11, ({ kind }) => kind),
  column('mode', 8, ({ mode }) => mode),
  column('size', 12, ({ size }) => size),
  column('file', 32, ({ file }) => file),
];
