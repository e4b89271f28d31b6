/** Snapshots go with their container: what each holds is the same there, by whatever means that host takes snapshots. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type Kind, onBtrfs, QUOTA } from '../helpers/layouts.js';
import { vzmigrate } from '../helpers/migrate.js';
import type { Sandbox } from '../helpers/sandbox.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const id = (digit: number): string => `${`${digit}`.repeat(8)}-0000-4000-8000-${'0'.repeat(12)}`;
let here: Sandbox;
let there: Sandbox;

type Place = Omit<Kind, 'layout'>;

function usePair(
  { on, needs = [] }: Place,
  other: Place = on === undefined ? { needs } : { on, needs },
): void {
  const source = useSandbox({ on, needs: [...needs, 'criu'], clear: [101], inProcess: true });
  const target = useSandbox({ ...other, clear: [101], inProcess: true });
  beforeAll(() => {
    [here, there] = [source, target];
  });
}

const inside = async (at: Sandbox, command: string): Promise<string> =>
  (await at.vzctl(['exec', '101', command])).stdout.trim();
const LOOK =
  'cd /root; find . | sort; find . -type f | sort | xargs md5sum; for at in file d; do [ $at -ef link ] && echo $at; done; ls /etc/shells 2>&1';

async function changed(command: string): Promise<string> {
  await here.good('start', '101', '--wait');
  const said = await inside(here, `${command}; ${LOOK}`);
  await here.good('stop', '101', '--fast');
  return said;
}

async function lookAt(at: Sandbox): Promise<string> {
  await at.good('start', '101', '--wait');
  const said = await inside(at, LOOK);
  await at.good('stop', '101', '--fast');
  return said;
}

const listed = async (at: Sandbox): Promise<string> =>
  await at.good('snapshot-list', '101', '-H', '-o', 'uuid,parent_uuid,current,name');

/** Two of a line, and one of a branch; the container goes on from the second of the line. */
async function takeThree(layout: string): Promise<readonly string[]> {
  await here.create(101, '--layout', layout, '--diskspace', '128M');
  const looks = [
    await changed(
      'cd /root; seq 100000 > large; echo one > file; ln file link; mkdir d; echo a > d/a; rm /etc/shells',
    ),
  ];
  await here.good('snapshot', '101', '--id', id(1), '--name', 'first');
  looks.push(await changed('cd /root; rm -r d; echo two > d; ln -f d link; echo x >> file'));
  await here.good('snapshot', '101', '--id', id(2), '--name', 'second');
  await here.good('snapshot-switch', '101', '--id', id(1));
  looks.push(await changed('cd /root; rm large; mkdir e; mv d e'));
  await here.good('snapshot', '101', '--id', id(3), '--name', 'branch');
  await here.good('snapshot-switch', '101', '--id', id(2));
  looks.push(await changed('cd /root; echo three > file'));
  return looks;
}

function describeMoves({ layout, ...kind }: Kind, other?: Place): void {
  usePair(kind, other);

  it('has the same in each', { tags: ['slow'], timeout: 200_000 }, async () => {
    const looks = await takeThree(layout);
    const list = await listed(here);
    expect(await vzmigrate({ from: here, to: there })).toMatchObject({ code: 0, stderr: '' });
    expect(await listed(there)).toBe(list);
    expect(await lookAt(there)).toBe(looks[3]);
    for (const digit of [3, 1, 2, 1]) {
      await there.good('snapshot-switch', '101', '--id', id(digit));
      expect(await lookAt(there)).toBe(looks[digit === 3 ? 2 : digit - 1]);
    }
    await there.good('snapshot-delete', '101', '--id', id(1));
    await there.good('snapshot-switch', '101', '--id', id(3));
    expect(await lookAt(there)).toBe(looks[2]);
  });
}

describe.each<Kind>([
  { layout: 'overlay:image' },
  { layout: 'overlay:directory' },
  { layout: 'plain:directory' },
  QUOTA,
  onBtrfs('overlay:btrfs'),
])('$layout', (kind) => describeMoves(kind));

describe('from a subvolume to a directory', () => describeMoves(onBtrfs('overlay:btrfs'), {}));

describe('with processes', () => {
  usePair({});
  const COUNTER = `(i=0; while :; do i=$((i+1)); echo $i > /run/count; sleep 0.05; done) </dev/null >/dev/null 2>&1 & sleep 0.5`;
  const count = async (at: Sandbox): Promise<number> =>
    Number(await inside(at, 'until grep . /run/count; do :; done'));

  it('goes back to them there', async () => {
    await here.create(101, '--layout', 'overlay:directory');
    await here.good('start', '101', '--wait');
    await inside(here, `${COUNTER}; echo one > /root/file`);
    await here.good('snapshot', '101', '--id', id(1));
    const counted = await count(here);
    await inside(here, 'echo two > /root/file');
    expect(await vzmigrate({ from: here, to: there }, '--online')).toMatchObject({ code: 0, stderr: '' });
    const later = await count(there);
    expect(later).toBeGreaterThan(counted);
    expect(await inside(there, 'cat /root/file')).toBe('two');
    await there.good('stop', '101', '--fast');
    await there.good('snapshot-switch', '101', '--id', id(1), '--must-resume');
    expect(await inside(there, 'cat /root/file')).toBe('one');
    const now = await count(there);
    await expect.poll(() => count(there), { timeout: 20_000 }).toBeGreaterThan(now);
  });
});
