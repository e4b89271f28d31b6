/**
 * Memory that stays where it was when its processes go on elsewhere, and follows as they need it, all of it in the end
 * (criu(8), "lazy pages"): one CRIU serves it from the processes that stand still, another has it be in the restored ones.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { release } from 'node:os';
import { type Duplex, type Readable, Transform, type Writable } from 'node:stream';
import { CellaError } from '../../errors.js';
import { native } from '../../native/binding.js';
import type { CriuOptions } from '../../plan/checkpoint/criu-request.js';
import { compareVersions, parseVersion, type Version } from '../../plan/checkpoint/criu-version.js';
import { canOverrideResources } from '../capabilities.js';
import { type HeldSetting, holdSetting } from '../held-setting.js';
import type { Criu } from './find.js';
import { FIRST_GIVEN } from './process.js';
import { reasonFrom } from './reasons.js';

export interface MemoryServer {
  readonly options: Pick<CriuOptions, 'lazy_pages' | 'config_file'>;
  /** For CRIU. */
  readonly given: readonly [theirs: number, ours: number];
  /** Requests go in, pages come out. */
  readonly socket: Duplex;
  /** Has CRIU give up, and let its processes go on. */
  fail(): void;
}

/** `directory`: for a file that CRIU reads. */
export function memoryServer(directory: string): MemoryServer {
  const [ours, theirs] = native().streamPair();
  const config = `${directory}/criu.conf`;
  // The socket has no name in images/rpc.proto where pages are lazy.
  writeFileSync(config, `lazy-pages\nps-socket ${FIRST_GIVEN}\n`);
  const socket = new Socket({ fd: ours });
  socket.on('error', () => undefined);
  return {
    options: { lazy_pages: true, config_file: config },
    // The end of this would say that all is there, and have CRIU end its processes: so it holds our side as well.
    given: [theirs, ours],
    socket,
    // No request that it knows.
    fail: () => void socket.write(Buffer.alloc(LARGEST_REQUEST, 0xff)),
  };
}

/** Bytes of struct page_server_iov of CRIU's page-xfer.c: a command, how many pages, where, and whose. */
const [SMALLEST_REQUEST, LARGEST_REQUEST] = [24, 32];
const sizeOfRequest = (criu: Version): number =>
  compareVersions(criu, [4, 2, 0]) < 0 ? SMALLEST_REQUEST : LARGEST_REQUEST;
const GET = 7;
/** PS_IOV_CLOSE and PS_IOV_FORCE_CLOSE. */
const CLOSES = [0x1023, 0x1024];
const DONE = Buffer.alloc(4);

/** Requests for pages, and nothing else that would have CRIU end what it serves, or write. `closes`: is told that it has ended. */
export class PageRequests extends Transform {
  readonly #size: number;
  readonly #closes: Writable | undefined;
  #rest = Buffer.alloc(0);

  constructor(criu: Version, closes?: Writable) {
    super();
    this.#size = sizeOfRequest(criu);
    this.#closes = closes;
  }

  override _transform(bytes: Buffer, _: BufferEncoding, done: (error?: Error) => void): void {
    const all = Buffer.concat([this.#rest, bytes]);
    const whole = all.length - (all.length % this.#size);
    for (let at = 0; at < whole; at += this.#size) {
      const command = all.readUInt32LE(at);
      if (command === GET) this.push(all.subarray(at, at + this.#size));
      if (CLOSES.includes(command)) this.#closes?.write(DONE);
    }
    this.#rest = all.subarray(whole);
    done();
  }
}

export interface MemoryClient {
  readonly requests: Readable;
  readonly pages: Writable;
  /** Settles when all of it is there; fails where that cannot be. */
  readonly whole: Promise<void>;
  kill(): void;
}

/** Before a restore from these images. */
export async function startMemoryClient({ program, version }: Criu, images: string): Promise<MemoryClient> {
  const log = 'memory.log';
  const child = spawn(
    program,
    ['lazy-pages', '--no-default-config', '--page-server', '--ps-socket', '3', '--status-fd', '4'].concat([
      '--images-dir',
      images,
      '--work-dir',
      images,
      '--log-file',
      log,
      '-v2',
    ]),
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] },
  );
  const [, , , socket, status] = child.stdio as unknown as readonly [null, null, null, Duplex, Duplex];
  socket.on('error', () => undefined);
  const whole = once(child, 'exit').then(([code]) => {
    if (code !== 0)
      throw new CellaError('MIGRATION_FAILED', reasonFrom(`${images}/${log}`) ?? 'its memory did not follow');
  });
  whole.catch(() => undefined);
  await Promise.race([once(status, 'data'), whole]);
  return {
    requests: socket.pipe(new PageRequests(version, socket)),
    pages: socket,
    whole,
    kill: () => void child.kill('SIGKILL'),
  };
}

const PERMISSION = '/proc/sys/vm/unprivileged_userfaultfd';

/** Why memory that a CRIU of version `there` serves cannot be fetched by one of version `here`; undefined: it can. */
export function whyNotFetched(there: string, here: string): string | undefined {
  if (!existsSync(PERMISSION)) return `Linux ${release()} there has no userfaultfd`;
  const [theirs, ours] = [there, here].map((version) => sizeOfRequest(parseVersion(version)));
  return theirs === ours ? undefined : `CRIU ${there} here and ${here} there talk differently`;
}

/** Of page-pipe.c: without it CRIU serves nothing but what is at the beginning of a mapping. */
const PIPE_BYTES = 4 << 20;
const MOST_PIPE_BYTES = '/proc/sys/fs/pipe-max-size';

/** Why memory cannot be served here. */
export function whyNotServed(): string | undefined {
  if (canOverrideResources() || Number(readFileSync(MOST_PIPE_BYTES, 'utf8')) >= PIPE_BYTES) return undefined;
  return `fs.pipe-max-size is less than ${PIPE_BYTES} ("cella setup" raises it)`;
}

/** Processes in a user namespace may use userfaultfd(2) while this is held: by one at a time, and no longer than we live. */
export function permitUserfaultfd(): HeldSetting {
  return holdSetting(PERMISSION, '1');
}
