/** vzps, vzctl ps: ps of the host, with the container of each process in front. */
import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Command } from 'commander';
import { CellaError } from '../../errors.js';
import { type Listing, readListing, selects } from '../ps-listing.js';
import type { Register, Session } from '../session.js';
import { printable } from '../table.js';

export const registerPs: Register = (program, session) => addPs(program.command('ps'), session);

/** Makes `command` one that lists processes. */
export function addPs(command: Command, session: Session): void {
  command
    .description('ps(1) with the container of each process; 0: the host itself')
    .argument('[options of ps...]', 'as ps takes them; all processes unless they select some')
    .option('-E, --env <ctids>', 'only those of these containers, separated by commas; 0: of the host')
    .helpOption('--help')
    .allowUnknownOption()
    .action(async (_: readonly string[], { env }: { env?: string }, { args }: Command) => {
      const wanted = env === undefined ? undefined : await containersOf(env, session);
      const words = selects(args) ? args : ['-e', ...args];
      session.io.stdout.write(await listProcesses(words, wanted, session));
    });
}

async function containersOf(words: string, session: Session): Promise<ReadonlySet<number>> {
  const host = await session.host();
  return new Set(words.split(',').map((word) => (word === '0' ? 0 : host.container(word).ctid)));
}

const WIDTH = 10;

async function listProcesses(
  words: readonly string[],
  wanted: ReadonlySet<number> | undefined,
  session: Session,
): Promise<string> {
  const { header, rows } = await list(words, session);
  const host = await session.host();
  const pids = [...new Set(rows.flatMap(({ pid }) => pid ?? []))];
  const places = new Map((await host.locate(pids)).map(({ pid, ctid }) => [pid, ctid]));
  const lines = rows.flatMap(({ pid, text }) => {
    const ctid = pid === undefined ? undefined : places.get(pid);
    if (wanted && (ctid === undefined || !wanted.has(ctid))) return [];
    return line(ctid === undefined ? '-' : String(ctid), text);
  });
  return [line('CTID', header), ...lines].join('');
}

function line(ctid: string, text: string): string {
  return `${ctid.padStart(WIDTH)} ${printable(text)}\n`;
}

/** As the options have it, if that tells the pids of processes surely; else with a column of pids before it. */
async function list(words: readonly string[], session: Session): Promise<Listing> {
  const plain = readListing(await ps(words, session));
  if (plain) return plain;
  const listing = readListing(await ps(['-o', 'pid=PID', ...words], session).catch(() => ''));
  if (listing) return { ...listing, ...withoutPids(listing) };
  throw new CellaError('BAD_OPTION', 'ps does not tell which line is of which process', {
    hint: 'Leave out options that take its header away, or that put other columns before the pid.',
  });
}

/** The column was only ours. */
function withoutPids({ header, rows }: Listing): Listing {
  const start = header.indexOf('PID') + 'PID'.length + 1;
  return {
    header: header.slice(start),
    rows: rows.map(({ pid, text }) => ({ pid, text: text.slice(start) })),
  };
}

/** All that it writes, however long the lines are that a container makes it write. */
async function ps(words: readonly string[], { io }: Session): Promise<string> {
  const columns = io.columns();
  const width = columns === undefined ? {} : { COLUMNS: String(Math.max(20, columns - WIDTH - 1)) };
  const child = spawn('ps', words, { env: { ...io.env, ...width }, stdio: ['ignore', 'pipe', 'pipe'] });
  const failed = new Promise<Error | undefined>((resolve) => {
    child.on('error', resolve).on('close', () => resolve(undefined));
  });
  const [output, errors] = await Promise.all([textOf(child.stdout), textOf(child.stderr)]);
  const cause = await failed;
  if (cause) throw new CellaError('SYSTEM', 'ps cannot be run', { cause, hint: 'Install procps.' });
  // Its exit status is 1 when it has found nothing, too.
  const complaint = /^error: .*/m.exec(errors)?.[0];
  if (output === '' && complaint !== undefined)
    throw new CellaError('BAD_OPTION', complaint.replace('error', 'ps'), { hint: 'See ps(1).' });
  return output;
}

async function textOf(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
