/** Whatever breaks while a container moves: afterwards it runs at one host, with all its memory, and at no other. */
import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { vzmigrate } from '../helpers/migrate.js';
import { useMoving } from '../helpers/moving.js';

describe('the side that it leaves is killed', () => {
  const moving = useMoving();
  it.each([
    ['dumped', 'here'],
    ['restored', 'here'],
    ['handed', 'here'],
    ['asked', 'here'],
    ['kept', 'there'],
    ['gone', 'there'],
  ] as const)('at %s: it is %s', { timeout: 200_000, tags: ['slow'] }, async (point, where) => {
    const { here, there } = moving;
    const counted = await moving.begin();
    const killed = await vzmigrate({ from: here, to: there, fault: `migrate.${point}` }, '--online');
    expect(killed.signal).toBe('SIGKILL');
    // Never at both, even before anybody has looked.
    await moving.touch(here);
    await moving.touch(there);
    await moving.expectAt(where, counted);
  });
});

describe('the side that it comes to is killed', () => {
  const moving = useMoving();
  it.each([
    ['files', 'here', 4],
    ['state', 'here', 4],
    ['restored', 'here', 4],
    ['go', 'here', 4],
    ['runs', 'here', 4],
    ['kept', 'here', 4],
    ['made', 'there', 0],
  ] as const)('at %s: it is %s', { timeout: 200_000, tags: ['slow'] }, async (point, where, code) => {
    const { here, there } = moving;
    const counted = await moving.begin();
    const moved = await vzmigrate({ from: here, to: there, fault: `receive.${point}` }, '--online');
    expect(moved).toMatchObject({ code });
    await moving.touch(there);
    await moving.expectAt(where, counted);
  });
});

describe('the connection breaks', () => {
  const moving = useMoving();
  it.each([
    ['welcome', 'here', 4],
    ['files', 'here', 4],
    ['done', 'here', 4],
    ['state', 'here', 4],
    ['restored', 'here', 4],
    ['go', 'here', 4],
    ['runs', 'here', 4],
    ['keep', 'here', 4],
    ['kept', 'there', 0],
    ['bye', 'there', 0],
  ] as const)(
    'in the place of "%s": it is %s',
    { timeout: 200_000, tags: ['slow'] },
    async (cut, where, code) => {
      const { here, there } = moving;
      const counted = await moving.begin();
      const moved = await vzmigrate({ from: here, to: there, cut }, '--online');
      if (code !== 0) expect(moved.stderr).toContain('the connection broke');
      expect(moved).toMatchObject({ code });
      await moving.expectAt(where, counted);
      await moving.touch(there);
      await moving.expectAt(where, counted);
    },
  );
});

describe('the disk is full where it goes', () => {
  const moving = useMoving('ext4');
  it.each([
    ['files', 'head -c 60000000 /dev/urandom >/root/large'],
    [
      'state',
      `(x=$(head -c 60000000 /dev/urandom | base64 | tr -d '\\n'); while :; do sleep 1; done) </dev/null >/dev/null 2>&1 & sleep 3`,
    ],
  ])(
    'at its %s: it stays, and goes once there is room',
    { timeout: 200_000, tags: ['slow'] },
    async (_, grows) => {
      const { here, there } = moving;
      const counted = await moving.begin();
      await moving.inside(here, grows);
      const filler = `${there.rootDir}/filler`;
      await there.shell(
        `free=$(df --output=avail -B 1M "$1" | tail -n 1); fallocate -l $((free - 30))M "$1/filler"`,
        there.rootDir,
      );
      const refused = await vzmigrate({ from: here, to: there }, '--online');
      expect(refused.stderr).toMatch(/no space left|ENOSPC/i);
      expect(refused.code).not.toBe(0);
      await moving.expectAt('here', counted);
      writeFileSync(filler, '');
      expect(await vzmigrate({ from: here, to: there }, '--online')).toMatchObject({ code: 0 });
      await moving.expectAt('there', counted);
    },
  );
});
