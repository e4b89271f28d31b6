/**
 * One request to CRIU, and the answers to what it asks meanwhile. A CRIU that we ask in its swrk mode sees at once when
 * this process is gone: it then gives up, and what it has frozen goes on.
 */
import { closeSync } from 'node:fs';
import { CellaError, isErrno } from '../../errors.js';
import { native } from '../../native/binding.js';
import type { CriuOptions } from '../../plan/checkpoint/criu-request.js';
import type { Keeper } from '../keeper.js';
import {
  type CriuResponse,
  decodeResponse,
  encodeAnswer,
  encodeRequest,
  type RequestName,
} from './messages.js';
import { type Starting, startCriu, startKeptCriu } from './process.js';
import { reasonFrom } from './reasons.js';

/** Of a notification, as CRIU names it: "network-lock", "post-dump" and so on. */
export interface Hooked {
  readonly script: string;
  /** Of the restored init, on the host; of "setup-namespaces" and "post-restore". */
  readonly pid?: number;
  /** CRIU's own. */
  readonly criu: number;
  /** What came with it, the caller's; -1: nothing. */
  readonly fd: number;
}

/** What throws has CRIU give up; in "post-dump" what was dumped goes on then. */
export type Hooks = Readonly<Record<string, (hooked: Hooked) => Promise<void> | void>>;

export interface Call extends Starting {
  readonly request: RequestName;
  readonly options?: CriuOptions;
  readonly hooks?: Hooks;
  /** Becomes the parent of what is restored, in our place. */
  readonly keeper?: Keeper | undefined;
  /** Where it writes its log. */
  readonly log?: string;
  /** Bytes that it may have to write, which takes its time. */
  readonly bytes?: number;
  /** How long it may be silent while it works, ms; then it is killed. Default: two minutes, or CELLA_CRIU_PATIENCE in seconds. */
  readonly patience?: number;
  /** Kills it. */
  readonly signal?: AbortSignal | undefined;
}

const PATIENCE_S = 120;
/** Bytes a second, of a disk. */
const SLOWEST = 8 << 20;

/** What it answered, if that is a success. Else rejects, with the failure of a hook where one has failed. */
export async function callCriu({
  request,
  options,
  hooks = {},
  keeper,
  log,
  bytes = 0,
  patience = 1000 * ((Number(process.env.CELLA_CRIU_PATIENCE) || PATIENCE_S) + bytes / SLOWEST),
  signal,
  ...starting
}: Call): Promise<CriuResponse> {
  const criu = keeper ? await startKeptCriu(starting.program, keeper) : startCriu(starting);
  const { socket, ended } = criu;
  using watchdog = new Watchdog(patience, criu.kill);
  let failure: unknown;
  signal?.addEventListener('abort', criu.kill);
  try {
    say(socket, encodeRequest(request, options));
    for (;;) {
      watchdog.start();
      const message = await criu.receive();
      watchdog.stop();
      if (!message) throw failure ?? goneWithoutAnswer(watchdog.bit ? patience : undefined, await ended);
      const response = decodeResponse(message.bytes);
      if (!response.notify) return settle({ request, log }, response, failure);
      try {
        const hook = hooks[response.notify.script];
        if (!hook && message.fd >= 0) closeSync(message.fd);
        await hook?.({ ...response.notify, criu: criu.pid, fd: message.fd });
        say(socket, encodeAnswer(true));
      } catch (error) {
        failure ??= error;
        say(socket, encodeAnswer(false));
      }
    }
  } finally {
    signal?.removeEventListener('abort', criu.kill);
    closeSync(socket);
    await ended;
  }
}

/** Where nobody listens any more, the next look for an answer tells so. */
function say(socket: number, message: Uint8Array): void {
  try {
    native().sendMessage(socket, message);
  } catch (error) {
    if (!isErrno(error, 'EPIPE', 'ECONNRESET')) throw error;
  }
}

function settle(
  { request, log }: { readonly request: RequestName; readonly log: string | undefined },
  response: CriuResponse,
  failure: unknown,
): CriuResponse {
  if (failure !== undefined) throw failure;
  if (response.success) return response;
  const why = log === undefined ? undefined : reasonFrom(log);
  const number = response.errno ? `error ${response.errno}` : 'see its log';
  throw new CellaError('SYSTEM', why ?? `criu ${request} failed: ${response.errmsg ?? number}`);
}

function goneWithoutAnswer(patience: number | undefined, cause: Error | undefined): CellaError {
  if (cause) return new CellaError('SYSTEM', 'criu cannot be run', { cause });
  if (patience === undefined) return new CellaError('SYSTEM', 'criu ended without an answer');
  return new CellaError('SYSTEM', `criu did nothing for ${patience / 1000} seconds, and was killed`);
}

class Watchdog implements Disposable {
  /** Whether it has come to that. */
  bit = false;
  readonly #patience: number;
  readonly #bite: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(patience: number, bite: () => void) {
    this.#patience = patience;
    this.#bite = bite;
  }

  start(): void {
    this.#timer = setTimeout(() => {
      this.bit = true;
      this.#bite();
    }, this.#patience);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  [Symbol.dispose](): void {
    this.stop();
  }
}
