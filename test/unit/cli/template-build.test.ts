/** cella template build, on a host of plain objects. */
import { describe, expect, it } from 'vitest';
import type { BuildOptions } from '../../../src/template/build.js';
import { type Run, run } from '../../helpers/fake-host.js';

async function build(args: readonly string[], width?: number): Promise<Run & { readonly asked: unknown[] }> {
  const asked: unknown[] = [];
  const templates = {
    build: async (recipe: string, { arch, report, signal }: BuildOptions) => {
      asked.push({ recipe, arch, aborted: signal?.aborted });
      report?.({ template: 'debian-13-x86_64', step: 'downloading' });
      return { name: 'debian-13-x86_64', directory: '/t/debian-13-x86_64', size: 7 };
    },
  };
  const done = await run(['template', 'build', ...args], { templates, io: { columns: () => width } });
  return { ...done, asked };
}

const BUILT = 'Built template debian-13-x86_64 in /t/debian-13-x86_64\n';

describe('template build', () => {
  it('tells what it is at in lines of their own where nobody watches', async () => {
    expect(await build(['debian-13', '--arch', 'arm64'])).toMatchObject({
      status: 0,
      asked: [{ recipe: 'debian-13', arch: 'arm64', aborted: false }],
      stdout: `debian-13-x86_64: downloading\n${BUILT}`,
      stderr: '',
    });
  });

  it('keeps to one line of a terminal', async () => {
    const { stdout } = await build(['debian-13'], 20);
    expect(stdout).toBe(`\r\u001b[Kdebian-13-x86_64: d\r\u001b[K${BUILT}`);
  });

  it('speaks JSON, a line at a time', async () => {
    const { stdout } = await build(['debian-13', '--json']);
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line): unknown => JSON.parse(line)),
    ).toEqual([
      { template: 'debian-13-x86_64', step: 'downloading' },
      { template: 'debian-13-x86_64', directory: '/t/debian-13-x86_64', manifest: { size: 7 } },
    ]);
  });

  it('wants a recipe', async () => {
    expect(await build([])).toMatchObject({ status: 27, stdout: '' });
  });
});
