/** Backups: what a container holds, put away and made again, whatever holds it; killed anywhere, nothing is half there. */
import { existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Kind, onBtrfs, QUOTA } from '../helpers/layouts.js';
import { CLI, type Sandbox } from '../helpers/sandbox.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const KINDS: readonly Kind[] = [QUOTA];
/** What the host lane has as well. */
const OTHERS: readonly Kind[] = [
  { layout: 'overlay:image' },
  { layout: 'overlay:directory' },
  { layout: 'plain:directory' },
  onBtrfs('overlay:btrfs'),
];

let sandbox: Sandbox;
const vzctl = (...args: readonly string[]) => sandbox.vzctl(args);
const exec = async (ctid: number, command: string): Promise<string> =>
  (await vzctl('exec', String(ctid), command)).stdout;
const dump = (): string => `${sandbox.rootDir}/var/lib/vz/dump`;
const file = (name: string): string => `${sandbox.rootDir}/${name}.tar.zst`;

function useOwn({ on, needs = [] }: Omit<Kind, 'layout'> = {}): void {
  const own = useSandbox({ on, needs, clear: [101, 102], inProcess: true });
  beforeAll(() => {
    sandbox = own;
  });
}

const good = (...args: readonly string[]): Promise<string> => sandbox.good(...args);

const MAKE = [
  'cd /root; echo one > file; ln file link; chown 33:44 file; chmod 640 file; rm /etc/shells',
  'mkdir -p d/e; touch -d "2020-01-02 03:04:05" d/e; mkfifo pipe; ln -s ../x d/sym; mkdir /etc/new',
  'dd if=/dev/zero of=holes bs=1 count=1 seek=8M 2>/dev/null; echo x >> /etc/passwd; touch "a b%\t"',
].join('; ');
const LOOK = [
  'cd /; find root etc -exec stat -c "%n %F %a %u:%g %s %h" {} + | grep -v " /proc" | sort',
  'cat root/link; find root etc -type f -exec md5sum {} + | sort; stat -c %Y root/d/e; readlink root/d/sym',
].join('; ');

function describeBackup(kind: Kind): void {
  useOwn(kind);
  const create = () =>
    sandbox.create(101, '--layout', kind.layout, '--diskspace', '128M', '--hostname', 'x.example');

  it('puts away all of a stopped container, and makes another one of it', async () => {
    await create();
    await good('start', '101', '--wait');
    await exec(101, MAKE);
    const look = await exec(101, LOOK);
    await good('stop', '101', '--fast');
    await good('backup', '101', file('full'));
    await good('restore', file('full'), '102');
    await good('start', '102', '--wait');
    expect(await exec(102, LOOK)).toBe(look);
    expect(await exec(102, 'hostname')).toBe('x.example\n');
    expect(await exec(102, 'stat -c %b /root/holes')).toMatch(/^\d{1,2}\n$/);
    expect(readFileSync(`${sandbox.rootDir}/etc/vz/conf/102.conf`, 'utf8')).toContain(
      `VE_LAYOUT="${kind.layout}"`,
    );
    // An overlay of what the template has already.
    if (kind.layout === 'overlay:directory')
      expect(existsSync(`${sandbox.rootDir}/var/lib/vz/private/102/upper/bin`)).toBe(false);
    await good('stop', '102', '--fast');
    await good('destroy', '101');
    await good('restore', file('full'));
    await good('start', '101', '--wait');
    expect(await exec(101, LOOK)).toBe(look);
  });

  it('adds to earlier ones, of a container that runs and goes on', { tags: ['slow'] }, async () => {
    await create();
    await good('start', '101', '--wait');
    await exec(
      101,
      'cd /root; echo 1 > a; ln a b; ln a c; echo kept > kept; dd if=/dev/urandom of=large bs=1M count=4',
    );
    await exec(101, '(while :; do echo x >> /root/log; sleep 0.01; done) >/dev/null 2>&1 &');
    await good('backup', '101', '--dumpdir', dump());
    await exec(101, 'cd /root; rm a; echo 2 > new; mkdir dir; rm /etc/shells; chmod 600 kept');
    const second = await good('backup', '101', '--incremental', '--json');
    const { manifest, size } = JSON.parse(second) as {
      manifest: { kind: string; mode: string };
      size: number;
    };
    expect(manifest).toMatchObject({ kind: 'incremental', mode: 'snapshot' });
    expect(size).toBeLessThan(1 << 20);
    await exec(101, 'cd /root; echo 3 > new; rmdir dir');
    await good('backup', '101', '--incremental', '--mode', 'suspend');
    await exec(101, 'echo later > /root/new');
    const listed = JSON.parse(await good('backup-list', '--json')) as { kind: string; file: string }[];
    expect(listed.map(({ kind: what }) => what)).toEqual(['full', 'incremental', 'incremental']);
    await good('restore', listed[2]?.file ?? '', '102');
    await good('start', '102', '--wait');
    const look =
      'cd /root; ls; cat b c new kept; stat -c "%h %a" b kept; ls /etc/shells 2>/dev/null; tail -c 2 log';
    expect(await exec(102, look)).toBe('b\nc\nkept\nlarge\nlog\nnew\n1\n1\n3\nkept\n2 644\n1 600\nx\n');
    expect(await exec(102, 'md5sum < /root/large')).toBe(await exec(101, 'md5sum < /root/large'));
    expect(await exec(101, 'wc -l < /root/log')).not.toBe('0\n');
    expect(
      readdirSync(`${sandbox.rootDir}/var/lib/vz/private/101`).filter((name) => name.startsWith('n-')),
    ).toEqual([]);
    await good('stop', '102', '--fast');
  });
}

describe.each(KINDS)('backups of $layout', describeBackup);
describe.each(OTHERS)('backups of $layout', { tags: ['slow'] }, describeBackup);

describe('backups', { tags: ['slow'] }, () => {
  useOwn();
  const start = async (): Promise<void> => {
    await sandbox.create(101, '--layout', 'overlay:directory');
    await good('start', '101', '--wait');
    await exec(101, 'cd /root; echo one > file; mkdir d; echo two > d/two; echo no > d/no.log');
  };

  it('leave out what is not wanted, and give single files', async () => {
    await start();
    await good('backup', '101', file('part'), '--exclude', '/root/**/*.log');
    await sandbox.shell('mkdir "$1/out"', sandbox.rootDir);
    const out = `${sandbox.rootDir}/out`;
    await good('restore', file('part'), '--file', '/root/d', '--file', 'root/file', '--to', out);
    expect(readdirSync(`${out}/root/d`)).toEqual(['two']);
    expect(readFileSync(`${out}/root/file`, 'utf8')).toBe('one\n');
    expect(existsSync(`${out}/etc`)).toBe(false);
    expect(await vzctl('restore', file('part'), '--file', '/nowhere', '--to', out)).toMatchObject({
      code: 21,
    });
    expect(await vzctl('restore', file('part'), '--file', '/root')).toMatchObject({ code: 27 });
  });

  it('go through pipes', async () => {
    await start();
    const pipe = '"$1" "$2" --root-dir "$3" backup 101 - | "$1" "$2" --root-dir "$3" restore - 102';
    await sandbox.shell(pipe, process.execPath, `${CLI}cella.cjs`, sandbox.rootDir);
    await good('start', '102', '--wait');
    expect(await exec(102, 'cat /root/file /root/d/two')).toBe('one\ntwo\n');
    await good('stop', '102', '--fast');
  });

  it('are made by vzdump, which keeps as many as it is told to, and given back by vzrestore', async () => {
    await start();
    for (let i = 0; i < 3; i++) {
      const { code } = await sandbox.run('vzdump', ['101', '--mode', 'suspend', '--maxfiles', '2']);
      expect(code).toBe(0);
    }
    const names = readdirSync(dump()).sort();
    expect(names.length).toBe(2);
    for (const name of names)
      expect(name).toMatch(/^vzdump-cella-101-\d{4}_\d\d_\d\d-\d\d_\d\d_\d\d(_\d)?\.tar\.zst$/);
    expect(await sandbox.run('vzrestore', [`${dump()}/${names[1]}`, '102'])).toMatchObject({
      code: 0,
      stderr: '',
    });
    await sandbox.shell('rm "$1"/*', dump());
  });

  it('stop a container for it, and start it again, where that is asked for', async () => {
    await start();
    const pid = (await good('exec', '101', 'cat /proc/1/stat')).split(' ')[21];
    await good('backup', '101', file('stopped'), '--mode', 'stop');
    expect((await good('exec', '101', 'cat /proc/1/stat')).split(' ')[21]).not.toBe(pid);
  });

  it('that are damaged, cut short, or of a stranger are refused, and nothing is left', async () => {
    await start();
    await good('backup', '101', file('good'));
    const bytes = readFileSync(file('good'));
    const damaged: Record<string, Buffer> = {
      cut: bytes.subarray(0, bytes.length / 2),
      'without its end': bytes.subarray(0, -8),
      changed: Buffer.from(bytes.map((byte, at) => (at === bytes.length >> 1 ? byte ^ 1 : byte))),
      none: Buffer.from('hello'),
      empty: Buffer.alloc(0),
      'with another digest': Buffer.from(
        bytes.map((byte, at) => (at === bytes.length - 60 ? byte ^ 1 : byte)),
      ),
    };
    for (const [name, contents] of Object.entries(damaged)) {
      writeFileSync(file('bad'), contents);
      const result = await vzctl('restore', file('bad'), '102');
      expect({ name, code: result.code }).toEqual({ name, code: 48 });
      expect(result.stderr).toMatch(/^backup 'bad\.tar\.zst' is damaged or none: .+\n$/);
      expect(await vzctl('status', '102')).toMatchObject({ stdout: 'CTID 102 deleted unmounted down\n' });
    }
    expect(await vzctl('restore', file('good'), '101')).toMatchObject({ code: 44 });
    expect(await vzctl('restore', file('nowhere'), '102')).toMatchObject({ code: 21 });
    expect(await vzctl('backup', '101', file('good'))).toMatchObject({ code: 21 });
    expect(await vzctl('backup', '101', '/nowhere/x.tar.zst')).toMatchObject({ code: 21 });
    expect(await vzctl('backup', '101', '--mode', 'live')).toMatchObject({ code: 21 });
    writeFileSync(file('bad'), 'hello');
    expect(await vzctl('backup', '101', '--base', file('bad'))).toMatchObject({ code: 21 });
    expect(await vzctl('backup', '103')).toMatchObject({ code: 14 });
    await sandbox.shell('rm "$1"', file('good'));
  });

  it('need those that they add to', async () => {
    await start();
    await good('backup', '101', file('first'));
    await exec(101, 'echo more > /root/more');
    await good('backup', '101', file('second'), '--base', file('first'));
    await sandbox.shell('mv "$1" "$1.away"', file('first'));
    const missing = await vzctl('restore', file('second'), '102');
    expect(missing).toMatchObject({ code: 48 });
    expect(missing.stderr).toMatch(/adds to 'first\.tar\.zst', which is missing/);
    await sandbox.shell('mv "$1.away" "$2"', file('first'), file('renamed'));
    await good('restore', file('second'), '102');
    truncateSync(file('renamed'), statSync(file('renamed')).size - 1);
    await good('destroy', '102');
    expect(await vzctl('restore', file('second'), '102')).toMatchObject({ code: 48 });
  });

  it('leave nothing when no space is left', async () => {
    await sandbox.create(101, '--layout', 'overlay:image', '--diskspace', '64M');
    await good('start', '101', '--wait');
    await exec(101, 'dd if=/dev/urandom of=/root/large bs=1M count=20 2>/dev/null');
    await good('backup', '101', file('large'), '--mode', 'suspend');
    await sandbox.shell('mkdir -p "$1" && mount -t tmpfs -o size=4M none "$1"', `${sandbox.rootDir}/small`);
    try {
      const full = await vzctl('backup', '101', `${sandbox.rootDir}/small/x.tar.zst`, '--mode', 'suspend');
      expect(full).toMatchObject({ code: 46 });
      expect(readdirSync(`${sandbox.rootDir}/small`)).toEqual([]);
    } finally {
      await sandbox.shell('umount "$1"', `${sandbox.rootDir}/small`);
    }
    expect(await exec(101, 'echo alive')).toBe('alive\n');
    // Into a smaller container than it came from.
    await good('set', '101', '--diskspace', '64M', '--save');
    await good('stop', '101', '--fast');
    const config = `${sandbox.rootDir}/etc/vz/conf/101.conf`;
    const text = readFileSync(config, 'utf8');
    writeFileSync(config, text.replace(/^DISKSPACE=.*$/m, 'DISKSPACE="16384:16384"'));
    await good('backup', '101', file('tight'));
    writeFileSync(config, text);
    expect(await vzctl('restore', file('tight'), '102')).toMatchObject({ code: 46 });
    expect(await vzctl('status', '102')).toMatchObject({ stdout: 'CTID 102 deleted unmounted down\n' });
  });
});
