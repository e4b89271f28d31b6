/** --ksm: pages that are alike are there once. */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openHost } from '../../dist/index.js';
import { whyNoKsm } from '../../src/host/ksm.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const KSM = '/sys/kernel/mm/ksm';
const why = whyNoKsm();
const sandbox = useSandbox({ clear: [101, 102] });

const read = (name: string): string => readFileSync(`${KSM}/${name}`, 'utf8').trim();
const statOf = async (ctid: number): Promise<string> => {
  const pid = (await openHost({ rootDir: sandbox.rootDir })).container(ctid).initPid();
  return readFileSync(`/proc/${pid}/ksm_stat`, 'utf8');
};

describe.skipIf(why !== undefined)('memory of containers', () => {
  const before = new Map<string, string>();
  beforeAll(() => {
    for (const name of ['pages_to_scan', 'sleep_millisecs', 'run']) before.set(name, read(name));
    writeFileSync(`${KSM}/pages_to_scan`, '20000');
    writeFileSync(`${KSM}/sleep_millisecs`, '10');
    writeFileSync(`${KSM}/run`, '1');
  });
  afterAll(() => {
    // Nothing stays merged of what was not before.
    if (before.get('run') === '0') writeFileSync(`${KSM}/run`, '2');
    for (const [name, value] of before) writeFileSync(`${KSM}/${name}`, value);
  });

  /** Holds 16 MiB, of pages that are all alike. */
  const HOLD = "(head -c 16777216 /dev/zero | tr '\\0' x; sleep 60) | tail -c 16777216 >/dev/null &";

  it('is merged for those that ask for it, of programs that enter too', async () => {
    await sandbox.create(101, '--ksm', 'yes');
    await sandbox.create(102);
    await sandbox.good('start', '101');
    await sandbox.good('start', '102');
    // Newer kernels say so themselves.
    if ((await statOf(101)).includes('ksm_merge_any')) {
      expect(await statOf(101)).toContain('ksm_merge_any: yes');
      expect(await statOf(102)).toContain('ksm_merge_any: no');
    }
    const shared = Number(read('pages_sharing'));
    await sandbox.good('exec', '101', HOLD);
    await expect
      .poll(() => Number(read('pages_sharing')) - shared, { timeout: 50_000, interval: 500 })
      .toBeGreaterThan(3500);
  });

  it('is merged from the next start on', async () => {
    await sandbox.create(101);
    await sandbox.good('start', '101');
    expect(await sandbox.vzctl(['set', '101', '--ksm', 'yes', '--save'])).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('from its next start on: --ksm'),
    });
  });
});

it.runIf(why !== undefined)('is refused where the kernel does not merge', async () => {
  await sandbox.create(101);
  expect(await sandbox.vzctl(['set', '101', '--ksm', 'yes', '--save'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`no effect on this host: --ksm (${why})`),
  });
});
