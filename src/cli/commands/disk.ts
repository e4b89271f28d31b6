/** cella disk import and export */
import { parseLimit } from '../../config/units.js';
import type { DiskEvent, DiskReporter } from '../../disk/events.js';
import { FORMATS, type Format } from '../../disk/formats.js';
import { CellaError } from '../../errors.js';
import type { Register, Session } from '../session.js';

interface ImportWords {
  readonly template: string;
  readonly root?: string;
  readonly force?: true;
  readonly maxSize?: string;
}

interface ExportWords {
  readonly format: string;
  readonly size?: string;
  readonly partitioned?: string | true;
}

export const registerDisk: Register = (program, session) => {
  const disk = program.command('disk').description('disk images of virtual machines');
  disk
    .command('import')
    .description("make a template of a virtual machine's disk")
    .argument('<file>', `disk image: ${FORMATS.join(', ')}`)
    .requiredOption('--template <name>', 'name of the template; one of that name is replaced')
    .option('--root <volume>', 'partition number or group/volume of the root; default: it is looked for')
    .option('--max-size <size>', 'largest disk to accept; default: 2T')
    .option('--force', 'read file systems that are broken or were not unmounted')
    .action((file: string, words: ImportWords) => importFile(session, file, words));
  disk
    .command('export')
    .description('make a disk image of a container that does not run')
    .argument('<ctid>')
    .argument('<file>', 'disk image to make')
    .option('--format <format>', FORMATS.join(', '), 'raw')
    .option('--size <size>', 'size of the file system; default: what is in it, and a quarter more')
    .option('--partitioned [table]', 'with a partition table, mbr or gpt; default: none')
    .action((id: string, file: string, words: ExportWords) => exportFile(session, id, file, words));
};

async function importFile(session: Session, file: string, words: ImportWords): Promise<void> {
  const { template, root, force } = words;
  const host = await session.host();
  const made = await host.importDisk(file, {
    template,
    root,
    force,
    maxSize: sizeOf('--max-size', words.maxSize),
    report: reporter(session),
    signal: session.interruptible(),
  });
  const from = [made.format, made.table === 'none' ? undefined : made.table, `volume ${made.root}`];
  await session.say(`Found ${made.system || 'a system'} (${from.filter(Boolean).join(', ')})`);
  for (const path of made.leftOut) await session.say(`Left out ${path.replace(/\p{C}/gu, '?')}`);
  await session.say(`Template ${template} was made`);
}

async function exportFile(session: Session, id: string, file: string, words: ExportWords): Promise<void> {
  const { format, partitioned } = words;
  if (!isFormat(format))
    throw new CellaError('BAD_VALUE', `--format: '${format.slice(0, 64)}' is not a format`);
  const table = partitioned === true ? 'gpt' : partitioned;
  if (table !== undefined && table !== 'gpt' && table !== 'mbr')
    throw new CellaError('BAD_VALUE', `--partitioned: '${table.slice(0, 64)}' is neither mbr nor gpt`);
  const container = await session.container(id);
  const { size } = await container.exportDisk(file, {
    format,
    partitioned: table,
    size: sizeOf('--size', words.size),
    report: reporter(session),
    signal: session.interruptible(),
  });
  await session.say(`Disk image ${file} was made, ${Math.ceil(size / 2 ** 20)} MiB`, container.ctid);
}

function isFormat(text: string): text is Format {
  return FORMATS.some((format) => format === text);
}

function sizeOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const size = Number(parseLimit(text, 'bytes').barrier);
  if (Number.isSafeInteger(size) && size > 0) return size;
  throw new CellaError('BAD_VALUE', `${option}: '${text.slice(0, 64)}' is not a size`);
}

const STEPS = {
  convert: 'Converting the disk image',
  search: 'Looking for the root file system',
  copy: 'Copying files',
  make: 'Making the file system',
} as const;

/** A line for each step, and for each quarter of a conversion. */
function reporter(session: Session): DiskReporter {
  let quarter = 0;
  return (event: DiskEvent) => {
    switch (event.type) {
      case 'step':
        quarter = 0;
        return void session.say(STEPS[event.step]);
      case 'warning':
        return void session.io.stderr.write(`Warning: ${event.message}\n`);
      case 'progress':
        if (Math.floor(event.percent / 25) <= quarter) return;
        quarter = Math.floor(event.percent / 25);
        return void session.say(`Converted ${quarter * 25}%`);
    }
  };
}
