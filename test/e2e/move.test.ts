/** move: another id, another place; killed anywhere, a container has the one or the other. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Kind, onBtrfs, QUOTA } from '../helpers/layouts.js';
import { type FileSystem, mountFresh } from '../helpers/sandbox.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const UUID = '11111111-0000-4000-8000-000000000000';
const MAKE =
  'cd /root; echo one > file; ln file link; chown 33:44 file; rm /etc/shells; echo x >> /etc/passwd';
const LOOK =
  'cd /; find root etc -exec stat -c "%n %F %a %u:%g" {} + | sort; stat -c %h root/link; cat root/link etc/passwd /proc/self/uid_map';

type Own = ReturnType<typeof useSandbox>;

const inside = async (sandbox: Own, ctid: string, command: string): Promise<string> => {
  await sandbox.good('start', ctid, '--wait');
  const said = await sandbox.good('exec', ctid, command);
  await sandbox.good('stop', ctid, '--fast');
  return said;
};
const configs = ({ rootDir }: Own): readonly string[] =>
  readdirSync(`${rootDir}/etc/vz/conf`).filter((file) => /^\.?\d/.test(file));
const areas = ({ rootDir }: Own): readonly string[] => readdirSync(`${rootDir}/var/lib/vz/private`).sort();
const elsewhere = ({ rootDir }: Own): readonly string[] =>
  readdirSync(`${rootDir}/elsewhere`).filter((name) => name !== 'lost+found');

/** At /elsewhere is another file system meanwhile. */
async function withAnother({ rootDir }: Own, on: FileSystem, work: () => Promise<void>): Promise<void> {
  const at = `${rootDir}/elsewhere`;
  mkdirSync(at);
  mountFresh(on, at);
  try {
    await work();
  } finally {
    execFileSync('umount', [at]);
    rmSync(at, { recursive: true });
  }
}

describe('move to another id', () => {
  const sandbox = useSandbox({ clear: [101, 102], inProcess: true });

  it('keeps all but the id: files, user ids, the name, snapshots', { tags: ['slow'] }, async () => {
    await sandbox.create(101, '--name', 'web', '--hostname', 'web.example.org');
    await sandbox.good('snapshot', '101', '--id', UUID);
    await inside(sandbox, '101', MAKE);
    const look = await inside(sandbox, '101', LOOK);
    expect(await sandbox.good('move', 'web', '102')).toBe('Container 101 is 102 now\n');
    expect([configs(sandbox), areas(sandbox)]).toEqual([['102.conf'], ['102']]);
    expect(existsSync(`${sandbox.rootDir}/var/lib/vz/root/101`)).toBe(false);
    expect(await sandbox.good('status', 'web')).toBe('CTID 102 exist unmounted down\n');
    expect(await inside(sandbox, 'web', LOOK)).toBe(look);
    await sandbox.good('snapshot-switch', '102', '--id', UUID);
    expect(await inside(sandbox, '102', 'ls /root; hostname')).toBe('web.example.org\n');
    // Its old id is free.
    await sandbox.create(101);
    expect(await inside(sandbox, '101', 'ls /root')).toBe('');
  });

  it('refuses what cannot be, and changes nothing', { tags: ['slow'] }, async () => {
    await sandbox.create(101);
    await sandbox.create(102);
    const refused = async (code: number, ...args: readonly string[]): Promise<void> =>
      expect(await sandbox.vzctl(['move', ...args])).toMatchObject({ code });
    await refused(44, '101', '102');
    await refused(44, '101', '101');
    await refused(21, '101', '7');
    await refused(14, '103', '104');
    await refused(20, '101');
    await refused(20, '101', '103', '--private', '/var/lib/vz/other');
    await refused(21, '101', '--private', 'other');
    await refused(21, '101', '--private', '/var/lib/vz/private/101/within');
    await refused(44, '101', '--private', '/var/lib/vz/private/102');
    await sandbox.good('snapshot', '101', '--id', UUID);
    const view = `${sandbox.rootDir}/view`;
    mkdirSync(view);
    await sandbox.good('snapshot-mount', '101', '--id', UUID, '--target', view);
    await refused(41, '101', '103');
    await sandbox.good('snapshot-umount', '101', '--id', UUID);
    await sandbox.good('start', '101');
    await refused(32, '101', '103');
    await refused(32, '101', '--private', '/var/lib/vz/other');
    expect([configs(sandbox), areas(sandbox)]).toEqual([
      ['101.conf', '102.conf'],
      ['101', '102'],
    ]);
  });

  it.each([
    ['begun', 'mount 101'],
    ['decided', 'mount 102'],
    ['decided', 'create 101 --ostemplate busybox'],
    ['placed', 'mount 102'],
    ['named', 'create 101 --ostemplate busybox'],
  ])('killed when it is %s, it has one of the two after: %s', { tags: ['slow'] }, async (point, next) => {
    await sandbox.create(101, '--name', 'web');
    await inside(sandbox, '101', MAKE);
    const look = await inside(sandbox, '101', LOOK);
    const env = { CELLA_FAULT: `move.${point}` };
    expect(await sandbox.vzctl(['move', '101', '102'], { env })).toMatchObject({ signal: 'SIGKILL' });
    expect(await sandbox.vzctl(next.split(' '))).toMatchObject({ code: 0 });
    if (next.startsWith('mount')) await sandbox.good('umount', next.slice(6));
    else await sandbox.good('destroy', '101');
    const ctid = point === 'begun' ? '101' : '102';
    expect(areas(sandbox)).toEqual([ctid]);
    expect(configs(sandbox).filter((file) => !file.endsWith('.destroyed'))).toEqual([`${ctid}.conf`]);
    expect(readlinkSync(`${sandbox.rootDir}/etc/vz/names/web`)).toMatch(new RegExp(`/${ctid}\\.conf$`));
    expect(await inside(sandbox, 'web', LOOK)).toBe(look);
  });
});

const TO = ['move', '101', '--private', '/elsewhere/$VEID'] as const;

describe('move to another place', { tags: ['slow'] }, () => {
  const sandbox = useSandbox({ clear: [101], inProcess: true });

  it.each(['begun', 'filled', 'decided', 'aside', 'placed', 'removed'])(
    'killed when it is %s, its files are in the one or the other',
    async (point) => {
      await sandbox.create(101);
      await inside(sandbox, '101', MAKE);
      const look = await inside(sandbox, '101', LOOK);
      await withAnother(sandbox, 'ext4', async () => {
        const env = { CELLA_FAULT: `replace.${point}` };
        expect(await sandbox.vzctl(TO, { env })).toMatchObject({ signal: 'SIGKILL' });
        expect(await sandbox.vzctl(['mount', '101'])).toMatchObject({ code: 0 });
        await sandbox.good('umount', '101');
        const moved = !['begun', 'filled'].includes(point);
        expect([areas(sandbox), elsewhere(sandbox)]).toEqual(moved ? [[], ['101']] : [['101'], []]);
        expect(configs(sandbox)).toEqual(['101.conf']);
        expect(await inside(sandbox, '101', LOOK)).toBe(look);
        await sandbox.good('destroy', '101');
      });
    },
  );

  it('fails on a disk that is full, and leaves all as it was', async () => {
    await sandbox.create(101, '--layout', 'overlay:directory');
    await inside(sandbox, '101', `${MAKE}; dd if=/dev/urandom of=/root/large bs=1M count=600 2>/dev/null`);
    await withAnother(sandbox, 'ext4', async () => {
      expect(await sandbox.vzctl(TO)).toMatchObject({ code: 46, stdout: '' });
      expect([areas(sandbox), elsewhere(sandbox), configs(sandbox)]).toEqual([['101'], [], ['101.conf']]);
      expect(await inside(sandbox, '101', 'cat /root/link')).toBe('one\n');
    });
  });
});

const KINDS: readonly Kind[] = [QUOTA];
const OTHERS: readonly Kind[] = [
  { layout: 'overlay:directory' },
  { layout: 'overlay:image' },
  { layout: 'plain:directory' },
  onBtrfs('overlay:btrfs'),
];

describe.each(KINDS)('move of $layout', describeKind);
describe.each(OTHERS)('move of $layout', { tags: ['slow'] }, describeKind);

function describeKind({ layout, ...use }: Kind): void {
  const sandbox = useSandbox({ ...use, clear: [101, 102], inProcess: true });
  const write = (ctid: string, file: string): Promise<string> =>
    inside(sandbox, ctid, `dd if=/dev/zero of=/root/${file} bs=1M count=20 2>/dev/null; echo $?`);

  it('keeps files and the limit under another id, and leaves its own to another container', async () => {
    await sandbox.create(101, '--layout', layout, '--diskspace', '32M');
    await inside(sandbox, '101', MAKE);
    const look = await inside(sandbox, '101', LOOK);
    await sandbox.good('move', '101', '102');
    await sandbox.create(101, '--layout', layout, '--diskspace', '32M');
    expect(await inside(sandbox, '102', LOOK)).toBe(look);
    if (layout.endsWith(':directory')) return;
    // Neither takes from what the other may write.
    expect(await write('101', 'large')).toBe('0\n');
    expect(await write('102', 'large')).toBe('0\n');
    expect(await write('102', 'more')).toBe('1\n');
  });

  it('gets another place on the same file system, with snapshots', { tags: ['slow'] }, async () => {
    await sandbox.create(101, '--layout', layout, '--diskspace', '64M');
    await inside(sandbox, '101', MAKE);
    const look = await inside(sandbox, '101', LOOK);
    await sandbox.good('snapshot', '101', '--id', UUID);
    await sandbox.good(...TO);
    const config = readFileSync(`${sandbox.rootDir}/etc/vz/conf/101.conf`, 'utf8');
    expect(config).toContain('VE_PRIVATE="/elsewhere/$VEID"\n');
    expect([areas(sandbox), elsewhere(sandbox)]).toEqual([[], ['101']]);
    expect(await inside(sandbox, '101', `${LOOK}; rm root/file`)).toBe(look);
    await sandbox.good('snapshot-switch', '101', '--id', UUID);
    expect(await inside(sandbox, '101', LOOK)).toBe(look);
    await sandbox.good('destroy', '101');
    rmSync(`${sandbox.rootDir}/elsewhere`, { recursive: true });
  });

  it('goes to another file system, with its limit, and with snapshots where they can', async () => {
    await sandbox.create(101, '--layout', layout, '--diskspace', '32M');
    await inside(sandbox, '101', MAKE);
    const look = await inside(sandbox, '101', LOOK);
    await sandbox.good('snapshot', '101', '--id', UUID);
    await withAnother(sandbox, use.on ?? 'ext4', async () => {
      if (layout.endsWith(':btrfs')) {
        expect(await sandbox.vzctl(TO)).toMatchObject({ code: 48, stdout: '' });
        await sandbox.good('snapshot-delete', '101', '--id', UUID);
      } else await inside(sandbox, '101', 'rm /root/file');
      expect(await sandbox.good(...TO)).toBe('Container 101 was moved to /elsewhere/$VEID\n');
      expect([areas(sandbox), elsewhere(sandbox)]).toEqual([[], ['101']]);
      if (!layout.endsWith(':btrfs')) {
        expect(await inside(sandbox, '101', 'ls /root')).toBe('link\n');
        await sandbox.good('snapshot-switch', '101', '--id', UUID);
      }
      expect(await inside(sandbox, '101', LOOK)).toBe(look);
      if (!layout.endsWith(':directory')) {
        expect(await write('101', 'large')).toBe('0\n');
        expect(await write('101', 'more')).toBe('1\n');
      }
      await sandbox.good('destroy', '101');
    });
  });
}
