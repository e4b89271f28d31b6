/** What ps(1) was asked, and what it answered. Pure. */

export interface Row {
  /** Undefined: before any process. */
  readonly pid: number | undefined;
  readonly text: string;
}

export interface Listing {
  readonly header: string;
  readonly rows: readonly Row[];
}

/** Columns that no process fills with words of its own, nor with blanks. */
const PLAIN_COLUMNS: ReadonlySet<string> = new Set([
  ...['F', 'S', 'UID', 'USER', 'RUSER', 'EUSER', 'GID', 'GROUP', 'C', 'PPID', 'PGID', 'PGRP', 'SID', 'SESS'],
  ...[
    'LWP',
    'TID',
    'SPID',
    'NLWP',
    'STAT',
    'NI',
    'PRI',
    'RTPRIO',
    'CLS',
    'PSR',
    '%CPU',
    '%MEM',
    'VSZ',
    'RSS',
  ],
]);

/** Undefined where the header does not say surely which word of a line is the pid. */
export function readListing(text: string): Listing | undefined {
  const [header = '', ...lines] = text.split('\n');
  const titles = wordsOf(header);
  const column = titles.indexOf('PID');
  if (column < 0 || !titles.slice(0, column).every((title) => PLAIN_COLUMNS.has(title))) return undefined;
  let pid: number | undefined;
  const rows = lines
    .filter((line) => line !== '' && line !== header)
    .map((line) => {
      const word = wordsOf(line)[column] ?? '';
      // Lines of threads have "-" there, and follow that of their process.
      if (/^\d+$/.test(word)) pid = Number(word);
      return { pid, text: line };
    });
  return { header, rows };
}

function wordsOf(line: string): readonly string[] {
  return line.split(' ').filter(Boolean);
}

const SELECTING = {
  long: /^--(pid|ppid|quick-pid|sid|tty|user|User|group|Group|deselect)(=|$)/,
  unix: 'eAadNCGgpqstuU',
  bsd: 'agxpqtUrT',
} as const;

/** Letters that the rest of their word, or the next word, belongs to. */
const TAKING = {
  long: /^--(format|sort|cols|columns|lines|rows|width)$/,
  unix: 'oOkCGgpqstuU',
  bsd: 'oOkpqtUN',
};

/** Whether options of ps say which processes to list. */
export function selects(words: readonly string[]): boolean {
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i] ?? '';
    if (word.startsWith('--')) {
      if (SELECTING.long.test(word)) return true;
      if (TAKING.long.test(word)) i += 1;
      continue;
    }
    if (/^-?\d/.test(word)) return true;
    const kind = word.startsWith('-') ? 'unix' : 'bsd';
    const letters = word.replace(/^-/, '');
    for (const [at, letter] of [...letters].entries()) {
      if (SELECTING[kind].includes(letter)) return true;
      if (!TAKING[kind].includes(letter)) continue;
      if (at === letters.length - 1) i += 1;
      break;
    }
  }
  return false;
}
