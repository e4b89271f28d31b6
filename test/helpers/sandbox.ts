/** A root directory of the test's own, with the built command line in it, checked for leftovers at the end. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { openHost } from '../../dist/index.js';
import { isMounted } from '../../src/host/mounts.js';
import { programHere } from './in-process.js';
import { expectNoTraces, type Traces, traces } from './leaks.js';
import { runMain } from './run-main.mjs';
import { type Foreign, provideTemplate, type Recipe } from './templates.js';

export const CLI = fileURLToPath(new URL('../../dist/bin/', import.meta.url));

export interface Result {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Result>;
}

type Command =
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
  | 'vzsplit'
  | 'cella';

/** Gathers what a process writes until it is gone. */
export function watch(child: ChildProcess): Running {
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (data: Buffer) => {
    stdout += data.toString();
  });
  child.stderr?.on('data', (data: Buffer) => {
    stderr += data.toString();
  });
  child.stdin?.on('error', () => undefined);
  const ended = new Promise<Result>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { child, ended };
}

export type FileSystem = 'ext4' | 'ext4 with project quotas' | 'xfs with project quotas' | 'btrfs';

const FILE_SYSTEMS: Readonly<Record<FileSystem, string>> = {
  // Nothing is kept for root.
  ext4: 'mkfs.ext4 -q -m 0 "$1"; mount -o loop "$1" "$2"',
  'xfs with project quotas': 'mkfs.xfs -q "$1"; mount -o loop,prjquota "$1" "$2"',
  'ext4 with project quotas': 'mkfs.ext4 -q -O quota,project "$1"; mount -o loop,prjquota "$1" "$2"',
  btrfs: 'mkfs.btrfs -q "$1"; mount -o loop "$1" "$2"',
};

/** In an image of half a GiB, which is gone when it is unmounted. */
export function mountFresh(on: FileSystem, target: string): void {
  const image = `${target}.image`;
  const script = `PATH=$PATH:/usr/sbin:/sbin; truncate -s 512M "$1"; ${FILE_SYSTEMS[on]}; rm "$1"`;
  execFileSync('sh', ['-euc', script, 'sh', image, target]);
}

/** The template that a setup builds, which takes seconds: once for all sandboxes. */
async function giveBuiltIn(cache: string): Promise<void> {
  const { name, directory } = await provideTemplate('busybox');
  mkdirSync(cache, { recursive: true });
  execFileSync('cp', ['--archive', directory, `${cache}/${name}`]);
}

export class Sandbox {
  #at: { readonly rootDir: string; readonly before: Traces } | undefined;
  readonly #inProcess: boolean;

  /** `inProcess`: commands have no process of their own where they need none, in both lanes. */
  constructor({ inProcess = false }: { readonly inProcess?: boolean | undefined } = {}) {
    this.#inProcess = inProcess;
  }

  get isOpen(): boolean {
    return this.#at !== undefined;
  }

  get rootDir(): string {
    return this.#opened.rootDir;
  }

  get #opened(): { readonly rootDir: string; readonly before: Traces } {
    if (!this.#at) throw new Error('the sandbox is not open yet');
    return this.#at;
  }

  /** One that a test opens by itself: most are made by `useSandbox`. */
  static async open(on?: FileSystem): Promise<Sandbox> {
    const sandbox = new Sandbox();
    await sandbox.open(on);
    return sandbox;
  }

  /** `on`: everything on a file system of its own, in an image of half a GiB. */
  async open(on?: FileSystem): Promise<void> {
    const rootDir = mkdtempSync(`${tmpdir()}/cella-test-`);
    // As "/" is: a container's root passes through.
    chmodSync(rootDir, 0o711);
    if (on) mountFresh(on, rootDir);
    this.#at = { rootDir, before: traces(rootDir) };
    await giveBuiltIn(`${rootDir}/var/lib/vz/template/cache`);
    await (await openHost({ rootDir })).setup();
  }

  vzctl(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    return this.run('vzctl', args, options);
  }

  /** What it said of a command that is to work, without a word of complaint. */
  async good(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.vzctl(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout;
  }

  async run(command: Command, args: readonly string[], options: RunOptions = {}): Promise<Result> {
    const { input = '', env } = options;
    const program = env ? undefined : programHere(command, args, this.#inProcess);
    if (program) return runMain(program, args, { rootDir: this.rootDir, input });
    const running = this.spawn(command, args, options);
    running.child.stdin?.end(input);
    return running.ended;
  }

  /** One that is still to be talked to. */
  spawn(command: Command, args: readonly string[], { env = {} }: RunOptions = {}): Running {
    return watch(
      spawn(process.execPath, [`${CLI}${command}.cjs`, ...args], {
        env: { ...process.env, CELLA_ROOT: this.rootDir, ...env },
      }),
    );
  }

  /** A line of shell on the host; fails with what it wrote to its standard error. */
  async shell(script: string, ...args: readonly string[]): Promise<string> {
    const { stdout } = await promisify(execFile)('sh', ['-euc', script, 'sh', ...args]);
    return stdout;
  }

  /** Puts a template of the test cache into this sandbox; returns its name. */
  async template(recipe: Recipe, arch?: Foreign): Promise<string> {
    const { name, directory } = await provideTemplate(recipe, arch);
    const link = `${this.rootDir}/var/lib/vz/template/cache/${name}`;
    if (!existsSync(link)) symlinkSync(directory, link);
    return name;
  }

  async createFrom(ostemplate: string, ctid: number): Promise<void> {
    const container = (await openHost({ rootDir: this.rootDir })).container(ctid);
    await container.create({ ostemplate, changes: new Map() });
  }

  /** A new container from the busybox template. */
  async create(ctid: number, ...args: readonly string[]): Promise<void> {
    // Without options by the library: a command is a second of the VM lane's time.
    if (args.length === 0) {
      return this.createFrom('busybox', ctid);
    }
    expect(await this.vzctl(['create', String(ctid), '--ostemplate', 'busybox', ...args])).toMatchObject({
      code: 0,
    });
  }

  /** Stops and destroys what a test made, then looks for leftovers. */
  async clear(...ctids: readonly number[]): Promise<void> {
    const host = await openHost({ rootDir: this.rootDir });
    for (const ctid of ctids) {
      const container = host.container(ctid);
      // There may be nothing to stop, or nothing at all; what matters is what is left, below.
      await container.stop({ fast: true }).catch(() => undefined);
      await container.umount().catch(() => undefined);
      await container.destroy().catch(() => undefined);
    }
    await expectNoTraces(this.rootDir, this.#opened.before);
    const at = (path: string): readonly string[] =>
      existsSync(`${this.rootDir}${path}`) ? readdirSync(`${this.rootDir}${path}`) : [];
    const left = ['/run/vz', '/run/vz/lock', '/var/lib/vz/private', '/var/lib/vz/root'].flatMap((path) =>
      at(path)
        .filter((name) => name !== 'lock')
        .map((name) => `${path}/${name}`),
    );
    expect(left).toEqual([]);
  }

  async close(): Promise<void> {
    await expectNoTraces(this.rootDir, this.#opened.before);
    if (isMounted(this.rootDir)) execFileSync('umount', [this.rootDir]);
    await rm(this.rootDir, { recursive: true, force: true });
  }
}
