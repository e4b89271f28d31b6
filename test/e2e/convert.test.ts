/** convert: the same container with another layout; killed anywhere, with the old one or the new one. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ clear: [101] });
const vzctl = (...args: readonly string[]) => sandbox.vzctl(args);
const layout = (): string | undefined =>
  /^VE_LAYOUT="(.*)"$/m.exec(readFileSync(`${sandbox.rootDir}/etc/vz/conf/101.conf`, 'utf8'))?.[1];
const areas = (): readonly string[] => readdirSync(`${sandbox.rootDir}/var/lib/vz/private`);
const good = (...args: readonly string[]): Promise<string> => sandbox.good(...args);
const inside = async (command: string): Promise<string> => {
  await good('start', '101', '--wait');
  const said = await good('exec', '101', command);
  await good('stop', '101', '--fast');
  return said;
};
const MAKE =
  'cd /root; echo one > file; ln file link; chown 33:44 file; rm /etc/shells; mkdir d; chmod 700 d; echo x >> /etc/passwd';
const LOOK =
  'cd /; find root etc -exec stat -c "%n %F %a %u:%g" {} + | sort; cat root/link etc/passwd; stat -c %h root/link';

it('keeps everything from plain:directory to overlay:image', () => keeps('plain:directory', 'overlay:image'));

it.each([
  ['overlay:directory', 'overlay:image'],
  ['overlay:image', 'plain:directory'],
  ['plain:directory', 'overlay:directory'],
  ['plain:directory', 'plain:image'],
  ['plain:image', 'overlay:image'],
])('keeps everything from %s to %s', { tags: ['slow'] }, keeps);

async function keeps(from: string, to: string): Promise<void> {
  await sandbox.create(101, '--layout', from, '--diskspace', '64M');
  await inside(MAKE);
  const look = await inside(LOOK);
  await good('convert', '101', '--layout', to);
  expect(layout()).toBe(to);
  expect(areas()).toEqual(['101']);
  expect(await inside(LOOK)).toBe(look);
  if (to === 'overlay:directory')
    expect(readdirSync(`${sandbox.rootDir}/var/lib/vz/private/101/upper`).sort()).toEqual(
      expect.not.arrayContaining(['bin', 'sbin']),
    );
}

it('refuses what cannot be, and changes nothing', { tags: ['slow'] }, async () => {
  await sandbox.create(101, '--layout', 'overlay:directory', '--diskspace', '64M');
  expect(await vzctl('convert', '101', '--layout', 'overlay:directory')).toMatchObject({ code: 155 });
  expect(await vzctl('convert', '101', '--layout', 'nothing')).toMatchObject({ code: 21 });
  expect(await vzctl('convert', '101', '--layout', 'plain')).toMatchObject({ code: 21 });
  await good('snapshot', '101', '--id', '11111111-0000-4000-8000-000000000000');
  expect(await vzctl('convert', '101', '--layout', 'plain:image')).toMatchObject({ code: 155 });
  await good('snapshot-delete', '101', '--id', '11111111-0000-4000-8000-000000000000');
  await good('start', '101');
  expect(await vzctl('convert', '101', '--layout', 'plain:image')).toMatchObject({ code: 32 });
  await good('stop', '101', '--fast');
  expect(layout()).toBe('overlay:directory');
});

it.each([
  'replace.begun',
  'convert.made',
  'replace.filled',
  'replace.decided',
  'replace.aside',
  'replace.placed',
  'replace.removed',
])('killed at %s, it is the old one or the new one', { tags: ['slow'] }, async (point) => {
  await sandbox.create(101, '--layout', 'overlay:directory', '--diskspace', '64M');
  await inside(MAKE);
  const look = await inside(LOOK);
  const env = { CELLA_FAULT: point };
  const killed = await sandbox.vzctl(['convert', '101', '--layout', 'plain:image'], { env });
  expect(killed).toMatchObject({ signal: 'SIGKILL' });
  expect(await vzctl('mount', '101')).toMatchObject({ code: 0 });
  await good('umount', '101');
  expect(areas()).toEqual(['101']);
  const undecided = ['replace.begun', 'convert.made', 'replace.filled'].includes(point);
  expect(layout()).toBe(undecided ? 'overlay:directory' : 'plain:image');
  expect(await inside(LOOK)).toBe(look);
});
