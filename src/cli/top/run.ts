/** Shows what containers use, again and again: on a terminal, or as lines. */
import { InvalidArgumentError } from 'commander';
import { CellaError } from '../../errors.js';
import type { Session } from '../session.js';
import { table } from '../table.js';
import { Alarm } from './alarm.js';
import { type Mode, typed } from './keys.js';
import { type Looks, rowsOf, type Sort, sortRows, type TopRow } from './rows.js';
import { type COLUMNS, ENTER, frameOf, LEAVE, linesOf } from './screen.js';

export interface TopOptions {
  readonly delay: number;
  readonly iterations?: number;
  readonly sort: Sort;
  readonly all?: true;
  readonly json?: true;
}

export function parseDelay(text: string): number {
  const seconds = Number(text);
  if (/^\d*\.?\d+$/.test(text) && seconds >= 0.1 && seconds <= 3600) return seconds;
  throw new InvalidArgumentError('It is 0.1 to 3600 seconds.');
}

export function parseCount(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is a number from 1 on.');
}

type Columns = typeof COLUMNS;
type Look = () => Promise<Looks>;

export async function lookerAt(ids: readonly string[], session: Session): Promise<Look> {
  const host = await session.host();
  const wanted = new Set(ids.map((id) => host.container(id).ctid as number));
  return async () => (await host.usage()).filter(({ ctid }) => wanted.size === 0 || wanted.has(ctid));
}

function shown(rows: readonly TopRow[], { all, sort, reverse }: Pick<Mode, 'all' | 'sort' | 'reverse'>) {
  const some = all ? rows : rows.filter(({ status }) => status === 'running');
  return sortRows(some, sort, reverse);
}

/** Until it is interrupted, nobody reads any more, or there were enough. */
export async function printTop(
  look: Look,
  options: TopOptions,
  columns: Columns,
  { io, ...session }: Session,
): Promise<void> {
  const { delay, iterations = Number.POSITIVE_INFINITY, sort, all = false, json = false } = options;
  const alarm = new Alarm(session.interruptible());
  let isRead = true;
  io.stdout.once('error', () => {
    isRead = false;
    alarm.ring();
  });
  let before = await look();
  for (let i = 0; i < iterations; i += 1) {
    await alarm.wait(delay * 1000);
    if (!isRead) return;
    const now = await look();
    const rows = shown(rowsOf(before, now), { all, sort, reverse: false });
    before = now;
    const time = new Date().toISOString();
    if (json) io.stdout.write(`${JSON.stringify({ time, containers: rows })}\n`);
    else io.stdout.write(`${time}\n${table(rows, columns, { header: true })}\n`);
  }
}

/** The first time soon: rates need two looks. */
const FIRST_MS = 250;

export async function showTop(
  look: Look,
  options: TopOptions,
  columns: Columns,
  { io, ...session }: Session,
): Promise<void> {
  const { terminal } = io;
  if (!terminal || io.columns() === undefined)
    throw new CellaError('BAD_OPTION', 'standard input and output are no terminal', {
      hint: 'Use --batch or --json.',
    });
  let mode: Mode = { sort: options.sort, reverse: false, all: options.all ?? false, over: false };
  const alarm = new Alarm(session.interruptible());
  const onKeys = (data: Buffer): void => {
    mode = typed(mode, data.toString());
    alarm.ring();
  };
  const end = (): void => onKeys(Buffer.from('q'));
  const stopResizing = io.onSignal(['SIGWINCH'], () => alarm.ring());
  io.stdin.on('data', onKeys).once('end', end);
  io.stdout.once('error', end);
  terminal.setRaw(true);
  io.stdout.write(ENTER);
  try {
    let before = await look();
    let rows = rowsOf([], before);
    let left = options.iterations ?? Number.POSITIVE_INFINITY;
    let due = performance.now() + Math.min(FIRST_MS, options.delay * 1000);
    while (left > 0) {
      await alarm.wait(due - performance.now());
      if (mode.over) return;
      if (performance.now() >= due) {
        const now = await look();
        rows = rowsOf(before, now);
        [before, due, left] = [now, performance.now() + options.delay * 1000, left - 1];
      }
      const view = {
        rows: shown(rows, mode),
        columns,
        sort: mode.sort,
        size: terminal.size(),
        time: clock(),
      };
      io.stdout.write(frameOf(linesOf(view)));
    }
  } finally {
    io.stdout.write(LEAVE);
    terminal.setRaw(false);
    io.stdin.off('data', onKeys).pause();
    stopResizing();
  }
}

function clock(): string {
  return new Date().toTimeString().slice(0, 8);
}
