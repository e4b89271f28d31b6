/** cella import: containers of OpenVZ's. */
import { type FileHandle, open } from 'node:fs/promises';
import { ctidIn, type Imported } from '../../container/import.js';
import { CellaError, isErrno } from '../../errors.js';
import type { Register, Session } from '../session.js';
import { printable } from '../table.js';

interface Words {
  readonly ctid?: string;
  readonly localUid?: string;
  readonly dryRun?: true;
  readonly json?: true;
}

export const registerImport: Register = (program, session) => {
  program
    .command('import')
    .description('make a container of a config of OpenVZ, and tell what became of each setting')
    .argument('<config>', 'CTID.conf')
    .argument('[archive]', 'of its private area: a tarball, a vzdump; default: its template makes it')
    .option('--ctid <ctid>', 'its id here; default: that in the name of the config')
    .option('--local_uid, --local-uid <id>', 'first user id of its own; 0: privileged; default: allocated')
    .option('--dry-run', 'only tell')
    .option('-j, --json', 'for programs')
    .action(async (file: string, archive: string | undefined, words: Words) => {
      const text = await readConfig(file);
      const container = await session.container(words.ctid ?? idOf(file));
      const imported = await container.importFrom(text, {
        archive,
        localUid: uidOf(words.localUid),
        dryRun: words.dryRun ?? false,
        signal: session.interruptible(),
      });
      await tell(imported, words, session);
    });
};

async function tell(imported: Imported, { json, dryRun }: Words, session: Session): Promise<void> {
  if (json) session.io.stdout.write(`${JSON.stringify(imported, null, 2)}\n`);
  else session.io.stdout.write(linesOf(imported));
  if (!dryRun && !json) await session.say(`Container ${imported.ctid} was imported`, imported.ctid);
}

function linesOf({ used, ignored, changed }: Imported): string {
  const shown = (value: string | null): string => (value === null ? 'nothing' : `"${value}"`);
  const lines = [
    ...used.map(({ key, value }) => `used     ${key}="${value}"`),
    ...changed.map(
      ({ key, from, to, reason }) => `changed  ${key}: ${shown(from)} → ${shown(to)}: ${reason}`,
    ),
    ...ignored.map(({ key, value, reason }) => `ignored  ${key}="${value}": ${reason}`),
  ];
  return lines.map((line) => `${printable(line)}\n`).join('');
}

function idOf(file: string): string {
  const ctid = ctidIn(file);
  if (ctid !== undefined) return String(ctid);
  throw new CellaError('MISSING_ARGUMENT', `the name of '${file}' tells no container id`, {
    hint: 'Say by --ctid which one it is to have.',
  });
}

const LONGEST = 1 << 20;

/** As long as a config may be; never of a device. */
async function readConfig(file: string): Promise<string> {
  let handle: FileHandle;
  try {
    handle = await open(file, 'r');
  } catch (cause) {
    if (!isErrno(cause, 'ENOENT', 'ENOTDIR', 'EACCES')) throw cause;
    throw new CellaError('NO_CONFIG', `config '${file}' cannot be read: ${cause.code}`, { cause });
  }
  await using _handle = handle;
  const stats = await handle.stat();
  if (!stats.isFile() || stats.size > LONGEST)
    throw new CellaError('BAD_VALUE', `'${file}' is no config: it is not a file of at most 1 MiB`);
  return await handle.readFile('utf8');
}

function uidOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new CellaError('BAD_VALUE', `--local_uid: '${text.slice(0, 64)}' is not a user id`);
}
