/** vzubc, vzctl ubc: what containers hold of what is limited, and where that was not enough. */
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import type { Beancounters } from '../../container/beancounters.js';
import { CellaError, isErrno } from '../../errors.js';
import type { Register, Session } from '../session.js';
import { literal } from '../table.js';
import { Alarm } from '../top/alarm.js';
import { formatBeancounters, parseBeancounters } from '../ubc/proc-file.js';
import { SeenCounters } from '../ubc/seen.js';
import { ubcTables } from '../ubc/table.js';

interface UbcOptions {
  readonly near?: true;
  readonly qheld: number;
  readonly qmaxheld: number;
  readonly exact?: true;
  readonly color?: true;
  readonly relative?: true;
  readonly reldir?: string;
  readonly relclear?: true;
  readonly incremental?: true;
  readonly incdir?: string;
  readonly incclear?: true;
  readonly watch?: true;
  readonly winterval: number;
  readonly wtitle: boolean;
  readonly file?: string;
  readonly raw?: true;
  readonly json?: true;
}

export const registerUbc: Register = (program, session) => addUbc(program.command('ubc'), session);

const HELP = `
HELD is what there is now, MAXH the most there was; BAR and LIM are its limits, Bar% and Lim% parts of them, and FAIL
how often more was refused. "-" is nothing, or no limit; "n/c" is what Linux does not count for a container.`;

/** Makes `command` one that shows beancounters. */
export function addUbc(command: Command, session: Session): void {
  command
    .description('what containers hold of what is limited, and where that was not enough')
    .argument('[ctid...]')
    .option('-q, --near', 'only what has failed, or comes near its limit')
    .option('--qheld <part>', 'near: so much of it is held (-qh)', parsePart, 0.5)
    .option('--qmaxheld <part>', 'near: so much of it was held (-qm)', parsePart, 0.8)
    .option('-v, --exact', 'whole numbers, in units of their own')
    .option('-c, --color', 'what comes near its limit in red')
    .option('-r, --relative', 'failures since the last time only')
    .option('--reldir <directory>', 'where it is noted down what they were (-rd)')
    .option('--relclear', 'forget what they were (-rc)')
    .option('-i, --incremental', 'as HELD, what there is more than the last time')
    .option('--incdir <directory>', 'where it is noted down what there was (-id)')
    .option('--incclear', 'forget what there was (-ic)')
    .option('-w, --watch', 'again and again, until it is interrupted')
    .option('--winterval <seconds>', 'between two looks (-wn)', parseInterval, 1)
    .option('--no-wtitle', 'without the time of each look (-wt)')
    .option('-f, --file <file>', 'of a file of the form of /proc/user_beancounters')
    .option('--raw', 'in the form of /proc/user_beancounters')
    .option('-j, --json', 'as JSON')
    .addHelpText('after', HELP)
    .action(async (ids: readonly string[], options: UbcOptions) => {
      const look = lookerAt(ids, options, session);
      if (options.watch) await watch(look, options, session);
      else session.io.stdout.write(shown(await look(), options));
    });
}

/** OpenVZ's options of two letters, which are those of one letter with a value to everybody else. */
const LONG: Readonly<Record<string, string>> = {
  '-qh': '--qheld',
  '-qm': '--qmaxheld',
  '-rd': '--reldir',
  '-rc': '--relclear',
  '-id': '--incdir',
  '-ic': '--incclear',
  '-wn': '--winterval',
  '-wt': '--no-wtitle',
  // Differences are in colour.
  '-wd': '--color',
};
export const spellOut = (words: readonly string[]): readonly string[] =>
  words.map((word) => (Object.hasOwn(LONG, word) ? (LONG[word] ?? word) : word));

function parsePart(text: string): number {
  if (/^(?:0?\.\d+|[01](?:\.\d*)?)$/.test(text) && Number(text) <= 1) return Number(text);
  throw new InvalidArgumentError('It is a part of one, such as 0.8.');
}

function parseInterval(text: string): number {
  if (/^\d{1,4}(?:\.\d+)?$/.test(text) && Number(text) >= 0.1) return Number(text);
  throw new InvalidArgumentError('It is a number of seconds, from 0.1 on.');
}

type Look = () => Promise<readonly Beancounters[]>;

function lookerAt(ids: readonly string[], options: UbcOptions, session: Session): Look {
  const { relative, reldir, relclear, incremental, incdir, incclear, file } = options;
  const root = session.rootDir() ?? '';
  const failures = new SeenCounters(reldir ?? `${root}/run/vz/ubc-failures`);
  const held = new SeenCounters(incdir ?? `${root}/run/vz/ubc-held`);
  if (relclear) failures.forget();
  if (incclear) held.forget();
  return async () => {
    let all = file === undefined ? await running(ids, session) : await ofFile(file, ids, session);
    if (relative) all = failures.since(all, { failures: true });
    if (incremental) all = held.since(all, { held: true });
    return all;
  };
}

/** Of those that were named, whether they run or not, else of all that run. */
async function running(ids: readonly string[], session: Session): Promise<readonly Beancounters[]> {
  const host = await session.host();
  if (ids.length === 0) return host.beancounters();
  const wanted = ids.map((id) => host.container(id));
  const all = await host.beancounters({ ctids: new Set(wanted.map(({ ctid }) => ctid)) });
  for (const container of wanted)
    if (!all.some(({ ctid }) => ctid === container.ctid)) await complain(container);
  return all;
}

async function complain(container: Awaited<ReturnType<Session['container']>>): Promise<never> {
  const { ctid } = container;
  if ((await container.status()).exists)
    throw new CellaError('NOT_RUNNING', `container ${ctid} is not running`);
  throw new CellaError('NO_CONFIG', `container ${ctid} does not exist`);
}

async function ofFile(
  file: string,
  ids: readonly string[],
  session: Session,
): Promise<readonly Beancounters[]> {
  const text = readFile(file);
  const host = ids.length > 0 ? await session.host() : undefined;
  const wanted = new Set(ids.map((id) => host?.container(id).ctid as number));
  return parseBeancounters(text, file).filter(({ ctid }) => wanted.size === 0 || wanted.has(ctid));
}

function readFile(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (cause) {
    if (!isErrno(cause, 'ENOENT', 'ENOTDIR', 'EISDIR', 'EACCES')) throw cause;
    throw new CellaError('BAD_VALUE', `cannot read '${path}': ${cause.message}`, { cause });
  }
}

function shown(all: readonly Beancounters[], options: UbcOptions): string {
  if (options.raw) return formatBeancounters(all);
  if (options.json) return `${literal(all)}\n`;
  const near = options.near ? { held: options.qheld, maxheld: options.qmaxheld } : undefined;
  return ubcTables(all, { near, exact: options.exact, color: options.color });
}

const CLEAR = '\x1b[H\x1b[2J';

/** Until it is interrupted, or nobody reads any more. */
async function watch(look: Look, options: UbcOptions, session: Session): Promise<void> {
  const { io } = session;
  const alarm = new Alarm(session.interruptible());
  let isRead = true;
  io.stdout.once('error', () => {
    isRead = false;
    alarm.ring();
  });
  while (isRead) {
    const text = shown(await look(), options);
    const title = options.wtitle ? `${new Date().toISOString()}\n` : '';
    io.stdout.write(`${io.columns() === undefined ? '' : CLEAR}${title}${text}`);
    await alarm.wait(options.winterval * 1000);
  }
}
