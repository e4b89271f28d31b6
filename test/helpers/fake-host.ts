/** A host of plain objects, and streams in memory to run the command line on. */
import { PassThrough, type Readable } from 'node:stream';
import type { Io } from '../../src/cli/io.js';
import { main, type Program } from '../../src/cli/main.js';
import type { ContainerInfo, Host, HostOptions } from '../../src/container/host.js';
import { UNKNOWN } from '../../src/container/listed.js';
import type { HostEvent } from '../../src/events.js';
import type { Ended } from '../../src/native/binding.js';

export type Call = readonly [verb: string, ...args: unknown[]];

export interface FakeOptions {
  /** By verb: what it returns, the error it throws, or a function in its place. */
  readonly results?: Readonly<Record<string, unknown>>;
  readonly rows?: readonly ContainerInfo[];
  /** By method of the host's templates: what is in its place. */
  readonly templates?: Readonly<Record<string, unknown>>;
}

/** Records every call of a container's verb. */
export function fakeHost({ results = {}, rows = [], templates = {} }: FakeOptions = {}): {
  readonly host: Host;
  readonly calls: Call[];
} {
  const calls: Call[] = [];
  const container = (id: string | number): unknown =>
    new Proxy(
      { ctid: Number(id) },
      {
        get: (target, name) =>
          name === 'ctid' || typeof name === 'symbol' || name === 'then'
            ? Reflect.get(target, name)
            : async (...args: unknown[]) => {
                calls.push([name, ...args]);
                const result = results[name];
                if (result instanceof Error) throw result;
                return typeof result === 'function' ? result(...args) : result;
              },
      },
    );
  const host = {
    container,
    templates,
    list: async () => rows,
    setup: async () => ['made it'],
    log: () => undefined,
  };
  return { host: host as unknown as Host, calls };
}

export interface Run {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly calls: readonly Call[];
}

export interface RunOptions extends FakeOptions {
  readonly stdin?: Readable;
  readonly io?: Partial<Io>;
  readonly program?: Program;
  /** What the library tells meanwhile. */
  readonly events?: readonly HostEvent[];
}

export async function run(argv: readonly string[], options: RunOptions = {}): Promise<Run> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const { host, calls } = fakeHost(options);
  const open = async ({ report }: HostOptions): Promise<Host> => {
    for (const event of options.events ?? []) report?.(event);
    return host;
  };
  const io: Io = {
    stdin: options.stdin ?? new PassThrough(),
    stdout,
    stderr,
    env: {},
    onSignal: () => () => undefined,
    columns: () => undefined,
    terminal: undefined,
    ...options.io,
  };
  const status = await main(options.program ?? 'vzctl', argv, open, io);
  return { status, stdout: text(stdout), stderr: text(stderr), calls };
}

function text(stream: PassThrough): string {
  return String(stream.read() ?? '');
}

/** A process that has ended with `ended` once its input has been looked at. */
export function guest(
  ended: Ended,
  { output = '', errors = '' } = {},
): Record<string, unknown> & {
  readonly stdin: PassThrough;
  readonly kills: string[];
} {
  const [stdin, stdout, stderr, kills] = [new PassThrough(), new PassThrough(), new PassThrough(), []];
  stdout.end(output);
  stderr.end(errors);
  return {
    pid: 7,
    stdin,
    stdout,
    stderr,
    kills,
    kill: (name: never) => kills.push(name),
    wait: async () => ended,
  };
}

export function row(changes: Partial<ContainerInfo>): ContainerInfo {
  const ctid = changes.ctid ?? 101;
  return {
    ...UNKNOWN,
    ctid,
    smart_name: String(ctid),
    status: 'running',
    hostname: 'web.example.org',
    ostemplate: 'busybox',
    private: '/var/lib/vz/private/101',
    root: '/var/lib/vz/root/101',
    layout: 'overlay',
    numproc: { held: 3, maxheld: 5, barrier: 100n, limit: 9223372036854775807n, failcnt: 0 },
    disabled: false,
    uptime: 93784.5,
    laverage: null,
    cputime: null,
    ioread: null,
    iowritten: null,
    ...changes,
  };
}
