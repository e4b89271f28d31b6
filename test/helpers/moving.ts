/** A container that counts, moved between two root directories while something breaks: it runs at one of them, with all its memory. */
import { existsSync, readdirSync } from 'node:fs';
import { expect } from 'vitest';
import type { FileSystem, Result, Sandbox } from './sandbox.js';
import { useSandbox } from './use-sandbox.js';

const COUNTER = `(i=0; while :; do i=$((i+1)); echo $i > /run/count; sleep 0.05; done) </dev/null >/dev/null 2>&1 & sleep 0.5`;

export class Moving {
  readonly here: Sandbox;
  readonly there: Sandbox;

  constructor(here: Sandbox, there: Sandbox) {
    this.here = here;
    this.there = there;
  }

  async inside(at: Sandbox, command: string): Promise<string> {
    return (await at.vzctl(['exec', '101', command])).stdout.trim();
  }

  /** How far it is once it runs. */
  async begin(): Promise<number> {
    await this.here.create(101, '--layout', 'overlay:directory');
    await this.here.good('start', '101', '--wait');
    await this.inside(this.here, COUNTER);
    return this.#count(this.here);
  }

  /** Any command that changes something finishes what was left. */
  touch(at: Sandbox): Promise<Result> {
    return at.vzctl(['set', '101', '--description', 'looked', '--save']);
  }

  /** Where it counts on, from `counted` at least, and nowhere else is anything of it. */
  async expectAt(host: 'here' | 'there', counted: number): Promise<void> {
    const [at, other] = host === 'here' ? [this.here, this.there] : [this.there, this.here];
    expect([await this.#isRunning(at), await this.#isRunning(other)]).toEqual([true, false]);
    const now = await this.#count(at);
    expect(now).toBeGreaterThanOrEqual(counted);
    await expect.poll(() => this.#count(at), { timeout: 20_000 }).toBeGreaterThan(now);
    for (const place of [
      '/etc/vz/conf/101.conf',
      '/etc/vz/conf/.101.conf.creating',
      '/var/lib/vz/private/101',
    ])
      expect(existsSync(`${other.rootDir}${place}`), place).toBe(false);
    const dumps = `${at.rootDir}/var/lib/vz/dump`;
    expect(existsSync(dumps) ? readdirSync(dumps) : []).toEqual([]);
  }

  async #count(at: Sandbox): Promise<number> {
    return Number(await this.inside(at, 'until grep . /run/count; do :; done'));
  }

  async #isRunning(at: Sandbox): Promise<boolean> {
    return (await at.vzctl(['status', '101'])).stdout.includes('running');
  }
}

/** `on`: what the other one's root directory is on. */
export function useMoving(on?: FileSystem): Moving {
  const here = useSandbox({ needs: ['criu'], clear: [101] });
  const there = useSandbox({ needs: ['criu'], clear: [101], on });
  return new Moving(here, there);
}
