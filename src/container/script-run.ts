/** One action script, on the host or in the container: its output told, its end judged. */
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { ContainerConfig } from '../config/container-config.js';
import { CellaError } from '../errors.js';
import type { ProcessHandle } from '../host/processes.js';
import { endMarked, expectTrusted, spawnScript } from '../host/script.js';
import { hostEnvironment, insideEnvironment, type ScriptSubject } from '../plan/action-scripts.js';
import type { Context } from './context.js';
import { type GuestProcess, withPipes } from './guest.js';
import { execIn, interpreterOf } from './inside.js';

/** Of what one script says; what comes behind is read and dropped. */
const MOST_OUTPUT = 64 << 10;

export interface ScriptRun {
  readonly name: string;
  readonly path: string;
  readonly subject: ScriptSubject;
  /** Marks all that it starts. */
  readonly token: string;
  /** In which container it runs; absent: on the host. */
  readonly into?: { readonly config: ContainerConfig; readonly init: ProcessHandle } | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Seconds. */
  readonly limit?: number | undefined;
}

/** Fails with SCRIPT_FAILED, or as the signal says; then nothing that it has started runs any more. */
export async function runScriptFile(context: Context, run: ScriptRun): Promise<void> {
  const { path, signal, limit, token } = run;
  signal?.throwIfAborted();
  expectTrusted(path);
  const late = limit === undefined ? undefined : AbortSignal.timeout(limit * 1000);
  const either = [signal, late].filter((at) => at !== undefined);
  try {
    const why = await outcomeOf(context, run, AbortSignal.any(either));
    signal?.throwIfAborted();
    if (late?.aborted) throw failed(path, `it did not end within ${limit} s`);
    if (why !== undefined) throw failed(path, why);
  } catch (error) {
    await endMarked(token);
    signal?.throwIfAborted();
    if (error instanceof CellaError && error.code === 'SCRIPT_FAILED') throw error;
    throw failed(path, error instanceof Error ? error.message : String(error), error);
  }
}

function failed(path: string, why: string, cause?: unknown): CellaError {
  return new CellaError('SCRIPT_FAILED', `action script '${path}' failed: ${why}`, { cause });
}

/** Undefined: it went well. */
async function outcomeOf(context: Context, run: ScriptRun, signal: AbortSignal): Promise<string | undefined> {
  const script = run.into ? await inside(context, run, run.into, signal) : await onHost(run, signal);
  const tell = teller(context, run);
  const said = [script.stdout, script.stderr].map((stream) => follow(stream, tell));
  const { code, signal: killedBy } = await script.wait();
  await Promise.all(said);
  if (code === 0) return undefined;
  return killedBy === null ? `exit status ${code}` : `ended by signal ${killedBy}`;
}

async function onHost({ path, subject, token }: ScriptRun, signal: AbortSignal): Promise<GuestProcess> {
  const env = hostEnvironment(subject, token);
  const script = await withPipes((stdio) => spawnScript(path, { env, stdio }), signal);
  script.stdin.end();
  return script;
}

async function inside(
  context: Context,
  { path, subject, token }: ScriptRun,
  { config, init }: NonNullable<ScriptRun['into']>,
  signal: AbortSignal,
): Promise<GuestProcess> {
  const text = readFileSync(path, 'utf8');
  const env = insideEnvironment(subject.ctid, token);
  const script = await execIn(context, config, init, { argv: interpreterOf(text), env, signal });
  script.stdin.end(text);
  return script;
}

type Tell = (line: string) => void;

function teller({ report }: Context, { subject, name }: ScriptRun): Tell {
  let left = MOST_OUTPUT;
  return (line) => {
    if (left <= 0) return;
    left -= line.length + 1;
    const shown = left > 0 ? line : `${line.slice(0, left)}… and more`;
    report({ type: 'script', ctid: subject.ctid, script: name, line: shown });
  };
}

/** Line by line; a guest may write without end, and what only a terminal understands. */
async function follow(stream: Readable, tell: Tell): Promise<void> {
  let rest = '';
  stream.setEncoding('utf8');
  for await (const text of stream) {
    const lines = `${rest}${text as string}`.split('\n');
    rest = (lines.pop() ?? '').slice(0, MOST_OUTPUT);
    for (const line of lines) tell(plain(line));
  }
  if (rest !== '') tell(plain(rest));
}

function plain(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return line.replace(/\r$/, '').replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '?');
}
