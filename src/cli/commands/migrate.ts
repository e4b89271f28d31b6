/** vzmigrate: a container goes to another host; and the other end of it. */
import { type Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { MigrateResult, MigrateStep } from '../../container/migrate.js';
import { CellaError, type ErrorCode, firstCoded } from '../../errors.js';
import type { Ignored } from '../../migrate/messages.js';
import { MIGRATE_MODES, type MigrateMode } from '../../migrate/modes.js';
import { ProgressLine } from '../progress-line.js';
import type { Session } from '../session.js';
import { parseCount } from './split.js';

interface Words {
  readonly online?: true;
  readonly live?: true;
  readonly checkOnly?: true;
  readonly dryRun?: true;
  readonly removeArea: boolean;
  readonly ssh: readonly string[];
  readonly sshCommand?: string;
  readonly remoteCommand?: string;
  readonly nodeps: readonly Ignored[];
  readonly mode?: MigrateMode;
  readonly bwlimit?: number;
  readonly keepDst?: true;
  readonly times?: true;
  readonly verbose?: true;
  readonly json?: true;
  readonly settle?: 'here' | 'there';
  readonly receive?: true;
}

export function addMigrate(program: Command, session: Session): void {
  program
    .description('move a container to another host')
    .argument('[destination]', 'host or user@host, which ssh knows')
    .argument('[ctid]')
    .option(
      '--online',
      'with its processes, which go on there; else one that runs is stopped, and started there',
    )
    .option('--live', 'the same')
    .option('--check-only', 'only look whether it could be moved')
    .option('--dry-run', 'the same')
    .option('-r, --remove-area <yes|no>', 'whether it is removed here afterwards', parseYes, true)
    .option('--ssh <options>', 'options of ssh, as "-p 2222 -i /root/key"', words, [])
    .option('--ssh-command <file>', 'run this in place of ssh')
    .option(
      '--remote-command <command>',
      "how vzmigrate is run there; default: vzmigrate, with this one's --root-dir",
    )
    .option('-f, --nodeps [what]', 'what need not fit there: cpu, kernel, or both', ignored, [])
    .addOption(
      new Option(
        '--mode <how>',
        'its memory goes while it stands still (stop), most of it before that (pre-copy), after it (post-copy), ' +
          'or both (hybrid); auto: as is better',
      ).choices(MIGRATE_MODES),
    )
    .option('--bwlimit <KB>', 'send no more KiB a second', parseCount)
    .option('-t, --times', 'print how long it stood still, and what was sent')
    .option('--json', 'the same as JSON')
    .option('--keep-dst', 'keep there what was sent, where it fails: the next try sends what differs')
    .addOption(
      new Option('--settle <where>', 'say where a container is of which neither host could know').choices([
        'here',
        'there',
      ]),
    )
    .addOption(new Option('--receive', 'take a container from standard input').hideHelp())
    .action((destination: string | undefined, id: string | undefined, given: Words) =>
      act(session, program, { destination, id, given }),
    );
}

interface Asked {
  readonly destination: string | undefined;
  readonly id: string | undefined;
  readonly given: Words;
}

interface Named {
  readonly id: string;
  readonly given: Words;
}

async function act(session: Session, program: Command, { destination, id, given }: Asked): Promise<void> {
  if (given.receive) {
    // Nothing but the two sides' own words goes through here.
    program.setOptionValue('quiet', true);
    return (await session.host()).receive(session.io.stdin, session.io.stdout);
  }
  if (given.settle && destination !== undefined)
    return (await session.container(id ?? destination)).settleMigration(given.settle);
  if (destination === undefined || id === undefined)
    throw new CellaError('MISSING_ARGUMENT', 'a destination and a container are needed');
  await migrate(session, program, destination, { id, given });
}

async function migrate(session: Session, program: Command, to: string, { id, given }: Named): Promise<void> {
  if (given.json) program.setOptionValue('quiet', true);
  const container = await session.container(id);
  const line = new ProgressLine(session);
  const root = session.rootDir();
  const command =
    root === undefined ? 'vzmigrate' : `vzmigrate --root-dir '${root.replaceAll("'", "'\\''")}'`;
  const checkOnly = (given.checkOnly ?? given.dryRun) === true;
  const result = await container.migrate({
    to,
    online: (given.online ?? given.live) === true,
    checkOnly,
    remove: given.removeArea,
    keep: given.keepDst === true,
    ssh: given.sshCommand,
    options: given.ssh,
    command: given.remoteCommand ?? command,
    ignore: given.nodeps,
    mode: given.mode,
    limit: given.bwlimit === undefined ? undefined : given.bwlimit * 1024,
    signal: session.interruptible(),
    progress: given.json ? undefined : (step) => show(session, line, step),
  });
  line.clear();
  if (given.json) return void session.io.stdout.write(`${JSON.stringify(result)}\n`);
  if (checkOnly) return session.say(`Container ${container.ctid} can be moved to ${to}`);
  await session.say(`Container ${container.ctid} is at ${to} now`, container.ctid);
  if (given.times || given.verbose) for (const text of timesOf(result)) await session.say(text);
}

const mib = (bytes: number): string => `${(bytes / (1 << 20)).toFixed(1)} MiB`;

/** Where each step is a line of its own, not every piece is one. */
function show(session: Session, line: ProgressLine, step: MigrateStep): void {
  if (step.step === 'files' && session.io.columns() === undefined) return;
  line.show(describe(step));
}

function describe(step: MigrateStep): string {
  switch (step.step) {
    case 'files':
      return `Files, round ${step.round}: ${mib(step.bytes)} of ${mib(step.total)}`;
    case 'round':
      return `Files, round ${step.round}: ${step.files} files, ${mib(step.bytes)}`;
    case 'memory':
      return `Memory, round ${step.round}: ${mib(step.bytes)}`;
    case 'snapshot':
      return `Snapshot ${step.uuid}`;
    case 'still':
      return 'It stands still';
    case 'state':
      return 'Sending its processes';
    case 'go':
      return 'They go on there';
  }
}

function timesOf({ rounds, memory, sent, still, took }: MigrateResult): readonly string[] {
  return [
    ...rounds.map(({ files, bytes }, i) => `Round ${i + 1}: ${files} files, ${mib(bytes)}`),
    ...memory.map(({ bytes, still }, i) => `Memory, round ${i + 1}: ${mib(bytes)}, held for ${still} ms`),
    `Sent: ${mib(sent)}`,
    `Stood still: ${(still / 1000).toFixed(2)} s`,
    `In all: ${(took / 1000).toFixed(2)} s`,
  ];
}

function parseYes(text: string): boolean {
  if (text === 'yes' || text === 'no') return text === 'yes';
  throw new InvalidArgumentError('It is yes or no.');
}

function words(text: string): readonly string[] {
  return text.split(/\s+/).filter(Boolean);
}

const IGNORABLE: readonly Ignored[] = ['cpu', 'kernel'];

function ignored(text: string): readonly Ignored[] {
  const names = text.split(',');
  if (names.every((name): name is Ignored => (IGNORABLE as readonly string[]).includes(name))) return names;
  if (text === 'all') return IGNORABLE;
  throw new InvalidArgumentError(`It is of ${IGNORABLE.join(', ')}.`);
}

/** Statuses of OpenVZ's vzmigrate for what is known to be wrong; it failed (7) in any other case. */
const STATUSES: Partial<Readonly<Record<ErrorCode, number>>> = {
  BAD_OPTION: 1,
  BAD_VALUE: 1,
  MISSING_ARGUMENT: 1,
  NOT_RUNNING: 2,
  CONNECTION_LOST: 4,
  NO_SPACE: 6,
  NO_DISKSPACE: 6,
  SUSPEND_FAILED: 8,
  STOP_FAILED: 8,
  PRIVATE_EXISTS: 9,
  NO_CONFIG: 10,
  IP_IN_USE: 12,
  LOCKED: 20,
  MIGRATION_UNDECIDED: 21,
};

export function statusOfMigrate(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 1;
  return STATUSES[firstCoded(error)?.code ?? 'SYSTEM'] ?? 7;
}
