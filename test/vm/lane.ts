/** Runs the suites in guests: fresh ones for the whole lane, the kept one for single files. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { ended, Guest } from './guest.js';
import { provideImage } from './image.js';
import { keptGuest } from './kept.js';
import { cacheDirectory, REPOSITORY } from './places.js';
import { Problem } from './problem.js';
import { GUEST_NODE, makeProjectDisk, SOURCES } from './project-disk.js';
import { Told } from './told.js';

/** What a test may need and this lane must have: a skip for want of it is a failure. */
const OFFERS = [
  'cgroup-v2',
  'systemd',
  'criu',
  'soft-dirty',
  'project-quota',
  'xfs-quota',
  'user-quota',
  'device-mapper',
  'bridge-vlans',
  'sys-resource',
  'btrfs',
  'debian-node',
  'lxcfs',
];

export interface LaneOptions {
  readonly all?: true;
  readonly rebuild?: true;
  readonly hosts: number;
  /** That share the suites. */
  readonly guests: number;
  /** Minutes. */
  readonly limit: number;
}

/** Returns the exit status. */
export async function runLane(files: readonly string[], options: LaneOptions): Promise<number> {
  const image = await provideImage({ rebuild: options.rebuild ?? false });
  if (files.length > 0 && options.hosts === 1) {
    const guest = await keptGuest(image);
    await refresh(guest);
    return await runSuites(guest, `vitest run ${files.map(quote).join(' ')}`, options);
  }
  const directory = openRun();
  const guests: Guest[] = [];
  try {
    const projectDisk = await makeProjectDisk(directory);
    const pair = options.hosts === 2;
    const numbers = pair || options.guests === 2 ? ([1, 2] as const) : ([1] as const);
    const boot = (number: 1 | 2): Promise<Guest> =>
      Guest.boot({
        number,
        image,
        projectDisk,
        directory,
        life: 'tied',
        pair,
        kernelArguments: extraArguments(),
      });
    guests.push(...(await Promise.all(numbers.map(boot))));
    const [first] = guests as [Guest];
    if (pair) return await runSuites(first, suitesOfTwo(files), options);
    return await shareSuites(guests, suitesOfOne(options.all ?? false), options);
  } finally {
    for (const guest of guests) await guest.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A directory of this run's own; those of runs that were killed go. */
function openRun(): string {
  const runs = `${cacheDirectory()}/runs`;
  mkdirSync(runs, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(runs))
    if (!existsSync(`/proc/${name.split('-')[0]}`))
      rmSync(`${runs}/${name}`, { recursive: true, force: true });
  return mkdtempSync(`${runs}/${process.pid}-`);
}

/** For the tests of the lane itself. */
function extraArguments(): string {
  return process.env.CELLA_VM_KERNEL_ARGUMENTS ?? '';
}

function suitesOfOne(all: boolean): string {
  const projects = [...(all ? ['unit'] : []), 'contract', 'native', 'e2e'];
  return `vitest run ${projects.map((name) => `--project ${name}`).join(' ')}${all ? '' : " --tags-filter='!slow'"}`;
}

function suitesOfTwo(files: readonly string[]): string {
  return `vitest run --project hosts --project hosts-end ${files.map(quote).join(' ')}`;
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** The guest that is kept has the project as it was when it booted. */
async function refresh(guest: Guest): Promise<void> {
  const unpack = guest.ssh(
    'cd /srv/cella && find . -mindepth 1 -maxdepth 1 ! -name node_modules ! -name .node ! -name .templates ! -name lost+found -exec rm -rf {} + && tar -x',
    { stdin: 'pipe' },
  );
  const pack = spawn('sh', ['-euc', SOURCES], { cwd: REPOSITORY, stdio: ['ignore', 'pipe', 'inherit'] });
  if (unpack.stdin) pack.stdout.pipe(unpack.stdin);
  const { code } = await ended(unpack);
  if (code !== 0) throw new Problem(`the project could not be copied into ${guest.name}`);
}

/** Each guest has a part of the files; the first one that ends badly ends all. */
async function shareSuites(guests: readonly Guest[], suites: string, options: LaneOptions): Promise<number> {
  if (guests.length === 1) return await runSuites(guests[0] as Guest, suites, options);
  const told = new Told((line) => console.log(line));
  const codes = await Promise.all(
    guests.map((guest, at) =>
      runSuites(guest, `${suites} --shard=${at + 1}/${guests.length}`, options, told),
    ),
  );
  told.close();
  return Math.max(...codes);
}

/** Streams what the suites print; their last line is the guest's own count. */
async function runSuites(guest: Guest, suites: string, options: LaneOptions, told?: Told): Promise<number> {
  const needs = options.hosts === 2 ? [...OFFERS, 'two-hosts'] : OFFERS;
  const environment = [
    'CELLA_LANE=vm',
    `CELLA_TEST_REQUIRE=${needs.join(',')}`,
    ...(options.hosts === 2 ? ['CELLA_TEST_PEER=vm2'] : []),
    // /tmp is a tmpfs on Debian 13; containers are kept on disk.
    'TMPDIR=/var/tmp',
    ...(process.env.CI ? ['CI=true'] : []),
    ...(process.stdout.isTTY ? ['FORCE_COLOR=1'] : ['NO_COLOR=1']),
  ];
  const node = GUEST_NODE;
  const command = suites.replace('vitest', `node_modules/vitest/vitest.mjs`);
  const tests = guest.ssh(`cd /srv/cella && exec env ${environment.join(' ')} "${node}" ${command}`, {
    stdout: told ? 'pipe' : 'inherit',
  });
  const following = tests.stdout && told?.follow(tests.stdout);
  let late = false;
  const limit = setTimeout(() => {
    late = true;
    tests.kill('SIGKILL');
  }, options.limit * 60_000);
  const { code } = await Promise.race([ended(tests), guest.end().then(() => ({ code: null }))]);
  clearTimeout(limit);
  if (code !== null) await following;
  if (late) throw new Problem(`the suites did not end within ${options.limit} minutes${guest.lastLines()}`);
  // 255 is ssh's own failure: the connection broke.
  if (code === null || code === 255) {
    tests.kill('SIGKILL');
    throw new Problem(`${guest.name} ended, or hangs, in the middle of the suites${guest.lastLines()}`);
  }
  return code;
}
