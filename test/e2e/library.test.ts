/** The library as a panel embeds it: events, abort signals, waiting, a console. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type HostEvent, openHost } from '../../dist/index.js';
import { watch } from '../helpers/sandbox.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ clear: [101] });

const LIBRARY = fileURLToPath(new URL('../../dist/index.js', import.meta.url));

const TEMPLATE = { ostemplate: 'busybox', changes: new Map<string, string>() };

async function openContainer() {
  const events: HostEvent[] = [];
  const host = await openHost({ rootDir: sandbox.rootDir, report: (event) => void events.push(event) });
  return { container: host.container(101), events };
}

/** Its shutdown would take half a minute. */
const hangOnShutdown = () =>
  sandbox.vzctl([
    'exec',
    '101',
    "printf '#!/bin/sh\\nexec sleep 30' > /etc/rc.shutdown; chmod +x /etc/rc.shutdown",
  ]);

describe('events', { tags: ['slow'] }, () => {
  it('tell every verb from its begin to its end, and what changed on the way', async () => {
    const { container, events } = await openContainer();
    await container.create(TEMPLATE);
    await container.start({ wait: true });
    await container.stop({ fast: true });
    await container.destroy();
    expect(events.map((event) => ('verb' in event ? `${event.type} ${event.verb}` : event.type))).toEqual([
      'begun create',
      'done create',
      'begun start',
      'mounted',
      'done start',
      'begun stop',
      'unmounted',
      'done stop',
      'begun destroy',
      'removing',
      'done destroy',
    ]);
    expect(events.every(({ ctid }) => ctid === 101)).toBe(true);
  });

  it('tell what failed and why', async () => {
    const { container, events } = await openContainer();
    await expect(container.start()).rejects.toMatchObject({ code: 'NO_CONFIG' });
    expect(events.at(-1)).toMatchObject({ type: 'failed', verb: 'start', error: { code: 'NO_CONFIG' } });
  });

  it('warn of a privileged container', async () => {
    const { container, events } = await openContainer();
    await container.create({ ...TEMPLATE, localUid: 0 });
    expect(events).toContainEqual({
      type: 'warning',
      ctid: 101,
      message: 'container 101 is privileged: root inside is root of this host',
    });
  });
});

describe('containers that one process starts', () => {
  it('have the same mounts, the first and those whose namespaces are made otherwise', async () => {
    const host = await openHost({ rootDir: sandbox.rootDir });
    const container = host.container(101);
    await container.create({ ...TEMPLATE, changes: new Map([['FEATURES', 'nesting:on']]) });
    const seen: string[] = [];
    for (let time = 0; time < 3; time += 1) {
      const { pid } = await container.start({ wait: true });
      seen.push(mountsOf(pid));
      await container.stop({ fast: true });
    }
    expect(new Set(seen)).toEqual(new Set([seen[0]]));
    expect(seen[0]).toMatch(/^\/ \/ overlay /m);
  });
});

/** What is mounted where and how; numbers of devices differ from start to start, and what overlays say of descriptors. */
function mountsOf(pid: number): string {
  const lines = readFileSync(`/proc/${pid}/mountinfo`, 'utf8').trim().split('\n');
  const said = lines.map((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root, target, flags] = before.split(' ');
    return `${root} ${target} ${after.split(' ')[0]} ${flags}`;
  });
  return said.join('\n');
}

describe('an abort', { tags: ['slow'] }, () => {
  it('gives up on a shutdown that hangs, and leaves the container running', async () => {
    const { container } = await openContainer();
    await container.create(TEMPLATE);
    await container.start({ wait: true });
    await hangOnShutdown();
    await expect(container.stop({ signal: AbortSignal.timeout(3000) })).rejects.toThrow(/timeout/i);
    expect(await container.status()).toMatchObject({ mounted: true, running: true });
    expect(await container.stop({ fast: true })).toEqual({ wasRunning: true });
  });

  it('before a start leaves nothing', async () => {
    const { container } = await openContainer();
    await container.create(TEMPLATE);
    await expect(container.start({ signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
    expect(await container.status()).toMatchObject({ mounted: false, running: false });
  });

  it('kills a command', async () => {
    const { container } = await openContainer();
    await container.create(TEMPLATE);
    await container.start({ wait: true });
    const giveUp = new AbortController();
    const command = await container.exec(['/bin/sleep', '60'], { signal: giveUp.signal });
    giveUp.abort();
    expect(await command.wait()).toEqual({ code: null, signal: 9 });
  });
});

describe('wait', () => {
  it('keeps a process alive that does nothing else, and tells how the init ended', {
    tags: ['slow'],
  }, async () => {
    await sandbox.create(101);
    const program = `
      const { openHost } = await import(process.argv[1]);
      const container = (await openHost()).container(101);
      await container.start({ wait: true });
      console.log('up');
      console.log(JSON.stringify(await container.wait()), JSON.stringify(await container.status()));
    `;
    const waiting = watch(
      spawn(process.execPath, ['--input-type=module', '-e', program, LIBRARY], {
        env: { ...process.env, CELLA_ROOT: sandbox.rootDir },
      }),
    );
    await new Promise((resolve) => waiting.child.stdout?.once('data', resolve));
    await sandbox.vzctl(['exec', '101', 'poweroff']);
    const { code, stdout, stderr } = await waiting.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [, ended, status] = /up\n(\{.*\}) (\{.*\})\n/.exec(stdout) ?? [];
    expect(JSON.parse(ended ?? '')).toMatchObject({ code: null, signal: expect.any(Number) });
    expect(JSON.parse(status ?? '')).toMatchObject({ mounted: false, running: false });
  });

  it('settles when another process stops the container', { tags: ['slow'] }, async () => {
    const { container } = await openContainer();
    await container.create(TEMPLATE);
    await container.start({ wait: true });
    const waiting = container.wait();
    await sandbox.spawn('vzctl', ['stop', '101', '--fast']).ended;
    expect(await waiting).toEqual({ code: null, signal: 9 });
  });
});

/** Traces a process (PTRACE_SEIZE of ptrace(2)), and looks at its end only when it is told to. */
const TRACER = `
import ctypes, os, sys
pid = int(sys.argv[1])
assert ctypes.CDLL(None).ptrace(0x4206, pid, 0, 0) == 0
print('traced', flush=True)
sys.stdin.readline()
os.waitpid(pid, 0x40000000)
`;

describe('an init that a debugger holds', () => {
  it('tells how it ended once that lets go of it, and leaves no zombie', async () => {
    const { container } = await openContainer();
    await container.create(TEMPLATE);
    const { pid } = await container.start();
    const tracer = spawn('python3', ['-c', TRACER, String(pid)], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(tracer.stdout, 'data');
    const waiting = container.wait();
    process.kill(pid, 'SIGKILL');
    const state = () => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.[0];
    await expect.poll(state, { timeout: 5000 }).toBe('Z');
    tracer.stdin.end('\n');
    expect(await waiting).toEqual({ code: null, signal: 9 });
    await expect.poll(() => existsSync(`/proc/${pid}`), { timeout: 5000 }).toBe(false);
  });
});

describe('a console', () => {
  it('is a terminal at /dev/console whose other side the caller holds', async () => {
    const { container } = await openContainer();
    await container.create(TEMPLATE);
    const { console } = await container.start({ console: true, wait: true });
    let text = '';
    console?.terminal.on('data', (data: Buffer) => {
      text += data.toString();
    });
    console?.resize(31, 99);
    const inside = await container.exec(['sh', '-c', 'stty -F /dev/console size > /dev/console']);
    expect(await inside.wait()).toEqual({ code: 0, signal: null });
    await expect.poll(() => text, { timeout: 20_000 }).toContain('31 99');
    console?.terminal.destroy();
  });

  it('is not there unless it is asked for', async () => {
    const { container } = await openContainer();
    await container.create(TEMPLATE);
    await container.start({ wait: true });
    const looking = await container.exec(['test', '-e', '/dev/console']);
    expect(await looking.wait()).toEqual({ code: 1, signal: null });
  });
});
