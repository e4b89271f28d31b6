/** Talking to the node service, for the command line and for others on the same host. */
import { type IncomingMessage, request } from 'node:http';
import type { Duplex } from 'node:stream';
import { CellaError, type ErrorCode, EXIT, isErrno } from '../errors.js';
import { openPaths } from '../state/paths.js';
import type { ToldEvent } from './events.js';
import { CONSOLE_PROTOCOL } from './protocol.js';

export class ServiceClient {
  readonly #socketPath: string;

  constructor(rootDir: string | undefined) {
    this.#socketPath = openPaths(rootDir).serviceSocket;
  }

  async call(method: 'GET' | 'POST' | 'PUT', path: string, body?: object): Promise<unknown> {
    const response = await this.#request(method, path, body);
    const parts: Buffer[] = [];
    for await (const part of response as AsyncIterable<Buffer>) parts.push(part);
    const text = Buffer.concat(parts).toString();
    const value: unknown = response.headers['content-type'] === 'application/json' ? JSON.parse(text) : text;
    if ((response.statusCode ?? 0) < 400) return value;
    const { error, message, hint } = value as { error: string; message: string; hint?: string };
    const code = error in EXIT ? (error as ErrorCode) : 'SYSTEM';
    throw new CellaError(code, message, hint === undefined ? {} : { hint });
  }

  /** As they come, until the service ends or the signal aborts. */
  async *events(signal?: AbortSignal): AsyncGenerator<ToldEvent> {
    const response = await this.#request('GET', '/v1/events');
    const stop = (): void => void response.destroy();
    signal?.addEventListener('abort', stop);
    let rest = '';
    try {
      for await (const part of response as AsyncIterable<Buffer>) {
        const lines = `${rest}${part.toString()}`.split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) yield JSON.parse(line) as ToldEvent;
      }
    } catch (error) {
      if (!signal?.aborted && !isErrno(error, 'ECONNRESET')) throw error;
    } finally {
      signal?.removeEventListener('abort', stop);
      stop();
    }
  }

  /** A container's console as a stream: what is written is typed. It lasts while the service does. */
  async console(ctid: number): Promise<Duplex> {
    const headers = { connection: 'upgrade', upgrade: CONSOLE_PROTOCOL };
    return new Promise((resolve, reject) => {
      request({ socketPath: this.#socketPath, path: `/v1/containers/${ctid}/console`, headers })
        .on('upgrade', (_, socket, head) => {
          socket.unshift(head);
          resolve(socket);
        })
        .on('response', (response) => {
          response.resume();
          reject(new CellaError('SYSTEM', `the node service answers ${response.statusCode}`));
        })
        .on('error', (error) => reject(unreachable(error)))
        .end();
    });
  }

  #request(method: string, path: string, body?: object): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      request({ socketPath: this.#socketPath, method, path }, resolve)
        .on('error', (error) => reject(unreachable(error)))
        .end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

function unreachable(cause: Error): CellaError {
  if (!isErrno(cause, 'ENOENT', 'ECONNREFUSED'))
    return new CellaError('SYSTEM', `cannot talk to the node service: ${cause.message}`, { cause });
  return new CellaError('SYSTEM', 'the node service does not run', {
    cause,
    hint: 'Start it: systemctl enable --now cella-node, or "cella service".',
  });
}
