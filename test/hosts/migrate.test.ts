/** Containers that move between two hosts by ssh: what is connected to them stays so. */
import { execFile } from 'node:child_process';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { requires } from '../helpers/requires.js';
import { CLI } from '../helpers/sandbox.js';
import { useSandbox } from '../helpers/use-sandbox.js';

requires('two-hosts');

const PEER = process.env.CELLA_TEST_PEER ?? '';
const THERE = '/var/tmp/cella-migrate';
const HERE = '10.77.0.1';
const ADDRESS = '10.77.0.50';
const execute = promisify(execFile);
const ssh = async (command: string): Promise<string> => (await execute('ssh', [PEER, command])).stdout.trim();

const sandbox = useSandbox({ needs: ['two-hosts'], keep: [101] });
/** A command of Cella's, as a shell of either host is told it. */
const command = (name: string, root: string, ...args: readonly string[]): string =>
  `cd /srv/cella; .node/node ${CLI}${name}.cjs --root-dir ${root} ${args.join(' ')}`;
const there = (name: string, ...args: readonly string[]): Promise<string> =>
  ssh(command(name, THERE, ...args));

async function onward(...options: readonly string[]): Promise<void> {
  const remote = command('vzmigrate', THERE);
  const argv = ['--remote-command', remote, '--json', ...options, PEER, '101'];
  expect(await sandbox.run('vzmigrate', argv)).toMatchObject({ code: 0, stderr: '' });
}

async function back(...options: readonly string[]): Promise<void> {
  const remote = command('vzmigrate', sandbox.rootDir);
  await there('vzmigrate', '--remote-command', `"${remote}"`, '--json', ...options, 'vm1', '101');
}

const inside = async (where: 'here' | 'there', script: string): Promise<string> =>
  where === 'here'
    ? (await sandbox.vzctl(['exec', '101', script])).stdout.trim()
    : there('vzctl', 'exec', '101', `'${script.replaceAll("'", "'\\''")}'`);

/** Says back what it is told, for as long as the connection is there. By the address that the two hosts do not share. */
class Talk {
  readonly #client = connect({ host: ADDRESS, port: 7000, localAddress: HERE });
  readonly #lines = createInterface({ input: this.#client })[Symbol.asyncIterator]();

  async hears(text: string): Promise<void> {
    this.#client.write(`${text}\n`);
    const silence = sleep(60_000, { value: 'silence' });
    expect((await Promise.race([this.#lines.next(), silence])).value).toBe(text);
  }

  end(): void {
    this.#client.destroy();
  }
}

beforeAll(async () => {
  await there('vzctl', 'setup');
});
afterEach(async () => {
  await sandbox.vzctl(['stop', '101', '--fast']);
  await sandbox.vzctl(['destroy', '101']);
  await there('vzctl', 'stop', '101', '--fast', '2>&1 || true');
  await there('vzctl', 'destroy', '101', '2>&1 || true');
});
afterAll(async () => {
  await ssh(`rm -rf --one-file-system ${THERE}`);
});

const ECHO = {
  busybox: '(nc -l -p 7000 -e cat </dev/null >/dev/null 2>&1 &); sleep 1',
  'debian-13': `systemd-run --quiet --unit=echo perl -e 'use Socket; socket(S, PF_INET, SOCK_STREAM, 0); setsockopt(S, SOL_SOCKET, SO_REUSEADDR, 1); bind(S, sockaddr_in(7000, INADDR_ANY)); listen(S, 5); accept(C, S); select(C); $|=1; print while <C>'; sleep 3`,
} as const;

describe.each(['busybox', 'debian-13'] as const)('%s', (kind) => {
  it('moves there and back with a connection that stays', { timeout: 900_000 }, async () => {
    const template = kind === 'busybox' ? kind : await sandbox.template(kind);
    if (kind !== 'busybox') {
      const cache = '/var/lib/vz/template/cache';
      const source = await sandbox.shell('readlink -f "$1"', `${sandbox.rootDir}${cache}/${template}`);
      await ssh(`mkdir -p ${THERE}${cache}; ln -sfn ${source.trim()} ${THERE}${cache}/${template}`);
    }
    await sandbox.createFrom(template, 101);
    await sandbox.good('set', '101', '--ipadd', ADDRESS, '--save');
    await sandbox.good('start', '101', '--wait');
    await inside('here', ECHO[kind]);
    const talk = new Talk();
    try {
      await talk.hears('before');
      for (const round of kind === 'busybox' ? ['once'] : ['once', 'twice']) {
        await onward('--online');
        await talk.hears(`there ${round}`);
        expect(await there('vzctl', 'status', '101')).toBe('CTID 101 exist mounted running');
        if (kind !== 'busybox') expect(await inside('there', 'systemctl is-system-running')).toBe('running');
        await back('--online');
        await talk.hears(`back ${round}`);
        expect((await sandbox.vzctl(['status', '101'])).stdout).toBe('CTID 101 exist mounted running\n');
      }
    } finally {
      talk.end();
    }
  });
});
