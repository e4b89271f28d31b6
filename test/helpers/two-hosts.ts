/** Container 101 of two machines: where it is, what is said there, and how it gets from one to the other. */
import { execFile } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import type { MigrateMode } from '../../src/migrate/modes.js';
import { CLI, type Result, type Sandbox } from './sandbox.js';
import type { Recipe } from './templates.js';

const PEER = process.env.CELLA_TEST_PEER ?? '';
/** This machine's address in the network of the two, and one for a container, which either may have. */
export const HERE = '10.77.0.1';
export const ADDRESS = '10.77.0.50';

const execute = promisify(execFile);

export class TwoHosts {
  readonly #sandbox: Sandbox;
  readonly #there: string;

  /** `there`: root directory at the other host. */
  constructor(sandbox: Sandbox, there: string) {
    this.#sandbox = sandbox;
    this.#there = there;
  }

  /** A line of shell at the other host. */
  async ssh(command: string): Promise<string> {
    return (await execute('ssh', [PEER, command])).stdout.trim();
  }

  /** A command of ours there. */
  there(name: string, ...args: readonly string[]): Promise<string> {
    return this.ssh(command(name, this.#there, ...args));
  }

  async open(): Promise<void> {
    await this.there('vzctl', 'setup');
  }

  async clear(): Promise<void> {
    for (const verb of ['stop 101 --fast', 'destroy 101']) {
      await this.#sandbox.vzctl(verb.split(' '));
      await this.there('vzctl', verb, '2>&1 || true');
    }
  }

  async close(): Promise<void> {
    await this.ssh(`rm -rf --one-file-system ${this.#there}`);
  }

  /** Has the template at both; one that is up, here. */
  async start(recipe: Recipe): Promise<void> {
    const template = recipe === 'busybox' ? recipe : await this.#sandbox.template(recipe);
    if (recipe !== 'busybox') {
      const cache = '/var/lib/vz/template/cache';
      const source = await this.#sandbox.shell(
        'readlink -f "$1"',
        `${this.#sandbox.rootDir}${cache}/${template}`,
      );
      await this.ssh(
        `mkdir -p ${this.#there}${cache}; ln -sfn ${source.trim()} ${this.#there}${cache}/${template}`,
      );
    }
    await this.#sandbox.createFrom(template, 101);
    await this.#sandbox.good('set', '101', '--ipadd', ADDRESS, '--save');
    await this.#sandbox.good('start', '101', '--wait');
  }

  /** What vzmigrate gets that is to bring it to the other host. */
  onwardArguments(...options: readonly string[]): readonly string[] {
    return ['--remote-command', command('vzmigrate', this.#there), '--json', ...options, PEER, '101'];
  }

  /** The same; at a point of `faultPoint` there, the other host's power goes, and comes again. */
  darkArguments(point: string, ...options: readonly string[]): readonly string[] {
    const receives = `export CELLA_FAULT=${point}; ${command('vzmigrate', this.#there, '"$@"')}`;
    const remote = `sh -c '${receives}; echo b >/proc/sysrq-trigger; sleep 60' sh`;
    return ['--remote-command', remote, '--json', ...options, PEER, '101'];
  }

  bootOfOther(): Promise<string> {
    return this.ssh('cat /proc/sys/kernel/random/boot_id');
  }

  /** Until it takes commands in another life. */
  async untilOtherIsBack(before: string): Promise<void> {
    const boot = () => this.bootOfOther().catch(() => before);
    await expect.poll(boot, { timeout: 600_000, interval: 2000 }).not.toBe(before);
  }

  /** Any command there that changes something finishes what was left; it may have nothing to change. */
  async touchThere(): Promise<void> {
    await this.there('vzctl', 'set', '101', '--description', 'looked', '--save', '2>&1 || true');
  }

  /** Names of private areas and dumps there. */
  leftThere(): Promise<string> {
    const below = `${this.#there}/var/lib/vz`;
    return this.ssh(`ls -A ${below}/private ${below}/dump 2>/dev/null | grep -v : || true`);
  }

  async onward(...options: readonly string[]): Promise<void> {
    const result: Result = await this.#sandbox.run('vzmigrate', this.onwardArguments(...options));
    expect(result).toMatchObject({ code: 0, stderr: '' });
  }

  async back(...options: readonly string[]): Promise<void> {
    const remote = command('vzmigrate', this.#sandbox.rootDir);
    await this.there('vzmigrate', '--remote-command', `"${remote}"`, '--json', ...options, 'vm1', '101');
  }

  async inside(where: 'here' | 'there', script: string): Promise<string> {
    if (where === 'here') return (await this.#sandbox.vzctl(['exec', '101', script])).stdout.trim();
    return this.there('vzctl', 'exec', '101', `'${script.replaceAll("'", "'\\''")}'`);
  }

  /** There, back and there again, of what runs; `look` after each. */
  async moveAround(
    modes: readonly [MigrateMode, MigrateMode, MigrateMode],
    look: (where: 'here' | 'there') => Promise<void>,
  ): Promise<void> {
    for (const [i, mode] of modes.entries()) {
      const where = i % 2 === 0 ? 'there' : 'here';
      const options = ['--online', '--mode', mode];
      await (where === 'there' ? this.onward(...options) : this.back(...options));
      await look(where);
      await this.expectAt(where);
    }
  }

  /** As `vzctl status` tells it of both. */
  async expectAt(where: 'here' | 'there'): Promise<void> {
    const states = [
      (await this.#sandbox.vzctl(['status', '101'])).stdout.trim(),
      await this.there('vzctl', 'status', '101'),
    ];
    const [runs, gone] = ['CTID 101 exist mounted running', 'CTID 101 deleted unmounted down'];
    expect(states).toEqual(where === 'here' ? [runs, gone] : [gone, runs]);
  }
}

/** Of the container, by the address that the two hosts do not share. */
export const connectTo = (port: number): Socket => connect({ host: ADDRESS, port, localAddress: HERE });

/** As a shell of either host is told it. */
function command(name: string, root: string, ...args: readonly string[]): string {
  return `cd /srv/cella; .node/node ${CLI}${name}.cjs --root-dir ${root} ${args.join(' ')}`;
}
