/** A node service of a sandbox: the built `cella service`, as a process of its own. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { ServiceClient } from '../../dist/service/index.js';
import type { Running, Sandbox } from './sandbox.js';

const LIMIT_MS = process.env.CELLA_LANE === 'vm' ? 60_000 : 20_000;

/** Tries again and again until it does not throw. */
export async function eventually<T>(work: () => T | Promise<T>): Promise<T> {
  for (const deadline = Date.now() + LIMIT_MS; ; await sleep(50)) {
    try {
      return await work();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

export class Service {
  readonly sandbox: Sandbox;
  readonly #running: Running;
  #said = '';

  private constructor(sandbox: Sandbox) {
    this.sandbox = sandbox;
    this.#running = sandbox.spawn('cella', ['service']);
    this.#running.child.stdout?.on('data', (text: Buffer) => {
      this.#said += text.toString();
    });
  }

  static async start(sandbox: Sandbox): Promise<Service> {
    const service = new Service(sandbox);
    await service.until(/The node service runs/);
    return service;
  }

  get pid(): number {
    return this.#running.child.pid ?? 0;
  }

  /** Lines so far that match. */
  lines(pattern: RegExp): readonly string[] {
    return this.#said.split('\n').filter((line) => pattern.test(line));
  }

  async until(pattern: RegExp, times = 1): Promise<void> {
    await eventually(() => expect(this.lines(pattern).length, this.#said).toBeGreaterThanOrEqual(times));
  }

  /** It ends by itself, as when `service stop` was said. */
  async ended(): Promise<number | null> {
    return (await this.#running.ended).code;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#running.child.kill(signal);
    await this.#running.ended;
  }
}

/** When nothing runs any more the keeper ends, too, and with it its socket. */
export async function untilKeeperIsGone(sandbox: Sandbox): Promise<void> {
  await eventually(() => expect(existsSync(`${sandbox.rootDir}/run/vz/keeper.sock`)).toBe(false));
}

/** As if the host had booted since the service was there last. */
export function pretendReboot(sandbox: Sandbox): void {
  const path = `${sandbox.rootDir}/var/lib/vz/service.json`;
  const saved = JSON.parse(readFileSync(path, 'utf8')) as object;
  writeFileSync(path, JSON.stringify({ ...saved, bootId: 'another' }));
}

export function initOf(sandbox: Sandbox, ctid: number): number {
  const record = JSON.parse(readFileSync(`${sandbox.rootDir}/run/vz/${ctid}.json`, 'utf8')) as {
    readonly init: { readonly pid: number } | null;
  };
  return record.init?.pid ?? 0;
}

/** The console of a container as somebody sees it who watches, from now on. */
export async function watchConsole(sandbox: Sandbox, ctid: number) {
  const stream = await new ServiceClient(sandbox.rootDir).console(ctid);
  let seen = '';
  stream.on('data', (bytes: Buffer) => {
    seen += bytes.toString();
  });
  return { stream, seen: () => seen };
}
