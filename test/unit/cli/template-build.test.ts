/** cella template build, on a host of plain objects. */
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { main } from '../../../src/cli/main.js';
import type { Host } from '../../../src/container/host.js';
import type { BuildOptions } from '../../../src/template/build.js';

async function build(args: readonly string[], width?: number) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const asked: unknown[] = [];
  const templates = {
    build: async (recipe: string, { arch, report, signal }: BuildOptions) => {
      asked.push({ recipe, arch, aborted: signal?.aborted });
      report?.({ template: 'debian-13-x86_64', step: 'downloading' });
      return { name: 'debian-13-x86_64', directory: '/t/debian-13-x86_64', size: 7 };
    },
  };
  const host = { templates, log: () => undefined } as unknown as Host;
  const io = {
    stdin: new PassThrough(),
    stdout,
    stderr,
    env: {},
    onSignal: () => () => undefined,
    columns: () => width,
    terminal: undefined,
  };
  const status = await main('vzctl', ['template', 'build', ...args], async () => host, io);
  return { status, asked, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

const BUILT = 'Built template debian-13-x86_64 in /t/debian-13-x86_64\n';

describe('template build', () => {
  it('tells what it is at in lines of their own where nobody watches', async () => {
    expect(await build(['debian-13', '--arch', 'arm64'])).toEqual({
      status: 0,
      asked: [{ recipe: 'debian-13', arch: 'arm64', aborted: false }],
      out: `debian-13-x86_64: downloading\n${BUILT}`,
      err: '',
    });
  });

  it('keeps to one line of a terminal', async () => {
    const { out } = await build(['debian-13'], 20);
    expect(out).toBe(`\r\u001b[Kdebian-13-x86_64: d\r\u001b[K${BUILT}`);
  });

  it('speaks JSON, a line at a time', async () => {
    const { out } = await build(['debian-13', '--json']);
    expect(
      out
        .trim()
        .split('\n')
        .map((line): unknown => JSON.parse(line)),
    ).toEqual([
      { template: 'debian-13-x86_64', step: 'downloading' },
      { template: 'debian-13-x86_64', directory: '/t/debian-13-x86_64', manifest: { size: 7 } },
    ]);
  });

  it('wants a recipe', async () => {
    expect(await build([])).toMatchObject({ status: 27, out: '' });
  });
});
