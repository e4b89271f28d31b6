/** cella check: what this host has and lacks, as root and not, and that asking changes nothing. */

import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { traces } from '../helpers/leaks.js';
import { lack } from '../helpers/requires.js';
import { CLI, watch } from '../helpers/sandbox.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox();

interface Finding {
  readonly subject: string;
  readonly state: string;
  readonly required: boolean;
  readonly fact: string;
  readonly consequence: string | null;
  readonly advice: string | null;
}

/** Through other programs, which may take rights away; by subject. */
async function check(before: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const [command = '', ...args] = [...before, process.execPath, `${CLI}cella.cjs`, 'check', '--json'];
  const running = watch(
    spawn(command, args, { env: { ...process.env, CELLA_ROOT: sandbox.rootDir, ...env } }),
  );
  const { code, stdout, stderr } = await running.ended;
  expect(stderr).toBe('');
  const findings = JSON.parse(stdout) as readonly Finding[];
  return { code, by: new Map(findings.map((finding) => [finding.subject, finding])), findings };
}

describe('check', () => {
  it('finds that containers can run here, and is right about what else there is', async () => {
    const { code, by, findings } = await check();
    expect(findings.filter(({ required, state }) => required && state !== 'ok')).toEqual([]);
    expect(code).toBe(0);
    const state = (subject: string) => by.get(subject)?.state;
    expect(by.get('kernel')?.fact).toBe(readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim());
    expect(state('criu') === 'ok').toBe((await lack('criu')) === undefined);
    expect(state('mmdebstrap') === 'ok').toBe((await lack('mmdebstrap')) === undefined);
    expect(by.get('controller memory')?.fact).toBe((await lack('cgroup-v1')) === undefined ? 'v1' : 'v2');
    expect(by.get('delegation')?.fact.includes('cella.service')).toBe((await lack('systemd')) === undefined);
    for (const { state, consequence, advice } of findings) {
      expect(consequence === null).toBe(state === 'ok');
      if (state !== 'ok') expect(advice).toMatch(/^[A-Z][^.].*\.$/);
    }
  });

  it('says it to people in lines', { tags: ['slow'] }, async () => {
    const { code, stdout } = await sandbox.run('cella', ['check']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ok {7}kernel: \S+$/m);
    expect(stdout).toMatch(/^(ok|lacking|untried) +project quota: /m);
  });

  it('changes nothing', async () => {
    const before = traces(sandbox.rootDir);
    await check();
    expect(traces(sandbox.rootDir)).toEqual(before);
  });

  it('tells an ordinary user less', { tags: ['slow'] }, async () => {
    chmodSync(sandbox.rootDir, 0o755);
    const { code, by } = await check(['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups']);
    expect(code).toBe(12);
    expect(by.get('root')).toMatchObject({ state: 'lacking', fact: 'this is user 65534' });
    expect(by.get('idmapped mounts')).toMatchObject({ state: 'untried', advice: 'Ask again as root.' });
    expect(by.get('kernel')).toMatchObject({ state: 'ok' });
  });

  it('names what is missing, what that means, and what to do', async () => {
    const bin = `${sandbox.rootDir}/bin`;
    mkdirSync(bin);
    await sandbox.shell('ln -s /usr/bin/* "$1"; ln -sf /bin/* "$1"; rm "$1/zstd"', bin);
    const { code, by } = await check([], { PATH: bin });
    rmSync(bin, { recursive: true });
    expect(code).toBe(0);
    expect(by.get('archivers')).toEqual({
      subject: 'archivers',
      state: 'lacking',
      required: false,
      fact: 'no zstd',
      consequence: 'backups cannot be made',
      advice: 'Install tar and zstd.',
    });
  });

  it('fails where containers cannot run: without namespaces, without setup', { tags: ['slow'] }, async () => {
    // The sysctl is that of the user namespace.
    const none = 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"';
    const limited = await check(['unshare', '--user', '--map-root-user', 'sh', '-euc', none, 'sh']);
    expect(limited.code).toBe(5);
    expect(limited.by.get('namespaces')).toMatchObject({
      state: 'lacking',
      fact: 'the sysctl user.max_user_namespaces is 0',
    });
    const bare = await check([], { CELLA_ROOT: `${sandbox.rootDir}/nowhere` });
    expect(bare.code).toBe(5);
    expect(bare.by.get('setup')).toMatchObject({ state: 'lacking' });
  });
});
