/** exec, exec2, runscript and enter: streams, signals and statuses through. */
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Io } from '../../../src/cli/io.js';
import { guest, run } from '../../helpers/fake-host.js';

describe('exec', () => {
  it('hands everything after the id to the shell as it stands', async () => {
    const results = { exec: guest({ code: 0, signal: null }, { output: 'out', errors: 'err' }) };
    const result = await run(['exec', '101', 'ls', '-l', '--quiet', '--help', '--', '/'], { results });
    expect(result.calls).toEqual([['exec', ['/bin/sh', '-c', 'ls -l --quiet --help -- /']]]);
    expect(result).toMatchObject({ status: 0, stdout: 'out', stderr: 'err' });
  });

  it('reads commands from standard input for "-"', async () => {
    const process = guest({ code: 0, signal: null });
    const wait = async () => {
      for await (const text of process.stdin) expect(String(text)).toBe('echo hi\n');
      return { code: 0, signal: null };
    };
    const stdin = new PassThrough();
    stdin.end('echo hi\n');
    const result = await run(['exec', '101', '-'], { results: { exec: { ...process, wait } }, stdin });
    expect(result.calls).toEqual([['exec', ['/bin/sh']]]);
    expect(result.status).toBe(0);
  });

  it.each([
    ['exec', { code: 3, signal: null }, 8],
    ['exec', { code: null, signal: 9 }, 8],
    ['exec2', { code: 3, signal: null }, 3],
    ['exec2', { code: null, signal: 9 }, 137],
  ])('%s turns %j into %i', async (verb, ended, status) => {
    expect(await run([verb, '101', 'false'], { results: { exec: guest(ended) } })).toMatchObject({ status });
  });

  it('forwards signals while the command runs, and no longer', async () => {
    const process = guest({ code: 0, signal: null });
    let listening = 0;
    const onSignal: Io['onSignal'] = (names, handler) => {
      listening += 1;
      for (const name of names) handler(name);
      return () => {
        listening -= 1;
      };
    };
    await run(['exec', '101', 'true'], { results: { exec: process }, io: { onSignal } });
    expect(process.kills).toEqual(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']);
    expect(listening).toBe(0);
  });

  it('outlives a reader of its output that went away', async () => {
    const stdout = new PassThrough();
    const process = guest({ code: 0, signal: null }, { output: 'x'.repeat(1 << 20) });
    process.stdin.once('pipe', () => stdout.destroy(Object.assign(new Error('EPIPE'), { code: 'EPIPE' })));
    const result = await run(['exec2', '101', 'yes'], { results: { exec: process }, io: { stdout } });
    expect(result.status).toBe(0);
  });
});

describe('runscript', () => {
  it('returns the status of the script', async () => {
    const result = await run(['runscript', '101', '/tmp/x'], {
      results: { runScript: guest({ code: 4, signal: null }, { output: 'done' }) },
    });
    expect(result).toMatchObject({ status: 4, stdout: 'done', calls: [['runScript', '/tmp/x']] });
  });
});

describe('enter', () => {
  const shell = (wait: () => Promise<unknown>): Record<string, unknown> => {
    const terminal = new PassThrough();
    return { pid: 7, terminal, resize: () => undefined, kill: () => undefined, wait };
  };

  it('asks for a raw terminal of the right size and gives it back', async () => {
    const raw: boolean[] = [];
    const terminal = { setRaw: (on: boolean) => void raw.push(on), size: () => ({ rows: 50, columns: 132 }) };
    const results = { enter: shell(async () => ({ code: 5, signal: null })) };
    const result = await run(['enter', '101', '--exec', 'top'], { results, io: { terminal } });
    expect(result.calls).toEqual([['enter', { rows: 50, columns: 132, command: 'top' }]]);
    expect(result.status).toBe(5);
    expect(raw).toEqual([true, false]);
  });

  it('gives the terminal back when waiting fails', async () => {
    const raw: boolean[] = [];
    const terminal = { setRaw: (on: boolean) => void raw.push(on), size: () => ({ rows: 1, columns: 1 }) };
    const results = { enter: shell(async () => Promise.reject(new Error('lost it'))) };
    expect(await run(['enter', '101'], { results, io: { terminal } })).toMatchObject({ status: 3 });
    expect(raw).toEqual([true, false]);
  });

  it('works without a terminal', async () => {
    const results = { enter: shell(async () => ({ code: 0, signal: null })) };
    const result = await run(['enter', '101'], { results });
    expect(result.calls).toEqual([['enter', { rows: 24, columns: 80 }]]);
    expect(result.status).toBe(0);
  });
});
