/** main(argv) → exit status: words in, verbs called, errors as one sentence. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import type { Host, HostOptions } from '../container/host.js';
import { EXIT, exitNumber, firstCoded } from '../errors.js';
import type { Reporter } from '../events.js';
import { addDump, registerBackup } from './commands/backup.js';
import { addCalc, addCpucheck, addMemcheck } from './commands/capacity.js';
import { addCfgvalidate } from './commands/cfgvalidate.js';
import { registerCheck } from './commands/check.js';
import { registerClone, registerCompact, registerConvert, registerMove } from './commands/clone.js';
import { registerConsole } from './commands/console.js';
import { registerCreate } from './commands/create.js';
import { registerDestroy } from './commands/destroy.js';
import { registerDiff } from './commands/diff.js';
import { registerDisk } from './commands/disk.js';
import { registerEnter } from './commands/enter.js';
import { registerExec } from './commands/exec.js';
import { registerImport } from './commands/import.js';
import { addMigrate, statusOfMigrate } from './commands/migrate.js';
import { registerMount } from './commands/mount.js';
import { addNetstat } from './commands/netstat.js';
import { registerNetwork } from './commands/network.js';
import { addPid, registerPid } from './commands/pid.js';
import { registerPlan } from './commands/plan.js';
import { addPs, registerPs } from './commands/ps.js';
import { addRestore, registerRestore } from './commands/restore.js';
import { registerRun } from './commands/run.js';
import { registerRunscript } from './commands/runscript.js';
import { registerService } from './commands/service.js';
import { registerSet } from './commands/set.js';
import { registerSetup } from './commands/setup.js';
import { registerSnapshot } from './commands/snapshot.js';
import { registerSnapshotList } from './commands/snapshot-list.js';
import { addSplit } from './commands/split.js';
import { registerStart } from './commands/start.js';
import { registerStats } from './commands/stats.js';
import { registerStatus } from './commands/status.js';
import { registerStop } from './commands/stop.js';
import { registerSuspend } from './commands/suspend.js';
import { registerTemplate } from './commands/template.js';
import { addTop, registerTop } from './commands/top.js';
import { addUbc, registerUbc, spellOut } from './commands/ubc.js';
import { Interrupt, Interrupted } from './interrupt.js';
import type { Io } from './io.js';
import { describeEvent } from './render.js';
import type { Register, Session } from './session.js';
import { addList, registerList } from './vzlist.js';

const VERBS: readonly Register[] = [
  registerSetup,
  registerCheck,
  registerCreate,
  registerClone,
  registerCompact,
  registerConvert,
  registerMove,
  registerDestroy,
  registerSnapshot,
  registerSnapshotList,
  registerBackup,
  registerRestore,
  registerImport,
  registerStart,
  registerStop,
  registerSuspend,
  registerStatus,
  registerExec,
  registerEnter,
  registerRun,
  registerDiff,
  registerRunscript,
  registerMount,
  registerSet,
  registerDisk,
  registerNetwork,
  registerList,
  registerTop,
  registerStats,
  registerUbc,
  registerPlan,
  registerPs,
  registerPid,
  registerService,
  registerConsole,
  registerTemplate,
];

interface GlobalOptions {
  readonly quiet?: boolean;
  readonly debug?: boolean;
  readonly rootDir?: string;
}

/** What the command was called as; `cella` is `vzctl`. */
export type Program =
  | 'vzctl'
  | 'vzlist'
  | 'vzdump'
  | 'vzrestore'
  | 'vzmigrate'
  | 'vzps'
  | 'vzpid'
  | 'vztop'
  | 'vzubc'
  | 'vznetstat'
  | 'vzcalc'
  | 'vzmemcheck'
  | 'vzcpucheck'
  | 'vzcfgvalidate'
  | 'vzsplit';

/** Commands that are one verb. */
const ALONE: Partial<Readonly<Record<Program, Register>>> = {
  vzlist: addList,
  vzdump: addDump,
  vzrestore: addRestore,
  vzmigrate: addMigrate,
  vzps: addPs,
  vzpid: addPid,
  vztop: addTop,
  vzubc: addUbc,
  vznetstat: addNetstat,
  vzcalc: addCalc,
  vzmemcheck: addMemcheck,
  vzcpucheck: addCpucheck,
  vzcfgvalidate: addCfgvalidate,
  vzsplit: addSplit,
};

/** Those that have one status for whatever goes wrong, as in OpenVZ. */
const FAIL_WITH_ONE: readonly Program[] = ['vzcalc', 'vzmemcheck', 'vzcpucheck', 'vzcfgvalidate', 'vzsplit'];

export type Open = (options: HostOptions) => Promise<Host>;

export async function main(name: Program, argv: readonly string[], open: Open, io: Io): Promise<number> {
  const program = new Command(name);
  using interrupt = new Interrupt(io);
  const session = openSession(program, open, { io, interrupt });
  try {
    configure(program, io);
    addVerbs(program, name, session);
    await program.parseAsync([...(name === 'vzubc' ? spellOut(argv) : argv)], { from: 'user' });
    return session.status;
  } catch (error) {
    const status = report(error, io, program.opts<GlobalOptions>().debug ?? false);
    if (name === 'vzmigrate' && !(error instanceof Interrupted)) return statusOfMigrate(error);
    return FAIL_WITH_ONE.includes(name) && status !== EXIT.OK ? 1 : status;
  }
}

function addVerbs(program: Command, name: Program, session: Session): void {
  const alone = ALONE[name];
  if (alone) alone(program, session);
  else for (const register of VERBS) register(program, session);
}

/** The command with all its verbs and options, to be described and never run. */
export function describeProgram(name: Program): Command {
  const program = new Command(name);
  configure(program, undefined);
  // Verbs look into the session only when they run.
  addVerbs(program, name, {} as Session);
  return program;
}

function configure(program: Command, io: Io | undefined): void {
  program
    .description('system containers on mainline Linux')
    .option('--quiet', 'print errors only')
    .option('--verbose', 'accepted for compatibility')
    .option('--skiplock', 'accepted for compatibility')
    .option('--root-dir <dir>', 'take every path under this directory')
    .option('--debug', 'print stack traces')
    .version(`${program.name()} version ${version()}`, '--version')
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeErr: () => undefined, writeOut: (text) => io?.stdout.write(text) });
}

function openSession(
  program: Command,
  open: Open,
  { io, interrupt }: { readonly io: Io; readonly interrupt: Interrupt },
): Session {
  const options = (): GlobalOptions => program.opts<GlobalOptions>();
  let host: Promise<Host> | undefined;
  const report: Reporter = (event) => {
    const line = describeEvent(event);
    if (line === undefined) return;
    if (!options().quiet) (line.aside ? io.stderr : io.stdout).write(`${line.text}\n`);
    void host?.then((opened) => opened.log(event.ctid, line.text));
  };
  const session: Session = {
    io,
    status: EXIT.OK,
    host: () => {
      host ??= open({ rootDir: session.rootDir(), report });
      return host;
    },
    container: async (idOrName) => (await session.host()).container(idOrName),
    rootDir: () => options().rootDir ?? io.env.CELLA_ROOT,
    interruptible: () => interrupt.listen(),
    say: async (line, ctid) => {
      if (!options().quiet) io.stdout.write(`${line}\n`);
      if (ctid !== undefined) (await session.host()).log(ctid, line);
    },
  };
  return session;
}

/** package.json lies above src/cli as above dist/cli. */
export function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

function report(error: unknown, io: Io, debug: boolean): number {
  if (error instanceof CommanderError) return reportUsage(error, io);
  if (error instanceof Interrupted) {
    io.stderr.write('interrupted\n');
    return error.status;
  }
  const coded = firstCoded(error);
  // An AggregateError says that a failed verb could not be taken back, which its cause does not.
  const shown = error instanceof AggregateError ? error : (coded ?? error);
  io.stderr.write(`${shown instanceof Error ? shown.message : String(shown)}\n`);
  if (coded?.hint !== undefined) io.stderr.write(`${coded.hint}\n`);
  if (debug && error instanceof Error) io.stderr.write(`${error.stack}\n`);
  return exitNumber(error);
}

function reportUsage(error: CommanderError, io: Io): number {
  if (error.exitCode === 0) return EXIT.OK;
  if (error.code === 'commander.help') {
    io.stderr.write('an action is needed: see vzctl --help\n');
    return EXIT.BAD_OPTION;
  }
  io.stderr.write(`${error.message.replace(/^error: /, '').split('\n')[0]}\n`);
  return error.code === 'commander.missingArgument' ? EXIT.MISSING_ARGUMENT : EXIT.BAD_OPTION;
}
