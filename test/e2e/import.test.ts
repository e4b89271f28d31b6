/** cella import: containers of OpenVZ's configs and archives, or nothing. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type RawEntry, tar } from '../helpers/tar.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ clear: [101, 102, 777] });

const CONFIG = `# of an old host
ONBOOT="yes"
VE_ROOT="/vz/root/$VEID"
VE_PRIVATE="/vz/private/$VEID"
OSTEMPLATE="debian-7.0-x86_64"
HOSTNAME="old.example"
PRIVVMPAGES="16384:32768"
NUMPROC="100"
DISKSPACE="100M"
VE_LAYOUT="simfs"
PANEL_KEY="theirs"
`;

const at = (name: string): string => `${sandbox.rootDir}/${name}`;

function writeConfig(text = CONFIG, name = '777.conf'): string {
  writeFileSync(at(name), text);
  return at(name);
}

/** A tarball of the files of busybox, by a line of shell: "$1" the files, "$2" the archive. */
async function pack(script: string, name = '777.tar.gz'): Promise<string> {
  const rootfs = at('var/lib/vz/template/cache/busybox/rootfs');
  await sandbox.shell(script, rootfs, at(name));
  return at(name);
}

const config = (ctid: number): string => readFileSync(at(`etc/vz/conf/${ctid}.conf`), 'utf8');
const cella = (...args: readonly string[]) => sandbox.run('cella', args);

/** That there is nothing of a container. */
function expectNothing(ctid: number): void {
  const left = ['etc/vz/conf', 'var/lib/vz/private', 'etc/vz/names'].flatMap((directory) =>
    readdirSync(at(directory)).filter((name) => name.includes(String(ctid)) && !name.endsWith('.destroyed')),
  );
  expect(left).toEqual([]);
}

describe('an import', () => {
  it('makes a container of a config and a tarball of its private area, and tells what became of each setting', async () => {
    const archive = await pack('tar -C "$1" -czf "$2" .');
    const { code, stdout, stderr } = await cella('import', writeConfig(), archive);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n')).toEqual(
      expect.arrayContaining([
        'used     HOSTNAME="old.example"',
        'ignored  PANEL_KEY="theirs": nobody here knows it',
        'changed  VE_ROOT: "/vz/root/$VEID" → nothing: containers are mounted where this host has them',
        expect.stringMatching(
          /^changed {2}PHYSPAGES: nothing → "0:32768": memory was limited by PRIVVMPAGES/,
        ),
        expect.stringMatching(/^changed {2}VE_LAYOUT: "simfs" → "plain:\w+"/),
        'Container 777 was imported',
      ]),
    );
    expect(config(777)).toMatch(/^# of an old host\nONBOOT="yes"\nHOSTNAME=/);
    expect(config(777)).toContain('PANEL_KEY="theirs"');
    await sandbox.good('start', '777');
    expect(await sandbox.good('exec', '777', 'hostname; stat -c %u /etc; wc -c < /bin/busybox')).toMatch(
      /^old\.example\n0\n\d{6,}\n$/,
    );
    const [row] = JSON.parse((await sandbox.run('vzlist', ['-j', '777'])).stdout);
    expect(row).toMatchObject({ physpages: { limit: 32_768 }, numproc: { limit: 100 }, onboot: true });
  });

  it.each([
    [
      'a vzdump of OpenVZ',
      'd=$(mktemp -d); mkdir -p "$d/etc/vzdump"; echo > "$d/etc/vzdump/vps.conf"; tar -cf "$2" -C "$1" . -C "$d" ./etc/vzdump; rm -r "$d"',
    ],
    ['a tarball of the directory', 'tar -C "$1" -cf "$2" --transform "s,^[.],777,rhS" .'],
  ])('takes %s', { tags: ['slow'] }, async (_, script) => {
    const archive = await pack(script, 'other.tar');
    expect(await cella('import', writeConfig(), archive)).toMatchObject({ code: 0 });
    await sandbox.good('start', '777');
    expect(await sandbox.good('exec', '777', 'ls -d /bin /etc; ls /etc')).not.toContain('vzdump');
  });

  it('takes a backup of ours, under another id, and says so as JSON', { tags: ['slow'] }, async () => {
    await sandbox.create(101);
    await sandbox.good('start', '101');
    await sandbox.good('exec', '101', 'echo kept > /root/file');
    await sandbox.good('stop', '101');
    await cella('backup', '101', at('101.tar.zst'));
    const { code, stdout } = await cella(
      'import',
      writeConfig(),
      at('101.tar.zst'),
      '--ctid',
      '102',
      '--json',
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      ctid: 102,
      privileged: false,
      used: expect.arrayContaining([{ key: 'NUMPROC', value: '100' }]),
      ignored: expect.arrayContaining([expect.objectContaining({ key: 'PANEL_KEY' })]),
      changed: expect.arrayContaining([
        { key: 'OSTEMPLATE', from: 'debian-7.0-x86_64', to: null, reason: expect.any(String) },
      ]),
    });
    await sandbox.good('start', '102');
    expect(await sandbox.good('exec', '102', 'cat /root/file')).toBe('kept\n');
  });

  it('makes it of its template where there is no archive, or says which template it needs', {
    tags: ['slow'],
  }, async () => {
    expect(await cella('import', writeConfig())).toMatchObject({
      code: 91,
      stderr: expect.stringContaining('debian-7.0-x86_64'),
    });
    expectNothing(777);
    const here = writeConfig(CONFIG.replace('debian-7.0-x86_64', 'busybox').replace('simfs', 'ploop'));
    expect(await cella('import', here)).toMatchObject({ code: 0 });
    expect(config(777)).toContain('VE_LAYOUT="overlay:image"');
    await sandbox.good('start', '777');
  });

  it('only tells, when it is to', { tags: ['slow'] }, async () => {
    const archive = await pack('tar -C "$1" -czf "$2" .');
    const { code, stdout } = await cella('import', writeConfig(), archive, '--dry-run');
    expect(code).toBe(0);
    expect(stdout).toContain('used     HOSTNAME="old.example"');
    expectNothing(777);
  });
});

describe('what is refused leaves nothing', { tags: ['slow'] }, () => {
  const LINUX: readonly RawEntry[] = [
    { name: './', type: '5', mode: 0o755 },
    { name: './bin/sh', data: 'x', mode: 0o755 },
  ];
  const outside = () => at('outside');
  it.each<[string, readonly RawEntry[]]>([
    ['a path that leads out', [...LINUX, { name: '../outside', data: 'x' }]],
    [
      'an absolute link that is written through',
      [...LINUX, { name: './out', type: '2', link: '/tmp' }, { name: './out/cella-outside', data: 'x' }],
    ],
    ['a hard link to the host', [...LINUX, { name: './shadow', type: '1', link: '/etc/shadow' }]],
    [
      'a ploop image',
      [
        { name: './root.hdd/', type: '5', mode: 0o755 },
        { name: './root.hdd/DiskDescriptor.xml', data: 'x' },
      ],
    ],
    ['no root file system', [{ name: './readme', data: 'x' }]],
  ])('an archive with %s', async (_, entries) => {
    writeFileSync(at('bad.tar'), tar(...entries));
    const { code, stderr } = await cella('import', writeConfig(), at('bad.tar'));
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/^[^\n]+\n([^\n]+\n)?$/);
    expect(existsSync(outside())).toBe(false);
    expect(existsSync('/tmp/cella-outside')).toBe(false);
    expectNothing(777);
  });

  it.each([
    ['a truncated archive', 'tar -C "$1" -cz . | head -c 100000 > "$2"'],
    ['what is no archive', 'head -c 5000 /dev/urandom > "$2"'],
    ['an empty file', ': > "$2"'],
  ])('%s', async (_, script) => {
    const archive = await pack(script);
    expect((await cella('import', writeConfig(), archive)).code).not.toBe(0);
    expectNothing(777);
  });

  it('a config that is none, an id that is taken, and one without an id', async () => {
    const archive = await pack('tar -C "$1" -czf "$2" .');
    expect(await cella('import', at('nowhere.conf'))).toMatchObject({ code: 14 });
    expect(await cella('import', '/dev/zero', archive, '--ctid', '777')).toMatchObject({ code: 21 });
    expect(await cella('import', writeConfig(CONFIG, 've.conf'), archive)).toMatchObject({ code: 27 });
    expect(await cella('import', writeConfig(), at('nowhere.tar'))).toMatchObject({ code: 21 });
    expect(await cella('import', writeConfig(), archive, '--ctid', '7')).toMatchObject({ code: 21 });
    expectNothing(777);
    await sandbox.create(101);
    const before = config(101);
    expect(await cella('import', writeConfig(), archive, '--ctid', '101')).toMatchObject({ code: 44 });
    expect(config(101)).toBe(before);
  });

  it('an archive that the disk limit has no room for', async () => {
    const archive = await pack(
      'd=$(mktemp -d); cp -a "$1/." "$d"; head -c 40000000 /dev/urandom > "$d/big"; tar -C "$d" -cf "$2" .; rm -r "$d"',
    );
    const small = writeConfig(CONFIG.replace('100M', '20M').replace('simfs', 'ploop'));
    expect(await cella('import', small, archive)).toMatchObject({ code: 46 });
    expectNothing(777);
  });
});

describe('killed', { tags: ['slow'] }, () => {
  it.each([
    'create.intent',
    'import.created',
    'import.unpacked',
    'create.staged',
    'create.private',
    'create.done',
  ])('at %s it leaves nothing or a whole container', async (CELLA_FAULT) => {
    const archive = await pack('tar -C "$1" -czf "$2" .');
    const args = ['import', writeConfig(), archive];
    const { signal } = await sandbox.run('cella', args, { env: { CELLA_FAULT } });
    expect(signal).toBe('SIGKILL');
    const whole = CELLA_FAULT === 'create.done';
    expect(existsSync(at('etc/vz/conf/777.conf'))).toBe(whole);
    const again = await cella(...args);
    expect(again.code).toBe(whole ? 44 : 0);
    await sandbox.good('start', '777');
    expect(await sandbox.good('exec', '777', 'hostname')).toBe('old.example\n');
  });
});
