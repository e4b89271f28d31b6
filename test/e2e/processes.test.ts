/** vzps, vzpid and vztop: whose the host's processes are, and what containers use. */
import { existsSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { CLI } from '../helpers/sandbox.js';
import { onTerminal } from '../helpers/terminal.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ keep: [101, 102, 103] });

beforeAll(async () => {
  for (const ctid of [101, 102, 103])
    await sandbox.create(ctid, '--hostname', `h${ctid}.example`, '--ram', '64M');
  for (const ctid of [101, 102]) await sandbox.good('start', String(ctid));
});

/** Runs on in 101 until the test is over; its command shows in ps. */
async function busy<T>(script: string, work: () => Promise<T>): Promise<T> {
  const running = sandbox.spawn('vzctl', ['exec', '101', script]);
  try {
    await expect
      .poll(async () => (await sandbox.run('vzps', ['-E', '101'])).stdout.split('\n').length, {
        timeout: 10_000,
      })
      .toBeGreaterThan(3);
    return await work();
  } finally {
    await sandbox.vzctl(['exec', '101', 'kill -9 -1']);
    await running.ended;
  }
}

const vzps = async (...args: readonly string[]) => {
  const { code, stdout, stderr } = await sandbox.run('vzps', args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.split('\n').slice(0, -1);
};

/** Pids on the host of 101, by their commands. */
async function pidsOf(): Promise<ReadonlyMap<string, number>> {
  const [, ...lines] = await vzps('-E', '101', '-o', 'pid,comm');
  return new Map(
    lines.map((line) => line.trim().split(/\s+/)).map(([, pid, name]) => [name ?? '', Number(pid)]),
  );
}

describe('vzps', () => {
  it('lists the processes of one container, as the options of ps have it', async () => {
    await busy('sleep 1000', async () => {
      const [header, ...lines] = await vzps('-E', '101', 'aux');
      expect(header).toMatch(/^ {6}CTID USER +PID %CPU/);
      expect(lines.map((line) => line.trim().split(/\s+/)[0])).toEqual(lines.map(() => '101'));
      expect(lines.some((line) => line.includes('sleep 1000'))).toBe(true);
      expect(lines.some((line) => / init$/.test(line))).toBe(true);
      expect(await vzps('-E', '102', '-o', 'args=')).toEqual([
        expect.any(String),
        expect.stringMatching(/^ +102 init$/),
      ]);
    });
  });

  it('lists all processes with their containers, those of the host as 0', async () => {
    const lines = (await vzps('-o', 'pid,args')).map((line) => line.trim().split(/\s+/));
    const ids = new Set(lines.map(([ctid]) => ctid));
    expect([...ids]).toEqual(expect.arrayContaining(['0', '101', '102']));
    expect(lines.find(([, pid]) => pid === String(process.pid))?.[0]).toBe('0');
    expect((await vzps('-E', '0')).every((line) => /^ +(CTID|0) /.test(line))).toBe(true);
  });

  it('is not deceived by what a process calls itself', { tags: ['slow'] }, async () => {
    const script = `cd /root; printf '#!/bin/sh\\nwhile :; do sleep 1; done' > "1 $(printf '\\033')[2J"; chmod +x 1*; exec ./1*`;
    await busy(script, async () => {
      for (const format of ['comm,pid', 'pid,comm']) {
        const lines = await vzps('-E', '101', '-o', format);
        expect(lines.filter((line) => /1 [?.]\[2J/.test(line))).toHaveLength(1);
        expect(lines.join('')).not.toMatch(/\p{Cc}/u);
      }
      expect((await vzps('-E', '0', '-o', 'comm,pid')).some((line) => line.includes('[2J'))).toBe(false);
    });
  });

  it('says what ps complains of, and what it cannot tell', { tags: ['slow'] }, async () => {
    const refused = { code: 20, stdout: '' };
    expect(await sandbox.run('vzps', ['--nonsense'])).toMatchObject(refused);
    expect(await sandbox.run('vzps', ['auxh'])).toMatchObject(refused);
    expect(await sandbox.run('vzps', ['-E', 'x'])).toMatchObject({ code: 14, stdout: '' });
    expect(await sandbox.run('vzps', ['-E', ''])).toMatchObject({ code: 21, stdout: '' });
  });
});

describe('vzpid', () => {
  it('tells the container of processes, and their pids in it', { tags: ['slow'] }, async () => {
    await busy('sleep 1000', async () => {
      const pids = await pidsOf();
      const [init, sleep] = [pids.get('init'), pids.get('sleep')].map(String);
      const { stdout } = await sandbox.run('vzpid', ['-p', init ?? '', sleep ?? '', String(process.pid)]);
      const rows = stdout
        .split('\n')
        .slice(0, -1)
        .map((line) => line.split(/ +/));
      const inner = (await sandbox.vzctl(['exec', '101', 'pidof sleep'])).stdout.trim();
      expect(rows.map((row) => row.slice(0, 3))).toEqual([
        ['Pid', 'CTID', 'VPid'],
        [init, '101', '1'],
        [sleep, '101', inner],
        [String(process.pid), '0', '-'],
      ]);
      const asked = await sandbox.run('vzctl', ['pid', '--json', '-'], { input: `${sleep}\n` });
      expect(JSON.parse(asked.stdout)).toEqual([
        { pid: Number(sleep), ctid: 101, innerPid: Number(inner), name: 'sleep' },
      ]);
    });
  });

  it('knows processes that an administrator put in without the control groups', {
    tags: ['slow'],
  }, async () => {
    const init = (await pidsOf()).get('init') ?? 0;
    const script = `nsenter -t ${init} -p sh -c 'sleep 1000 >/dev/null 2>&1 & echo $!'; pgrep -n -x sleep`;
    const [inner, pid] = (await sandbox.shell(script)).trim().split('\n');
    expect(JSON.parse((await sandbox.run('vzpid', ['-j', pid ?? ''])).stdout)).toEqual([
      { pid: Number(pid), ctid: 101, innerPid: Number(inner), name: 'sleep' },
    ]);
    process.kill(Number(pid), 'SIGKILL');
  });

  it('complains of a process that there is not, after all others', { tags: ['slow'] }, async () => {
    const { code, stdout, stderr } = await sandbox.run('vzpid', ['4194304', '1']);
    expect({ code, stderr }).toEqual({ code: 21, stderr: 'there is no process 4194304\n' });
    expect(stdout).toMatch(/^Pid +CTID +Name\n1 +0 +\S/);
    expect(await sandbox.run('vzpid', ['0'])).toMatchObject({ code: 21, stdout: '' });
    expect(await sandbox.run('vzpid', ['1x'])).toMatchObject({ code: 21, stdout: '' });
  });
});

interface Row {
  readonly ctid: number;
  readonly status: string;
  readonly name: string;
  readonly cpu: number | null;
  readonly memory: number | null;
  readonly limit: number | null;
  readonly tasks: number | null;
  readonly written: number | null;
}

describe('vztop', () => {
  const look = async (...args: readonly string[]): Promise<readonly Row[]> => {
    const { code, stdout } = await sandbox.run('vztop', ['--json', '-n', '1', '-d', '1', ...args]);
    expect(code).toBe(0);
    return (JSON.parse(stdout) as { containers: readonly Row[] }).containers;
  };

  it('shows who uses the processor, memory and disk', async () => {
    const script =
      'yes > /dev/null & while :; do dd if=/dev/zero of=/root/file bs=1M count=4 conv=fsync 2>/dev/null; done';
    await busy(script, async () => {
      const [first, second, third] = await look('-a');
      expect(first).toMatchObject({ ctid: 101, status: 'running', name: 'h101.example', limit: 64 << 20 });
      expect(first?.cpu).toBeGreaterThan(10);
      expect(first?.tasks).toBeGreaterThanOrEqual(3);
      expect(first?.written).toBeGreaterThan(100_000);
      expect(second).toMatchObject({ ctid: 102, status: 'running', tasks: 1 });
      expect(second?.cpu).toBeLessThan(10);
      expect(second?.memory).toBeGreaterThan(100_000);
      expect(second?.memory).toBeLessThan(8 << 20);
      expect(third).toMatchObject({ ctid: 103, status: 'stopped', cpu: null, memory: null, tasks: null });
    });
  });

  it('shows those asked for, in the order asked for', { tags: ['slow'] }, async () => {
    expect((await look('102')).map(({ ctid }) => ctid)).toEqual([102]);
    expect((await look('-a', '-s', 'ctid')).map(({ ctid }) => ctid)).toEqual([101, 102, 103]);
    const { stdout } = await sandbox.run('vzctl', ['top', '-b', '-n', '2', '-d', '0.1']);
    expect(stdout.match(/^ +102 .* running h102\.example$/gm)).toHaveLength(2);
  });

  it.each([[['-d', '0']], [['-d', '1e9']], [['-n', '0']], [['-s', 'x']], [[]]])(
    'refuses %j',
    { tags: ['slow'] },
    async (args) => {
      expect(await sandbox.run('vztop', args)).toMatchObject({ code: 20, stdout: '' });
    },
  );

  it('ends when nobody reads any more, and when it is interrupted', { tags: ['slow'] }, async () => {
    await sandbox.shell(`"$1" "$2" -b -d 0.1 | head -n 1`, process.execPath, `${CLI}vztop.cjs`);
    const running = sandbox.spawn('vztop', ['--json', '-d', '0.1']);
    await new Promise((resolve) => running.child.stdout?.once('data', resolve));
    running.child.kill('SIGINT');
    expect(await running.ended).toMatchObject({ code: 130, stderr: 'interrupted\n' });
  });
});

describe('cella stats', () => {
  it('shows the same once, with what is waited for where the kernel tells', { tags: ['slow'] }, async () => {
    await busy('yes > /dev/null & yes > /dev/null', async () => {
      const args = ['stats', '--no-stream', '-d', '1', '101'];
      const { code, stdout } = await sandbox.run('cella', [...args, '--json']);
      expect(code).toBe(0);
      const { containers } = JSON.parse(stdout) as { containers: readonly Row[] };
      const told = existsSync('/proc/pressure/cpu') ? expect.any(Number) : null;
      const pressure = { cpu: told, memory: told, io: told };
      expect(containers).toMatchObject([{ ctid: 101, pressure, sent: null, received: null }]);
      expect(containers[0]?.cpu).toBeGreaterThan(10);
      expect((await sandbox.run('cella', args)).stdout).toMatch(/ SENT\/S WAITCPU .*\n +101 .* running /);
    });
  });
});

/** What stands in a line to be acted upon. */
const SENT = ['\u001b[K', '\u001b[7m', '\u001b[0m'];

describe('vztop on a terminal', { tags: ['slow'] }, () => {
  const open = (size = { rows: 10, columns: 80 }, before = '') =>
    onTerminal(`${before}${process.execPath} ${CLI}vztop.cjs -d 60`, size, {
      CELLA_ROOT: sandbox.rootDir,
      TERM: 'xterm',
    });
  /** What the last whole screen shows. */
  const screen = (text: string): readonly string[] =>
    (text.split('\u001b[H').at(-1)?.split('\u001b[J')[0] ?? '')
      .split(/\r+\n/)
      .map((line) => SENT.reduce((text, sent) => text.replaceAll(sent, ''), line));

  it('shows a table until q, and leaves the terminal as it was', async () => {
    const terminal = await onTerminal(
      `sh -c 'stty -a | md5sum; ${process.execPath} ${CLI}vztop.cjs; echo "status $?"; stty -a | md5sum'`,
      { rows: 10, columns: 80 },
      { CELLA_ROOT: sandbox.rootDir, TERM: 'xterm' },
    );
    await terminal.seen(/h102\.example/);
    const shown = screen(terminal.printed());
    expect(shown[0]).toMatch(/^\d\d:\d\d:\d\d, 2 running, 2 tasks, .*by cpu$/);
    expect(shown[1]).toMatch(/^ +CTID +%CPU/);
    expect(shown).toHaveLength(4);
    terminal.type('q');
    expect(await terminal.ended).toBe(0);
    expect(terminal.printed()).toContain('\u001b[?1049lstatus 0\r\n');
    const [before, after] = terminal.printed().match(/[0-9a-f]{32}/g) ?? [];
    expect(after).toBe(before);
  });

  it('follows keys at once', { tags: ['slow'] }, async () => {
    const terminal = await open();
    await terminal.seen(/by cpu/);
    terminal.type('a');
    await terminal.seen(/103.*stopped/);
    terminal.type('n');
    await terminal.seen(/by ctid/);
    expect(
      screen(terminal.printed())
        .slice(2)
        .map((line) => line.trim().split(' ')[0]),
    ).toEqual(['101', '102', '103']);
    terminal.type('r');
    await expect.poll(() => screen(terminal.printed())[2], { timeout: 10_000 }).toMatch(/^ +103 /);
    terminal.type('\u0003');
    expect(await terminal.ended).toBe(0);
  });

  it('follows the size of the terminal', { tags: ['slow'] }, async () => {
    const terminal = await open();
    await terminal.seen(/h102\.example/);
    terminal.resize({ rows: 3, columns: 40 });
    await terminal.seen(/… and 2 more/);
    for (const line of screen(terminal.printed())) expect(line.length).toBeLessThanOrEqual(40);
    terminal.type('q');
    expect(await terminal.ended).toBe(0);
  });

  it('puts the terminal right when it is ended by a signal', { tags: ['slow'] }, async () => {
    const terminal = await open(undefined, 'sh -c "echo pid \\$\\$; exec \\"\\$@\\"" sh ');
    await terminal.seen(/h102\.example/);
    process.kill(Number(/pid (\d+)/.exec(terminal.printed())?.[1]), 'SIGTERM');
    expect(await terminal.ended).toBe(143);
    expect(terminal.printed().endsWith('\u001b[?25h\u001b[?1049linterrupted\r\n')).toBe(true);
  });
});
