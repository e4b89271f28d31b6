/** cella template, over a host of plain objects. */
import { describe, expect, it } from 'vitest';
import { CellaError } from '../../../src/errors.js';
import { type Run, run } from '../../helpers/fake-host.js';

const TINY = {
  name: 'tiny',
  description: '',
  arch: 'x86_64',
  built: '2024-02-29T12:00:00.000Z',
  source: 'tiny.tar',
  layers: ['rootfs'],
  digest: null,
  size: 3 << 20,
  files: 7,
  init: ['/sbin/init', '\u001b[31m'],
  stopSignal: 'SIGRTMIN+3',
  containers: [101, 102],
} as const;

const cella = (argv: readonly string[], templates: Readonly<Record<string, unknown>> = {}): Promise<Run> =>
  run(['template', ...argv], { templates });

describe('template', () => {
  it('imports, under a name that is asked for', async () => {
    const calls: unknown[] = [];
    const imported = async (...call: unknown[]): Promise<typeof TINY> => {
      calls.push(call);
      return TINY;
    };
    const result = await cella(['import', 'file.tar', '--name', 'tiny'], { import: imported });
    expect(result).toMatchObject({ status: 0, stdout: 'Template tiny was imported: 7 files, 3 MiB\n' });
    expect(calls).toEqual([['file.tar', { name: 'tiny', signal: expect.any(AbortSignal) }]]);
  });

  it('lists names, or everything for programs', async () => {
    const list = async (): Promise<readonly unknown[]> => [TINY, { ...TINY, name: 'two' }];
    expect((await cella(['list'], { list })).stdout).toBe('tiny\ntwo\n');
    expect(JSON.parse((await cella(['list', '--json'], { list })).stdout)[0]).toEqual(TINY);
    expect((await cella(['list'], { list: async () => [] })).stdout).toBe('');
  });

  it('tells what one is, in lines that no terminal obeys', async () => {
    const info = async (): Promise<typeof TINY> => TINY;
    const { stdout } = await cella(['info', 'tiny'], { info });
    expect(stdout).toContain('stop signal:  SIGRTMIN+3\n');
    expect(stdout).toContain('containers:   101, 102\n');
    expect(stdout).not.toContain('\u001b');
  });

  it('says why one is not removed', async () => {
    const error = new CellaError('LOCKED', "template 'tiny' is used by container 101");
    const remove = async (): Promise<never> => Promise.reject(error);
    const result = await cella(['remove', 'tiny'], { remove });
    expect(result).toMatchObject({ status: 9, stderr: "template 'tiny' is used by container 101\n" });
  });

  it.each([
    [[], 20],
    [['frobnicate'], 20],
    [['import'], 27],
    [['remove'], 27],
  ])('%j ends with %i', async (argv, status) => {
    expect((await cella(argv)).status).toBe(status);
  });
});
