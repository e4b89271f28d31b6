/** enter is a real terminal: job control, size, exit status, nothing of the host inside. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { openHost } from '../../dist/index.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ keep: [101] });
beforeAll(async () => {
  await sandbox.create(101, '--hostname', 'tty.example');
  await sandbox.vzctl(['start', '101', '--wait']);
});

/** A shell on a terminal, typed into; what it printed so far, and a way to wait for more. */
async function openShell(size = { rows: 24, columns: 80 }) {
  const container = (await openHost({ rootDir: sandbox.rootDir })).container(101);
  const guest = await container.enter(size);
  let text = '';
  guest.terminal.on('data', (data: Buffer) => {
    text += data.toString();
  });
  return {
    guest,
    printed: () => text,
    type: (text: string): void => void guest.terminal.write(text),
    seen: (pattern: RegExp) => expect.poll(() => text, { timeout: 20_000 }).toMatch(pattern),
  };
}

describe('enter', () => {
  it('gives a controlling terminal of the container, and returns the status of the shell', async () => {
    const { guest, type, seen } = await openShell();
    type('tty; echo "on $(hostname)"\n');
    await seen(/\/dev\/pts\/\d+/);
    await seen(/on tty\.example/);
    type('exit 5\n');
    expect(await guest.wait()).toEqual({ code: 5, signal: null });
  });

  it('has the size that it is given, and follows a resize', async () => {
    const { guest, type, seen } = await openShell({ rows: 33, columns: 101 });
    type('stty size\n');
    await seen(/33 101/);
    guest.resize(44, 122);
    type('stty size\n');
    await seen(/44 122/);
    type('exit\n');
    await guest.wait();
  });

  it('interrupts and suspends jobs by keys', async () => {
    const { guest, type, seen } = await openShell();
    const sleeping = () => sandbox.vzctl(['exec', '101', 'pidof sleep']).then(({ code }) => code === 0);
    // A key must reach the job, not the shell's line editor.
    const untilAsleep = () => expect.poll(sleeping, { timeout: 20_000 }).toBe(true);
    await seen(/# /);
    type('/bin/sleep 1000\n');
    await untilAsleep();
    type('\u0003');
    await expect.poll(sleeping, { timeout: 20_000 }).toBe(false);
    type('echo "was $?"\n');
    await seen(/was 130/);
    type('/bin/sleep 1000\n');
    await untilAsleep();
    type('\u001a');
    await seen(/Stopped/);
    guest.kill('SIGKILL');
    await guest.wait();
  });

  it('holds no descriptor but its terminal', async () => {
    const { guest, type, seen, printed } = await openShell();
    await seen(/# /);
    type('exec ls -l /proc/self/fd\n');
    await guest.wait();
    await seen(/ 0 -> \/dev\/pts\/\d+/);
    const targets = [...printed().matchAll(/ \d+ -> (\S+)/g)].map(([, target]) => target);
    expect(targets).toEqual(Array(3).fill(expect.stringMatching(/^\/dev\/pts\/\d+$/)));
  });

  it('works from the command line inside a terminal, and leaves that as it was', async () => {
    const vzctl = fileURLToPath(new URL('../../dist/bin/vzctl.cjs', import.meta.url));
    // script(1) of util-linux makes the operator's terminal.
    const command = `stty -a | md5sum; ${process.execPath} ${vzctl} enter 101; echo "status $?"; stty -a | md5sum`;
    const operator = spawn('script', ['-qec', command, '/dev/null'], {
      env: { ...process.env, CELLA_ROOT: sandbox.rootDir, TERM: 'vt100' },
    });
    let printed = '';
    operator.stdout.on('data', (data: Buffer) => {
      printed += data.toString();
    });
    await expect.poll(() => printed, { timeout: 20_000 }).toMatch(/# /);
    operator.stdin.write('echo "term $TERM"; exit 6\n');
    await expect.poll(() => printed, { timeout: 20_000 }).toMatch(/status 6/);
    operator.stdin.end();
    await expect.poll(() => printed.match(/[0-9a-f]{32}/g)?.length, { timeout: 20_000 }).toBe(2);
    const [before, after] = printed.match(/[0-9a-f]{32}/g) ?? [];
    expect(after).toBe(before);
    expect(printed).toContain('term vt100');
  });
});
