/** /proc/user_beancounters of OpenVZ's kernel, version 2.5: written for programs that read it, and read. Pure. */
import { COUNTERS, type CounterName } from '../../config/listed-settings.js';
import type { Beancounter, Beancounters } from '../../container/beancounters.js';
import { CellaError } from '../../errors.js';

/** What rows are called there in which nothing is counted any more. */
const DUMMY = 'dummy';
const ROWS: readonly (CounterName | typeof DUMMY)[] = COUNTERS.flatMap((name) => {
  if (name === 'shmpages') return [name, DUMMY];
  if (name === 'numiptent') return [DUMMY, DUMMY, DUMMY, name];
  // Of a later kernel, which does not show it there.
  return name === 'swappages' ? [] : [name];
});

/** What is not counted is five zeros, as `dummy` is. */
export function formatBeancounters(all: readonly Beancounters[]): string {
  const row = (uid: string, name: string, values: readonly (string | number | bigint)[]): string =>
    `${uid.padStart(10)}  ${name.padEnd(12)} ${values.map((value) => String(value).padStart(20)).join(' ')}\n`;
  const rows = all.flatMap(({ ctid, resources }) =>
    ROWS.map((name, at) => {
      const found = resources.find(({ resource }) => resource === name);
      return row(at === 0 ? `${ctid}:` : '', name, valuesOf(found));
    }),
  );
  const head = row('uid', 'resource', ['held', 'maxheld', 'barrier', 'limit', 'failcnt']);
  return ['Version: 2.5\n', head, ...rows].join('');
}

function valuesOf(found: Beancounter | undefined): readonly (number | bigint)[] {
  if (!found?.counted) return [0, 0, 0, 0, 0];
  const { counted, barrier, limit } = found;
  return [counted.held, counted.maxheld, barrier, limit, counted.failcnt];
}

const ROW = /^\s*(?:(\d{1,10}):)?\s*([a-z]+)((?:\s+\d{1,20}){5})\s*$/;

/** Fails with BAD_VALUE where `text`, of the file `name`, is no such file. */
export function parseBeancounters(text: string, name: string): readonly Beancounters[] {
  const found: { ctid: number; resources: Beancounter[] }[] = [];
  const [version = '', head = '', ...lines] = text.split('\n');
  if (!/^Version: 2\.\d+$/.test(version) || !/^\s*uid\s+resource\s/.test(head))
    throw new CellaError('BAD_VALUE', `'${name}' is not of the form of /proc/user_beancounters`);
  for (const [at, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const [, uid, resource = '', values = ''] = ROW.exec(line) ?? [];
    if (uid !== undefined) found.push({ ctid: Number(uid), resources: [] });
    const current = found.at(-1);
    if (!current || resource === '')
      throw new CellaError('BAD_VALUE', `'${name}': line ${at + 3} is no beancounter`);
    const known = COUNTERS.find((counter) => counter === resource);
    if (known) current.resources.push(parseValues(known, values.trim().split(/\s+/)));
  }
  return found;
}

function parseValues(resource: CounterName, words: readonly string[]): Beancounter {
  const [held = 0n, maxheld = 0n, barrier = 0n, limit = 0n, failcnt = 0n] = words.map(BigInt);
  const isCounted = limit > 0n || held > 0n || failcnt > 0n;
  const counted = { held: Number(held), maxheld: Number(maxheld), failcnt: Number(failcnt) };
  return { resource, counted: isCounted ? counted : null, barrier, limit };
}
