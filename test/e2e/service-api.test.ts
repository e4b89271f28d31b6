/** The JSON API and what is told over it; who speaks it badly gets an answer, or the door. */
import { existsSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServiceClient, type ToldEvent } from '../../dist/service/index.js';
import { eventually, Service, untilKeeperIsGone } from '../helpers/service.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ keep: [101] });
let service: Service;
let client: ServiceClient;

beforeAll(async () => {
  service = await Service.start(sandbox);
  client = new ServiceClient(sandbox.rootDir);
  await sandbox.create(101);
});

afterAll(async () => {
  await sandbox.vzctl(['stop', '101', '--fast']);
  await service.kill('SIGTERM');
  await untilKeeperIsGone(sandbox);
});

const socketPath = (): string => `${sandbox.rootDir}/run/vz/cella.sock`;

describe('the API', () => {
  it('is for root alone', () => {
    expect(statSync(socketPath()).mode & 0o777).toBe(0o600);
  });

  it('starts, lists, restarts and stops', async () => {
    expect(await client.call('POST', '/v1/containers/101/start', { wait: true })).toEqual({
      pid: expect.any(Number),
    });
    expect(await client.call('GET', '/v1/containers')).toMatchObject([{ ctid: 101, status: 'running' }]);
    expect(await client.call('GET', '/v1/containers/101')).toMatchObject({
      ctid: 101,
      ostemplate: 'busybox',
    });
    expect(await client.call('GET', '/v1/containers/101/status')).toMatchObject({
      exists: true,
      running: true,
    });
    expect(await client.call('POST', '/v1/containers/101/restart', { fast: true })).toEqual({
      pid: expect.any(Number),
    });
    expect(await client.call('POST', '/v1/containers/101/stop', { fast: true })).toEqual({
      wasRunning: true,
    });
    expect(await client.call('GET', '/v1/')).toMatchObject({ pid: service.pid, running: 0, pending: [] });
  });

  it.each([
    ['GET', '/v1/nothing', undefined, 'there is nothing of that name'],
    ['GET', '/v1/containers/0101', undefined, 'bad container id'],
    ['GET', '/v1/containers/999', undefined, 'container 999 does not exist'],
    ['POST', '/v1/containers/999/start', {}, 'container 999 does not exist'],
    ['POST', '/v1/containers/101/start', { forse: true }, "unknown field 'forse'"],
    ['POST', '/v1/containers/101/start', { force: 'yes' }, "'force' must be true or false"],
    ['PUT', '/v1/containers/101/console/size', { rows: 0, columns: 80 }, "'rows' must be a number"],
    ['POST', '/v1/containers/101/start', { force: 'x'.repeat(70_000) }, 'larger than 65536 bytes'],
  ] as const)('says what is wrong with %s %s', { tags: ['slow'] }, async (method, path, body, message) => {
    await expect(client.call(method, path, body)).rejects.toThrow(message);
  });

  it('tells what happens, whoever did it', async () => {
    const told: ToldEvent[] = [];
    const stop = new AbortController();
    const listening = (async () => {
      for await (const event of client.events(stop.signal)) told.push(event);
    })();
    const has = (type: string) =>
      eventually(() =>
        expect(told).toContainEqual(
          expect.objectContaining(type === 'listening' ? { type } : { type, ctid: 102 }),
        ),
      );
    await has('listening');
    await sandbox.create(102);
    await has('created');
    await sandbox.good('start', '102');
    await has('started');
    await sandbox.good('stop', '102', '--fast');
    await has('ended');
    await client.call('POST', '/v1/containers/102/start', {});
    await client.call('POST', '/v1/containers/102/stop', { fast: true });
    await has('begun');
    await has('done');
    await sandbox.good('destroy', '102');
    await has('destroyed');
    expect(told.map(({ time }) => Date.parse(time))).not.toContain(Number.NaN);
    stop.abort();
    await listening;
  });

  it('counts for Prometheus', async () => {
    await client.call('POST', '/v1/containers/101/start', {});
    const text = String(await client.call('GET', '/v1/metrics'));
    expect(text).toMatch(/^cella_container_running\{ctid="101"\} 1$/m);
    expect(text).toMatch(/^cella_container_memory_bytes\{ctid="101"\} [1-9]\d+$/m);
    expect(text).toMatch(/^# TYPE cella_container_cpu_seconds_total counter$/m);
    expect(text).toMatch(/^cella_container_cpu_seconds_total\{ctid="101"\} \d+(\.\d+)?$/m);
    // PSI may be left out of a kernel, or off (psi=0).
    for (const resource of existsSync('/proc/pressure/cpu') ? ['cpu', 'memory', 'io'] : [])
      for (const kind of ['waiting', 'stalled'])
        expect(text).toContain(
          `cella_container_pressure_${kind}_seconds_total{ctid="101",resource="${resource}"} `,
        );
    expect(text).toMatch(/^cella_container_starts_total\{ctid="101"\} \d+$/m);
    expect(text).toMatch(/^cella_service_process_resident_memory_bytes \d+/m);
    await client.call('POST', '/v1/containers/101/stop', { fast: true });
  });
});

describe('a client that', { tags: ['slow'] }, () => {
  const opened: Socket[] = [];
  const open = (): Socket => {
    const socket = connect(socketPath());
    socket.on('error', () => undefined);
    opened.push(socket);
    return socket;
  };
  const closed = (socket: Socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()));
  afterAll(() => {
    for (const socket of opened) socket.destroy();
  });

  it('says nothing, or never ends, is let go', async () => {
    const [silent, slow, endless] = [open(), open(), open()];
    silent.resume();
    slow.resume().write('POST /v1/containers/101/start HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{');
    endless.resume().write(`GET /v1/ HTTP/1.1\r\nx: ${'y'.repeat(20_000)}`);
    await Promise.all([closed(slow), closed(endless), closed(silent)]);
  });

  it('talks nonsense does nobody else harm', async () => {
    for (const words of [
      '\0\0\0\0',
      'GET http://[ HTTP/1.1\r\nhost: x\r\n\r\n',
      'GET // HTTP/1.1\r\nhost: x\r\n\r\n',
      '\r\n'.repeat(5000),
    ])
      open().resume().end(words);
    open()
      .resume()
      .end(
        'GET /v1/containers/1/console HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
      );
    open()
      .resume()
      .end('GET http://[ HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: cella-console\r\n\r\n');
    expect(await client.call('GET', '/v1/')).toMatchObject({ pid: service.pid });
  });

  it('is one of too many keeps nobody from coming later', async () => {
    const many = Array.from({ length: 300 }, open);
    await eventually(() =>
      expect(many.some((socket) => socket.destroyed || socket.readableEnded)).toBe(true),
    );
    for (const socket of many) socket.destroy();
    await eventually(async () =>
      expect(await client.call('GET', '/v1/')).toMatchObject({ pid: service.pid }),
    );
  });
});
