/** cella run: one command in a container of its own. */
import { parseCtid } from '../../config/ctid.js';
import type { RunningCommand, RunOptions } from '../../container/run.js';
import { CellaError, firstCoded } from '../../errors.js';
import { Interrupted } from '../interrupt.js';
import type { Io } from '../io.js';
import { addParameters, append, changesOf } from '../parameters.js';
import type { Register, Session } from '../session.js';
import { printChanges } from './diff.js';
import { attendTerminal, sizeOf } from './enter.js';
import { attend, FORWARDED } from './exec.js';

type Words = Readonly<Record<string, unknown>> & {
  readonly rm?: true;
  readonly diff?: true;
  readonly json?: true;
  readonly tty?: boolean;
  readonly ctid?: string;
  readonly config?: string;
  readonly env: readonly string[];
  readonly user?: string;
  readonly workdir?: string;
};

export const registerRun: Register = (program, session) => {
  const command = program
    .command('run')
    .description('run one command in a container of its own')
    .argument('<template>')
    .argument('[command...]', 'default: what the template was imported with')
    .passThroughOptions()
    .option('--rm', 'leave nothing of the container')
    .option('--diff', 'print what the command changed, once it has ended')
    .option('--json', 'changes for programs')
    .option('-i, --interactive', 'accepted for compatibility: standard input is always passed on')
    .option('-t, --tty', 'a terminal; default: if standard input and output are one')
    .option('--no-tty', 'no terminal')
    .option('--ctid <ctid>', 'id of the container; default: a free one from 1000000 on')
    .option('--config <sample>', 'sample configuration; default: CONFIGFILE of vz.conf')
    .option('-e, --env <name=value>', 'a variable for the command; may be repeated', append, [])
    .option('-u, --user <user[:group]>', "name or id in the template; default: its image's, or root")
    .option('-w, --workdir <directory>', "where the command starts; default: its image's, or /");
  addParameters(command, { settableOnly: false }).action(
    async (template: string, words: readonly string[], options: Words) => {
      if (options.json && !options.diff)
        throw new CellaError('BAD_OPTION', '--json says how --diff prints: give that too');
      await runAndAttend(session, { ...optionsOf(options, session.io), template, command: words }, options);
    },
  );
};

function optionsOf(words: Words, io: Io): Omit<RunOptions, 'template' | 'command'> {
  const tty = words.tty ?? (io.terminal !== undefined && io.columns() !== undefined);
  const env = Object.fromEntries(words.env.map(variable));
  return {
    changes: changesOf(words),
    ...(words.config === undefined ? {} : { sample: words.config }),
    ctid: words.ctid === undefined ? undefined : parseCtid(words.ctid),
    env: { ...(tty ? { TERM: io.env.TERM ?? 'linux' } : {}), ...env },
    user: words.user,
    cwd: words.workdir,
    terminal: tty ? sizeOf(io) : undefined,
    remove: words.rm === true,
    diff: words.diff === true,
  };
}

function variable(word: string): readonly [string, string] {
  const [name = '', ...value] = word.split('=');
  if (/^[^\0]+$/.test(name) && value.length > 0) return [name, value.join('=')];
  throw new CellaError('BAD_VALUE', `--env: '${word.slice(0, 64)}' is not NAME=VALUE`);
}

async function runAndAttend(session: Session, options: RunOptions, words: Words): Promise<void> {
  const { io } = session;
  const command = await begin(session, options).catch((error: unknown) => {
    const status = statusOfUnrunnable(error);
    if (status === undefined) throw error;
    io.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    session.status = status;
  });
  if (!command) return;
  const ask = { kill: (name: NodeJS.Signals) => command.ask(name) };
  session.status = command.terminal
    ? await attendTerminal({ ...command.terminal, ...ask }, io)
    : await attend(command.pipes, io, ask);
  const { changes } = await command.wait();
  if (changes) printChanges(changes, io, words.json === true);
  if (!options.remove) io.stderr.write(`Container ${command.ctid} was kept\n`);
}

/** Until the command runs, Ctrl-C takes everything back. */
async function begin({ io, host }: Session, options: RunOptions): Promise<RunningCommand> {
  const giveUp = new AbortController();
  const stop = io.onSignal(FORWARDED, (name) => giveUp.abort(new Interrupted(name)));
  try {
    return await (await host()).run({ ...options, signal: giveUp.signal });
  } finally {
    stop();
  }
}

/** What a shell says of a command that is not there, or cannot be run. */
function statusOfUnrunnable(error: unknown): number | undefined {
  const coded = firstCoded(error);
  if (coded?.code !== 'BROKEN_CONTAINER') return undefined;
  const { code } = (coded.cause ?? {}) as { readonly code?: string };
  return code === 'ENOENT' || code === 'ENOTDIR' ? 127 : 126;
}
