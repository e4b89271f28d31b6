/** A move that failed, of which the other host keeps what was sent: the next one goes on from that. */
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { vzmigrate } from '../helpers/migrate.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const here = useSandbox({ needs: ['criu'], clear: [101] });
const there = useSandbox({ clear: [101] });

const MIB = 1 << 20;
const area = (): string => `${there.rootDir}/var/lib/vz/private/.101.kept`;
const inside = async (at: typeof here, command: string): Promise<string> =>
  (await at.vzctl(['exec', '101', command])).stdout.trim();
const bytesOfRounds = (stdout: string): number =>
  (JSON.parse(stdout) as { rounds: { bytes: number }[] }).rounds.reduce((sum, { bytes }) => sum + bytes, 0);

/** Files of 8 MiB in all have been sent when the source is killed. */
async function failOnce(layout: string, ...options: readonly string[]): Promise<void> {
  await here.create(101, '--layout', layout, '--diskspace', '128M');
  await here.good('start', '101', '--wait');
  await inside(
    here,
    'cd /root; for i in 1 2 3 4; do dd if=/dev/urandom of=$i bs=1M count=2 2>/dev/null; done; ln 1 link; ln -s 2 soft',
  );
  const move = { from: here, to: there, fault: 'migrate.dumped' };
  expect(await vzmigrate(move, '--online', ...options)).toMatchObject({ signal: 'SIGKILL' });
  await expect.poll(() => existsSync(`${there.rootDir}/etc/vz/conf/.101.conf.creating`)).toBe(false);
}

describe('with --keep-dst', () => {
  it.each(['overlay:directory', 'overlay:image', 'plain:directory'])(
    'sends what differs, whatever has become of the rest: %s',
    async (layout) => {
      await failOnce(layout, '--keep-dst');
      expect(existsSync(area())).toBe(true);
      expect(await there.vzctl(['status', '101'])).toMatchObject({
        stdout: 'CTID 101 deleted unmounted down\n',
      });
      await inside(here, 'cd /root; rm 3; mkdir 3; echo new > 3/file; mv 4 four; rm soft; touch soft');
      if (layout !== 'overlay:image')
        await there.shell(
          'cd "$1"/*/root; printf x | dd of=2 conv=notrunc bs=1 2>/dev/null; mkdir alien; echo a > alien/file',
          area(),
        );
      const sums = await inside(here, 'cd /root; find . -type f | sort | xargs md5sum; stat -c %h 1 link');
      const { code, stdout, stderr } = await vzmigrate({ from: here, to: there }, '--online', '--json');
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(bytesOfRounds(stdout)).toBeLessThan(5 * MIB);
      expect(await inside(there, 'cd /root; find . -type f | sort | xargs md5sum; stat -c %h 1 link')).toBe(
        sums,
      );
      expect(existsSync(area())).toBe(false);
    },
  );

  it('takes it away with destroy, and with what gets that id', async () => {
    await failOnce('overlay:directory', '--keep-dst');
    await there.good('destroy', '101');
    expect(existsSync(area())).toBe(false);
    expect(await there.vzctl(['destroy', '101'])).toMatchObject({ code: 14 });
    await here.vzctl(['set', '101', '--description', 'looked', '--save']);
    const move = { from: here, to: there, fault: 'migrate.dumped' };
    await vzmigrate(move, '--online', '--keep-dst');
    await expect.poll(() => existsSync(area())).toBe(true);
    await there.create(101);
    expect(existsSync(area())).toBe(false);
  });
});

it('leaves nothing there without it', async () => {
  await failOnce('overlay:directory');
  expect(existsSync(area())).toBe(false);
});
