/** A container that does its worst: it meets its own limits, and its neighbour is served all the while. */
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { openHost } from '../../dist/index.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ clear: [101, 102] });

const HOG = ['--ram', '48M', '--swap', '0', '--numproc', '60', '--diskspace', '64M'];
/** Runs a program and writes to the disk for each line. */
const SERVER =
  'while read -r line; do echo "$line" >/root/last; md5sum /etc/passwd >/dev/null; cat /root/last; done';

/** `evidence`: exits with 0 once the hog has met its limit. */
const HOGS = {
  processes: { hog: 'f() { while :; do (sleep 1; :) & done; }; f' },
  memory: { hog: 'while :; do tail /dev/zero; done' },
  'disk space': {
    hog: 'while :; do dd if=/dev/zero of=/root/large bs=1M || { touch /run/met; rm /root/large; }; done',
    evidence: 'test -e /run/met',
  },
  files: {
    hog: 'mkdir /root/d; i=0; while :; do i=$((i + 1)); : >/root/d/$i || { touch /run/met; sleep 1; rm -r /root/d/*; }; done',
    evidence: 'test -e /run/met || test $(ls /root/d | wc -l) -gt 3000',
  },
  processors: { hog: 'for i in 1 2 3 4 5 6 7 8; do (while :; do :; done) & done; wait', evidence: 'true' },
  console: { hog: 'while :; do echo "a line of no use" >/dev/console; done', evidence: 'true' },
} as const;

async function failures(ctid: number, resource: string): Promise<number> {
  const found = (await (await openHost({ rootDir: sandbox.rootDir })).beancounters()).find(
    (each) => each.ctid === ctid,
  );
  return Number(found?.resources.find((each) => each.resource === resource)?.counted?.failcnt ?? 0);
}

/** Has something run in a container while `work` goes on; both end with the container. */
async function start(ctid: number, script: string) {
  return (await openHost({ rootDir: sandbox.rootDir })).container(ctid).exec(['sh', '-c', script]);
}

async function hasMetItsLimit(what: keyof typeof HOGS): Promise<boolean> {
  if (what === 'processes') return (await failures(102, 'numproc')) > 0;
  if (what === 'memory') return (await failures(102, 'oomguarpages')) > 0;
  return (await sandbox.vzctl(['exec2', '102', HOGS[what].evidence])).code === 0;
}

const takes = async (what: keyof typeof HOGS): Promise<void> => {
  await sandbox.create(101, '--ram', '64M', '--diskspace', '64M');
  await sandbox.create(102, ...HOG);
  for (const ctid of ['101', '102']) await sandbox.good('start', ctid, '--wait');
  const server = await start(101, SERVER);
  const answers = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  await start(102, `${HOGS[what].hog} 2>/dev/null`);
  await expect.poll(() => hasMetItsLimit(what), { timeout: 120_000, interval: 300 }).toBe(true);
  for (let i = 0; i < 30; i += 1) {
    server.stdin.write(`request ${i}\n`);
    expect((await answers.next()).value).toBe(`request ${i}`);
  }
  // What it was refused, nobody else was.
  for (const resource of ['numproc', 'oomguarpages']) expect(await failures(101, resource)).toBe(0);
  expect(await sandbox.vzctl(['exec2', '101', 'dd if=/dev/zero of=/root/own bs=1M count=20'])).toMatchObject({
    code: 0,
  });
  expect(await sandbox.vzctl(['stop', '102', '--fast'])).toMatchObject({ code: 0 });
};

it.each(['processes', 'memory'] as const)('takes all %s it can get', takes);
it.each(['disk space', 'files', 'processors', 'console'] as const)(
  'takes all %s it can get',
  { tags: ['slow'] },
  takes,
);
