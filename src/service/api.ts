/** The JSON API: HTTP over a unix socket that only root may open. Paths begin with the version, `/v1/`. */
import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Ctid, parseCtid } from '../config/ctid.js';
import type { Container } from '../container/container.js';
import type { Host } from '../container/host.js';
import { CellaError } from '../errors.js';
import type { Consoles } from './consoles.js';
import type { Events } from './events.js';
import { CONSOLE_PROTOCOL } from './protocol.js';
import { answer, answerFailure, readFlags, readJson, readSize } from './requests.js';

export interface ApiParts {
  readonly host: Host;
  readonly consoles: Consoles;
  readonly events: Events;
  metrics(): Promise<{ readonly type: string; readonly text: string }>;
  about(): object;
  /** Ends the service, and before that, if they are to, all containers. */
  stop(containers: boolean): void;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

const LIMITS = {
  maxHeaderSize: 8192,
  headersTimeout: 10_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5000,
  connectionsCheckingInterval: 1000,
} as const;
const MAX_CONNECTIONS = 256;
/** Whoever does not read its events is let go. */
const EVENTS_BYTES = 1024 * 1024;

export class Api {
  readonly #parts: ApiParts;
  readonly #server: Server;

  constructor(parts: ApiParts) {
    this.#parts = parts;
    this.#server = createServer(LIMITS, (request, response) => void this.#serve(request, response));
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.on('upgrade', (request, socket) => this.#upgrade(request, socket));
  }

  /** The caller holds the lock of the service: a socket that is there already is nobody's. */
  async listen(path: string): Promise<void> {
    rmSync(path, { force: true });
    const listening = new Promise<void>((resolve, reject) => {
      this.#server.once('listening', resolve).once('error', reject);
    });
    // The socket is made within the call.
    const mask = process.umask(0o177);
    this.#server.listen(path);
    process.umask(mask);
    await listening;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    try {
      const handler = this.#route(request);
      if (handler) await handler(request, response);
      else answer(response, 404, { error: 'NOT_FOUND', message: 'there is nothing of that name' });
    } catch (error) {
      answerFailure(response, error);
    }
  }

  #route(request: IncomingMessage): Handler | undefined {
    const { method } = request;
    const { pathname } = addressOf(request);
    const [, id, rest = ''] = /^\/v1\/containers\/([^/]+)(\/.*)?$/.exec(pathname) ?? [];
    if (id === undefined) return this.#hostRoutes[`${method} ${pathname}`];
    return this.#containerRoutes(this.#container(id))[`${method} ${rest}`];
  }

  readonly #hostRoutes: Readonly<Record<string, Handler>> = {
    'GET /v1/': (_, response) => answer(response, 200, this.#parts.about()),
    'GET /v1/containers': async (_, response) => answer(response, 200, await this.#parts.host.list()),
    'GET /v1/traffic': async (_, response) => answer(response, 200, await this.#parts.host.traffic()),
    'GET /v1/events': (_, response) => this.#stream(response),
    'GET /v1/metrics': async (_, response) => {
      const { type, text } = await this.#parts.metrics();
      response.writeHead(200, { 'content-type': type }).end(text);
    },
    'POST /v1/stop': async (request, response) => {
      const { containers } = readFlags(await readJson(request), 'containers');
      answer(response, 202, {});
      this.#parts.stop(containers);
    },
  };

  #containerRoutes(container: Container): Readonly<Record<string, Handler>> {
    const { ctid } = container;
    return {
      'GET ': async (_, response) => {
        const found = (await this.#parts.host.list()).find((info) => info.ctid === ctid);
        if (!found) throw new CellaError('NO_CONFIG', `container ${ctid} does not exist`);
        answer(response, 200, found);
      },
      'GET /status': async (_, response) => answer(response, 200, await container.status()),
      'POST /start': async (request, response) => {
        const { pid } = await container.start(readFlags(await readJson(request), 'force', 'wait'));
        answer(response, 200, { pid });
      },
      'POST /stop': async (request, response) =>
        answer(response, 200, await container.stop(readFlags(await readJson(request), 'fast'))),
      'POST /restart': async (request, response) => {
        const { pid } = await container.restart(readFlags(await readJson(request), 'fast', 'wait'));
        answer(response, 200, { pid });
      },
      'POST /suspend': async (request, response) => {
        readFlags(await readJson(request));
        await container.suspend();
        answer(response, 200, {});
      },
      'POST /resume': async (request, response) => {
        readFlags(await readJson(request));
        const { pid } = await container.resume();
        answer(response, 200, { pid });
      },
      'PUT /console/size': async (request, response) => {
        const { rows, columns } = readSize(await readJson(request));
        this.#parts.consoles.of(ctid).resize(rows, columns);
        answer(response, 200, {});
      },
    };
  }

  #container(id: string): Container {
    return this.#parts.host.container(parseCtid(id));
  }

  /** One event a line. */
  #stream(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    // So that a client knows from when on it misses nothing.
    response.write(`${JSON.stringify({ time: new Date().toISOString(), type: 'listening' })}\n`);
    const stop = this.#parts.events.listen((event) => {
      if (response.writableLength > EVENTS_BYTES) response.destroy();
      else response.write(`${JSON.stringify(event)}\n`);
    });
    response.once('close', stop);
  }

  /** `GET /v1/containers/CTID/console` with `Upgrade: cella-console`; `?scrollback=no`, `?types=no`. */
  #upgrade(request: IncomingMessage, socket: Duplex): void {
    socket.on('error', () => undefined);
    const { pathname, searchParams } = addressOf(request);
    const id = /^\/v1\/containers\/([1-9]\d{0,9})\/console$/.exec(pathname)?.[1];
    if (id === undefined || request.headers.upgrade !== CONSOLE_PROTOCOL)
      return void socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${CONSOLE_PROTOCOL}\r\n\r\n`,
    );
    const [scrollback, types] = ['scrollback', 'types'].map((name) => searchParams.get(name) !== 'no');
    void this.#attach(parseCtid(id), socket, { scrollback, types });
  }

  async #attach(
    ctid: Ctid,
    socket: Duplex,
    options: { readonly scrollback: boolean | undefined; readonly types: boolean | undefined },
  ): Promise<void> {
    const { scrollback = true, types = true } = options;
    await this.#parts.consoles.of(ctid).attach(socket, { scrollback, types });
    this.#parts.consoles.forget(ctid);
  }
}

/** Nonsense is an address where nothing is. */
function addressOf({ url = '' }: IncomingMessage): URL {
  const base = 'http://cella';
  return URL.canParse(url, base) ? new URL(url, base) : new URL(base);
}
