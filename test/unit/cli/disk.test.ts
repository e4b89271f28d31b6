/** cella disk: what its words ask for. */
import { expect, it } from 'vitest';
import { run } from '../../helpers/fake-host.js';

const signal = expect.any(AbortSignal);
const report = expect.any(Function);

it('hands over what to export, and says what was made', async () => {
  const argv = ['disk', 'export', '101', '/x.vdi', '--format', 'vdi', '--partitioned', '--size', '2G'];
  const result = await run(argv, { results: { exportDisk: { size: 3 << 20 } } });
  expect(result.calls).toEqual([
    ['exportDisk', '/x.vdi', { format: 'vdi', partitioned: 'gpt', size: 2 ** 31, report, signal }],
  ]);
  expect(result.stdout).toBe('Disk image /x.vdi was made, 3 MiB\n');
});

it.each([
  [['export', '101', 'x', '--format', 'iso'], 21, "--format: 'iso' is not a format\n"],
  [['export', '101', 'x', '--partitioned', 'bsd'], 21, "--partitioned: 'bsd' is neither mbr nor gpt\n"],
  [['export', '101', 'x', '--size', '0'], 21, "--size: '0' is not a size\n"],
  [['import', 'x'], 20, "required option '--template <name>' not specified\n"],
])('disk %j is refused', async (argv, status, stderr) => {
  const result = await run(['disk', ...argv]);
  expect(result).toMatchObject({ status, stderr, calls: [] });
});
