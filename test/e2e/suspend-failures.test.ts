/** What becomes of a container whose CRIU fails in the middle of a dump: it goes on, with its network. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { findCriu } from '../../src/host/criu/find.js';
import { useNetworks } from '../helpers/networks.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ needs: ['criu'] });
const networks = useNetworks(sandbox, 101);

const SOON = { timeout: 60_000, interval: 2 };
const LATER = { timeout: 60_000 };
const dump = () => `${sandbox.rootDir}/var/lib/vz/dump/Dump.101`;
const record = () => JSON.parse(readFileSync(`${sandbox.rootDir}/run/vz/101.json`, 'utf8'));

/**
 * It counts, has much memory, answers, and waits for what a connection brings: by poll(2), as servers do. Nothing depends on
 * a long sleep, which a dump may cut short (EINTR).
 */
const BUSY = `(x=$(head -c 40000000 /dev/zero | tr '\\0' x); i=0; while :; do i=$((i + 1)); echo $i >/run/count; sleep 0.05; done) \\
  </dev/null >/dev/null 2>&1 &
  (nc -ll -p 7000 -e cat </dev/null >/dev/null 2>&1 &); (tail -f /dev/null | nc -l -p 7001 >/run/got 2>/dev/null &); sleep 0.5`;

/** The host's CRIU, whose process is to be found once it is asked to do something. */
async function watchedCriu(): Promise<{ readonly program: string; pid(): number | undefined }> {
  const program = `${sandbox.rootDir}/criu`;
  const real = (await findCriu()).program;
  // The first time it is asked for its version.
  const script = `[ -e "$0.asked" ] && echo $$ >"$0.pid"; : >"$0.asked"; exec '${real}' "$@"`;
  writeFileSync(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return {
    program,
    pid: () =>
      existsSync(`${program}.pid`) ? Number(readFileSync(`${program}.pid`, 'utf8')) || undefined : undefined,
  };
}

/** Bytes of memory that are written by now. */
function written(): number {
  const images = `${dump()}.new/images`;
  if (!existsSync(images)) return 0;
  return readdirSync(images)
    .filter((name) => name.startsWith('pages-'))
    .reduce((sum, name) => sum + statSync(`${images}/${name}`).size, 0);
}

it.each([
  ['is killed', 'SIGKILL', 'criu ended without an answer'],
  ['hangs', 'SIGSTOP', 'criu did nothing for 3 seconds, and was killed'],
] as const)('a CRIU that %s in the middle of a dump', { timeout: 300_000 }, async (_, signal, why) => {
  await networks.start(101, '--layout', 'overlay:directory', '--ipadd', '192.0.2.10');
  await networks.inside(101, BUSY);
  await expect.poll(() => networks.inside(101, 'cat /run/count 2>/dev/null'), LATER).not.toBe('');
  const peer = networks.wan.spawn('busybox', 'nc', '192.0.2.10', '7001');
  const got = () => networks.inside(101, 'cat /run/got');
  peer.stdin?.write('before\n');
  await expect.poll(got, LATER).toBe('before');
  const { program, pid } = await watchedCriu();
  const suspended = networks.command('vzctl', ['suspend', '101'], {
    CELLA_CRIU: program,
    CELLA_CRIU_PATIENCE: '3',
  });
  await expect.poll(written, SOON).toBeGreaterThan(1_000_000);
  process.kill(pid() ?? 0, signal);
  expect(await suspended).toMatchObject({
    code: 16,
    stderr: `container 101 goes on, it cannot be suspended: ${why}\n`,
  });
  const seen = () => readFileSync(`/proc/${record().init.pid}/root/run/count`, 'utf8');
  const before = seen();
  await expect.poll(seen, LATER).not.toBe(before);
  expect(await networks.inside(101, 'echo alive')).toBe('alive');
  expect(await networks.wan.reaches('192.0.2.10')).toBe(true);
  expect(await networks.wan.run('echo hello | busybox nc -w 2 192.0.2.10 7000')).toBe('hello');
  peer.stdin?.write('after\n');
  await expect.poll(got, LATER).toBe('before\nafter');
  peer.kill('SIGKILL');
  expect([dump(), `${dump()}.new`].filter(existsSync)).toEqual([]);
  await networks.good('suspend', '101');
  await networks.good('resume', '101');
  expect(await networks.wan.run('echo hello | busybox nc -w 2 192.0.2.10 7000')).toBe('hello');
});
