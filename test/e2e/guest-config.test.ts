/** What the host writes into a guest's files, and what a hostile guest cannot make of that. */
import { execFileSync } from 'node:child_process';
import {
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ clear: [101, 102] });

const vzctl = (...args: readonly string[]) => sandbox.vzctl(args);
const inside = async (command: string, ctid = 101): Promise<string> =>
  (await vzctl('exec', String(ctid), command)).stdout.trim();
const set = (...args: readonly string[]) => vzctl('set', '101', ...args, '--save');

/** In a directory, where a test can be the guest that changes its files. */
const create = (...args: readonly string[]): Promise<void> =>
  sandbox.create(
    101,
    '--layout',
    'overlay:directory',
    '--diskspace',
    'unlimited',
    '--diskinodes',
    'unlimited',
    ...args,
  );

/** The tree of a stopped container, to be changed as its root would. */
const upper = (): string => `${sandbox.rootDir}/var/lib/vz/private/101/upper`;

describe('settings', () => {
  it('are in the files before init runs', async () => {
    await create(
      '--hostname',
      'web.example.org',
      '--nameserver',
      '192.0.2.53',
      '--searchdomain',
      'a.example',
    );
    await vzctl('start', '101', '--wait');
    expect(await inside('cat /etc/hostname; hostname')).toBe('web.example.org\nweb.example.org');
    expect(await inside('cat /etc/resolv.conf')).toMatch(/\nsearch a\.example\nnameserver 192\.0\.2\.53$/);
    expect(await inside('grep web /etc/hosts')).toBe('127.0.1.1\tweb.example.org web');
    expect(await inside('stat -c "%u:%g %a" /etc/hostname /etc/hosts /etc/resolv.conf')).toBe(
      '0:0 644\n0:0 644\n0:0 644',
    );
  });

  it('change in a running container, which keeps the rest of its files', async () => {
    await create('--hostname', 'old');
    await vzctl('start', '101', '--wait');
    await inside('echo "192.0.2.9 friend" >> /etc/hosts; chmod 600 /etc/hosts; chown 5:6 /etc/hosts');
    expect(
      await set('--hostname', 'new', '--nameserver', '192.0.2.1', '--nameserver', '2001:db8::1'),
    ).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(await inside('hostname; cat /etc/hostname')).toBe('new\nnew');
    const hosts = await inside('cat /etc/hosts');
    expect(hosts).toContain('192.0.2.9 friend');
    expect(hosts).not.toContain('old');
    expect(await inside('stat -c "%u:%g %a" /etc/hosts')).toBe('5:6 600');
    expect(await inside('grep ^nameserver /etc/resolv.conf')).toBe(
      'nameserver 192.0.2.1\nnameserver 2001:db8::1',
    );
  });

  it('name the others on the private network where that is asked for', async () => {
    await create('--hostname', 'web');
    await sandbox.create(102, '--hostname', 'db.example');
    const conf = `${sandbox.rootDir}/etc/vz/conf/102.conf`;
    writeFileSync(conf, `${readFileSync(conf, 'latin1')}NAT_ADDRESS="10.7.7.3"\n`);
    expect(await set('--nat_names', 'yes')).toMatchObject({ code: 0, stderr: '' });
    const hosts = () => readFileSync(`${upper()}/etc/hosts`, 'latin1');
    expect(hosts()).toContain('127.0.1.1\tweb\n10.7.7.3\tdb.example db\n');
    expect(await set('--nat_names', 'no')).toMatchObject({ code: 0, stderr: '' });
    expect(hosts()).not.toContain('10.7.7.3');
  });

  it('change in a stopped one without booting it, and are written once', { tags: ['slow'] }, async () => {
    await create();
    expect(await set('--hostname', 'quiet')).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(`${upper()}/etc/hostname`, 'latin1')).toBe('quiet\n');
    expect((await vzctl('status', '101')).stdout).toBe('CTID 101 exist unmounted down\n');
    const before = statSync(`${upper()}/etc/hostname`).ino;
    writeFileSync(`${upper()}/etc/hostname`, 'own\n');
    await vzctl('start', '101');
    // What the guest's root makes of it later is the guest's affair.
    expect(await inside('cat /etc/hostname; hostname')).toBe('own\nquiet');
    expect(statSync(`${upper()}/etc/hostname`).ino).toBe(before);
  });

  it('go along with what the files were copied from, or went back to', { tags: ['slow'] }, async () => {
    await create('--hostname', 'first');
    await vzctl('start', '101');
    await vzctl('stop', '101', '--fast');
    const uuid = '11111111-2222-3333-4444-555555555555';
    await vzctl('snapshot', '101', '--id', uuid, '--skip-config');
    await set('--hostname', 'second');
    await vzctl('snapshot-switch', '101', '--id', uuid);
    await vzctl('start', '101');
    const wanted = /HOSTNAME="?(\w+)/.exec(
      readFileSync(`${sandbox.rootDir}/etc/vz/conf/101.conf`, 'latin1'),
    )?.[1];
    expect(await inside('cat /etc/hostname')).toBe(wanted);
  });

  it("have the host's name servers where that is asked for", { tags: ['slow'] }, async () => {
    const own = /^nameserver (?!127\.|::1\s)(\S+)/m.exec(readFileSync('/etc/resolv.conf', 'latin1'))?.[1];
    await create('--nameserver', 'inherit');
    await vzctl('start', '101', '--wait');
    const text = await inside('cat /etc/resolv.conf');
    expect(text).toContain('Written by the host');
    expect(/^nameserver (\S+)/m.exec(text)?.[1]).toBe(own);
  });

  it('leave a container alone that says nothing of them', { tags: ['slow'] }, async () => {
    await create();
    await vzctl('start', '101', '--wait');
    expect(await inside('cat /etc/hostname 2>&1')).toContain('No such file');
    expect(readdirSync(`${sandbox.rootDir}/var/lib/vz/private/101`)).not.toContain('applied');
  });
});

describe('an interface that asks for its address', () => {
  const file = () => readFileSync(`${upper()}/etc/network/interfaces`, 'latin1');

  it('is in the files of what brings it up, for as long as it does', async () => {
    await create();
    mkdirSync(`${upper()}/etc/network`, { recursive: true });
    writeFileSync(`${upper()}/etc/network/interfaces`, 'auto lo\n');
    const added = await set('--netif_add', 'ifname=eth0,bridge=br0,dhcp=yes', '--netif_add', 'eth1,,,,br0');
    expect(added).toMatchObject({ code: 0, stderr: '' });
    expect(file()).toMatch(/^auto lo\n# Begin.*\nauto eth0\niface eth0 inet dhcp\n/);
    expect(file()).not.toContain('eth1');
    expect(await set('--ifname', 'eth0', '--dhcp', 'no')).toMatchObject({ code: 0, stderr: '' });
    expect(file()).toBe('auto lo\n');
  });

  it('cannot be kept by a guest that does not take its files', async () => {
    await create('--netif_add', 'ifname=eth0,bridge=br0,dhcp=yes');
    mkdirSync(`${upper()}/etc/network`, { recursive: true });
    // Larger than anybody reads.
    execFileSync('truncate', ['-s', '9M', `${upper()}/etc/network/interfaces`]);
    expect(await set('--netif_del', 'all')).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^Warning: .*etc\/network\/interfaces.*; it keeps what it has\n$/),
    });
    expect((await vzctl('set', '101', '--hostname', 'x', '--save')).code).not.toBe(0);
    expect(readFileSync(`${sandbox.rootDir}/etc/vz/conf/101.conf`, 'latin1')).not.toContain('NETIF');
  });
});

describe('a password', () => {
  const shadow = (user: string): string =>
    new RegExp(`^${user}:.*$`, 'm').exec(readFileSync(`${upper()}/etc/shadow`, 'latin1'))?.[0] ?? '';
  /** Whether a hash is of a password. */
  const isOf = (line: string, password: string): boolean => {
    const hash = line.split(':')[1] ?? '';
    const salt = hash.split('$').slice(0, 4).join('$');
    return (
      execFileSync('perl', ['-e', 'print crypt(<STDIN>, $ARGV[0])', salt], { input: password }).toString() ===
      hash
    );
  };
  const accounts = () => {
    mkdirSync(`${upper()}/etc`, { recursive: true });
    writeFileSync(`${upper()}/etc/passwd`, 'root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1000::/:/bin/sh\n');
    writeFileSync(`${upper()}/etc/shadow`, 'root:*:1:0:99999:7:::\nweb:!:1:0:99999:7:::\n', { mode: 0o640 });
  };

  it('is set without booting, and saved nowhere else', async () => {
    await create();
    accounts();
    expect(await vzctl('set', '101', '--userpasswd', 'root:se:cret "$x"')).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(isOf(shadow('root'), 'se:cret "$x"')).toBe(true);
    expect(shadow('web')).toBe('web:!:1:0:99999:7:::');
    expect(statSync(`${upper()}/etc/shadow`).mode & 0o777).toBe(0o640);
    expect(
      await sandbox.shell(
        'grep -rl "se:cret" "$1/etc/vz" "$1/var/lib/vz/private" "$1/run" || true',
        sandbox.rootDir,
      ),
    ).toBe('');
    expect((await vzctl('status', '101')).stdout).toBe('CTID 101 exist unmounted down\n');
  });

  it('opens the door of a running one, by what is installed there', { tags: ['slow'] }, async () => {
    await create();
    accounts();
    await vzctl('start', '101', '--wait');
    expect(await vzctl('set', '101', '--userpasswd', 'web:letmein')).toMatchObject({ code: 0, stderr: '' });
    expect(isOf(await inside('grep ^web: /etc/shadow'), 'letmein')).toBe(true);
    expect(await inside('stat -c "%u:%g %a" /etc/shadow')).toBe('0:0 640');
  });

  it.each([
    ['nobody there', 'ghost:pw', 74],
    ['no password', 'root', 21],
    ['an empty one', 'root:', 21],
    ['a line more', 'root:a\nroot::0:0', 21],
    ['too long', `root:${'x'.repeat(3000)}`, 74],
  ])('%s: nothing is changed', { tags: ['slow'] }, async (_, value, code) => {
    await create();
    accounts();
    const before = shadow('root');
    const result = await vzctl('set', '101', '--userpasswd', value);
    expect(result.code).toBe(code);
    expect(result.stderr).not.toContain('xxx');
    expect(shadow('root')).toBe(before);
  });

  it.each(['shadow', 'passwd'])(
    '%s as a link to the host’s: nothing of that is read or written',
    { tags: ['slow'] },
    async (file) => {
      await create();
      accounts();
      rmSync(`${upper()}/etc/${file}`);
      symlinkSync(`/etc/${file}`, `${upper()}/etc/${file}`);
      const before = readFileSync(`/etc/${file}`, 'latin1');
      await vzctl('set', '101', '--userpasswd', 'root:pw');
      expect(readFileSync(`/etc/${file}`, 'latin1')).toBe(before);
    },
  );
});

describe('a hostile guest', () => {
  let host: string;
  beforeEach(async () => {
    host = mkdtempSync(`${tmpdir()}/cella-host-`);
    for (const file of ['hosts', 'hostname', 'resolv.conf', 'shadow'])
      writeFileSync(`${host}/${file}`, 'the host');
    await create();
    mkdirSync(`${upper()}/etc`, { recursive: true });
  });
  afterEach(() => {
    for (const file of ['hosts', 'hostname', 'resolv.conf', 'shadow'])
      expect(readFileSync(`${host}/${file}`, 'latin1')).toBe('the host');
    expect(readdirSync(host).sort()).toEqual(['hostname', 'hosts', 'resolv.conf', 'shadow']);
    rmSync(host, { recursive: true });
  });

  const dots = '../'.repeat(24);
  it.each([
    ['an absolute link', (to: string) => to],
    ['a link by way of ..', (to: string) => `${dots}${to}`],
  ])('has /etc be %s to a directory of the host', { tags: ['slow'] }, async (_, link) => {
    rmSync(`${upper()}/etc`, { recursive: true });
    symlinkSync(link(host), `${upper()}/etc`);
    const result = await set('--hostname', 'x', '--nameserver', '192.0.2.1');
    expect(result.code).toBe(70);
    expect(result.stderr).toMatch(/^cannot write '\/etc\/hostname' of container 101: .* symbolic link\n$/);
    expect(await vzctl('start', '101')).toMatchObject({ code: 0 });
  });

  it.each([
    ['a link to a file of the host', (path: string) => symlinkSync(`${host}/resolv.conf`, path)],
    ['a link by way of ..', (path: string) => symlinkSync(`${dots}${host}/resolv.conf`, path)],
    [
      "systemd-resolved's link",
      (path: string) => symlinkSync('../run/systemd/resolve/stub-resolv.conf', path),
    ],
    ['a link to a process', (path: string) => symlinkSync('/proc/1/root/etc/passwd', path)],
    ['a fifo', (path: string) => execFileSync('mkfifo', [path])],
    ['a device', (path: string) => execFileSync('mknod', [path, 'c', '1', '3'])],
    ['another name of a file', (path: string) => linkSync(`${upper()}/etc/other`, path)],
  ])('has /etc/resolv.conf be %s: a file takes its place', { tags: ['slow'] }, async (_, make) => {
    writeFileSync(`${upper()}/etc/other`, 'other');
    make(`${upper()}/etc/resolv.conf`);
    expect(await set('--nameserver', '192.0.2.1')).toMatchObject({ code: 0, stderr: '' });
    expect(lstatSync(`${upper()}/etc/resolv.conf`).isFile()).toBe(true);
    expect(readFileSync(`${upper()}/etc/resolv.conf`, 'latin1')).toContain('nameserver 192.0.2.1');
    expect(readFileSync(`${upper()}/etc/other`, 'latin1')).toBe('other');
  });

  it.each([
    ['a directory', 72, /it is a directory/, (path: string) => mkdirSync(path)],
    ['endless', 72, /larger than 8 MiB/, (path: string) => execFileSync('truncate', ['-s', '9T', path])],
    [
      'immutable',
      72,
      /cannot be replaced/,
      (path: string) => {
        writeFileSync(path, 'nameserver 192.0.2.99\n');
        execFileSync('chattr', ['+i', path]);
      },
    ],
  ] as const)(
    'has /etc/resolv.conf be %s: it is told, and starts all the same',
    async (_, code, why, make) => {
      const path = `${upper()}/etc/resolv.conf`;
      make(path);
      try {
        const result = await set('--nameserver', '192.0.2.1');
        expect(result.code).toBe(code);
        expect(result.stderr).toMatch(why);
        await sandbox.shell('printf "NAMESERVER=192.0.2.1\\n" >> "$1/etc/vz/conf/101.conf"', sandbox.rootDir);
        const started = await vzctl('start', '101');
        expect(started.code).toBe(0);
        expect(started.stderr).toMatch(why);
        expect(started.stderr).toMatch(/^Warning: .*; it keeps what it has\n$/);
      } finally {
        execFileSync('chattr', ['-i', path]);
      }
    },
  );

  it('swaps directories and links while they are written: all stays in it', { tags: ['slow'] }, async () => {
    await vzctl('start', '101', '--wait');
    const racing = sandbox.spawn('vzctl', [
      'exec',
      '101',
      `mkdir -p /d; while :; do mv /etc /e; ln -s ${host} /etc; rm /etc; mv /e /etc; done`,
    ]);
    for (let i = 0; i < 15; i += 1)
      await vzctl('set', '101', '--nameserver', `192.0.2.${i}`, '--userpasswd', 'root:pw');
    racing.child.kill('SIGINT');
    await racing.ended;
  });

  it('makes its own mounts on /etc that would never answer: they are not gone through', async () => {
    await vzctl('start', '101', '--wait');
    await inside('mkdir -p /m; mount -t tmpfs none /etc; mkfifo /etc/resolv.conf /etc/hosts');
    expect(await set('--nameserver', '192.0.2.1')).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(`${upper()}/etc/resolv.conf`, 'latin1')).toContain('192.0.2.1');
  });
});

describe('kill -9', { tags: ['slow'] }, () => {
  it.each(['configure.file', 'password.shadow'])('at %s: nothing stays mounted', async (point) => {
    await create();
    mkdirSync(`${upper()}/etc`, { recursive: true });
    writeFileSync(`${upper()}/etc/passwd`, 'root::0:0:root:/root:/bin/sh\n');
    writeFileSync(`${upper()}/etc/shadow`, 'root:*:1::::::\n');
    const args = ['set', '101', '--hostname', 'x', '--userpasswd', 'root:pw', '--save'];
    expect(await sandbox.vzctl(args, { env: { CELLA_FAULT: point } })).toMatchObject({ signal: 'SIGKILL' });
    expect(await vzctl(...args)).toMatchObject({ code: 0 });
    expect(readFileSync(`${upper()}/etc/hostname`, 'latin1')).toBe('x\n');
    expect(readFileSync(`${upper()}/etc/passwd`, 'latin1')).toMatch(/^root:x:/);
  });
});

describe('a Debian guest', () => {
  let template: string;
  beforeAll(async () => {
    template = await sandbox.template('debian-13');
  }, 1_200_000);

  it('has its name and its name servers, its root a password, and boots as before', async () => {
    await sandbox.createFrom(template, 101);
    expect(
      await set('--hostname', 'mail.example.org', '--nameserver', '192.0.2.53', '--userpasswd', 'root:deb'),
    ).toMatchObject({ code: 0, stderr: '' });
    expect(await vzctl('start', '101', '--wait')).toMatchObject({ code: 0, stderr: '' });
    expect(await inside('hostname; hostname -f; cat /etc/hostname')).toBe(
      'mail.example.org\nmail.example.org\nmail.example.org',
    );
    expect(await inside('getent hosts mail')).toMatch(/^127\.0\.1\.1/);
    expect(await inside('grep ^nameserver /etc/resolv.conf')).toBe('nameserver 192.0.2.53');
    expect(await inside('stat -c "%U:%G %a" /etc/shadow')).toBe('root:shadow 640');
    // As its own login checks it.
    expect(
      await inside(`perl -e '$h = (getpwnam "root")[1]; print crypt("deb", $h) eq $h ? "yes" : "no"'`),
    ).toBe('yes');
    expect(await inside('systemctl is-system-running')).toBe('running');
  });
});
