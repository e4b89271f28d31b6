/** Action scripts: in which order, with what around them, and what becomes of a verb when one fails, hangs or is killed. */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ clear: [101, 102] });

let place: string;
beforeEach(() => {
  place = mkdtempSync(`${tmpdir()}/cella-scripts-`);
});
afterEach(() => {
  const conf = `${sandbox.rootDir}/etc/vz/conf`;
  for (const name of readdirSync(conf))
    if (/^(vps|\d+)\.(pre|post)?(mount|umount|start|stop|create)/.test(name)) rmSync(`${conf}/${name}`);
  rmSync(place, { recursive: true });
});

const vzctl = (...args: readonly string[]) => sandbox.vzctl(args);
const conf = (name: string): string => `${sandbox.rootDir}/etc/vz/conf/${name}`;
const status = async (ctid = 101): Promise<string> => (await vzctl('status', String(ctid))).stdout;
const DOWN = 'CTID 101 exist unmounted down\n';
const UP = 'CTID 101 exist mounted running\n';

function script(name: string, body: string): void {
  writeFileSync(conf(name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
}

const ACTIONS = ['premount', 'mount', 'start', 'stop', 'umount', 'postumount'];
/** Every one there can be; those in the container tell by what they write. */
function all(): void {
  for (const scope of ['vps', '101'])
    for (const action of ACTIONS)
      script(
        `${scope}.${action}`,
        ['start', 'stop'].includes(action)
          ? `echo ${scope}.${action}`
          : `echo ${scope}.${action} >> ${place}/log`,
      );
}
const log = (): readonly string[] =>
  existsSync(`${place}/log`) ? readFileSync(`${place}/log`, 'latin1').trim().split('\n') : [];
const pairs = (...actions: readonly string[]): readonly string[] =>
  actions.flatMap((action) => [`vps.${action}`, `101.${action}`]);
/** Those below the sandbox. */
const mounts = (): readonly string[] =>
  readFileSync('/proc/self/mountinfo', 'latin1')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((at) => at.startsWith(`${sandbox.rootDir}/`));

describe('order', () => {
  it('is global before own, and around what they are named for', { tags: ['slow'] }, async () => {
    await sandbox.create(101);
    all();
    const { code, stdout } = await vzctl('start', '101');
    expect(code).toBe(0);
    expect(log()).toEqual(pairs('premount', 'mount'));
    expect(stdout).toContain('vps.start: vps.start\n101.start: 101.start\n');
    const stopped = await vzctl('stop', '101');
    expect(stopped.code).toBe(0);
    expect(stopped.stdout).toContain('vps.stop: vps.stop\n101.stop: 101.stop\n');
    expect(log()).toEqual(pairs('premount', 'mount', 'umount', 'postumount'));
    expect(readdirSync(`${sandbox.rootDir}/run/vz`).filter((name) => name !== 'lock')).toEqual([]);
  });

  it('is the same for mount and umount, which start nothing', { tags: ['slow'] }, async () => {
    await sandbox.create(101);
    all();
    expect(await vzctl('mount', '101')).toMatchObject({ code: 0 });
    expect(log()).toEqual(pairs('premount', 'mount'));
    expect(await vzctl('umount', '101')).toMatchObject({ code: 0 });
    expect(log()).toEqual(pairs('premount', 'mount', 'umount', 'postumount'));
  });

  it('takes down what was mounted before a start, which mounts anew', { tags: ['slow'] }, async () => {
    await sandbox.create(101);
    all();
    await vzctl('mount', '101');
    await vzctl('start', '101');
    expect(log()).toEqual(pairs('premount', 'mount', 'umount', 'postumount', 'premount', 'mount'));
  });

  it('has those of a container that ended by itself run by the next verb', { tags: ['slow'] }, async () => {
    await sandbox.create(101);
    all();
    await vzctl('start', '101', '--wait');
    await vzctl('exec', '101', 'poweroff -f');
    await expect.poll(() => status(), { timeout: 20_000 }).toMatch(/ down\n$/);
    await vzctl('start', '101');
    expect(log()).toEqual(pairs('premount', 'mount', 'umount', 'postumount', 'premount', 'mount'));
  });

  it('has the start scripts in the container, before its init', async () => {
    await sandbox.create(101, '--hostname', 'inside');
    script(
      '101.start',
      'id -u; hostname; cat /proc/1/comm; cat /etc/hostname; touch /began; ls -d /began /proc/1',
    );
    const { stdout } = await vzctl('start', '101', '--wait');
    expect(stdout.match(/^101\.start: .*$/gm)?.map((line) => line.slice(11))).toEqual([
      '0',
      'inside',
      'cella-launch',
      'inside',
      '/began',
      '/proc/1',
    ]);
    expect((await vzctl('exec', '101', 'cat /proc/1/comm; ls /began')).stdout).toBe('init\n/began\n');
  });
});

describe('what is around them', () => {
  it('is a clean environment, nothing open, a session of their own, and what names the container', {
    tags: ['slow'],
  }, async () => {
    await sandbox.create(101);
    script(
      '101.mount',
      `env | grep -v '^\\(PWD\\|SHLVL\\|_\\)=' | sort > ${place}/env; ls /proc/self/fd > ${place}/fd; pwd > ${place}/pwd
       ps -o sid= -p $$ | tr -d ' ' > ${place}/sid; echo $$ >> ${place}/sid; mountpoint -q "$VE_ROOT" && . "$VE_CONFFILE" && echo "$LOCAL_UID" > ${place}/uid`,
    );
    await sandbox.shell(
      'exec 9</etc/hosts; CELLA_ROOT=$1 SECRET=x LD_PRELOAD= node "$2" start 101',
      sandbox.rootDir,
      `${process.cwd()}/dist/bin/vzctl.cjs`,
    );
    const env = readFileSync(`${place}/env`, 'latin1').trim().split('\n');
    expect(env.map((line) => line.split('=')[0])).toEqual([
      'CELLA_SCRIPT',
      'HOME',
      'PATH',
      'VEID',
      'VE_CONFFILE',
      'VE_ROOT',
    ]);
    expect(env).toContain('VEID=101');
    expect(env).toContain(`VE_CONFFILE=${conf('101.conf')}`);
    // 3 is the directory that ls reads.
    expect(readFileSync(`${place}/fd`, 'latin1')).toBe('0\n1\n2\n3\n');
    expect(readFileSync(`${place}/pwd`, 'latin1')).toBe('/\n');
    expect(new Set(readFileSync(`${place}/sid`, 'latin1').trim().split('\n')).size).toBe(1);
    expect(Number(readFileSync(`${place}/uid`, 'latin1'))).toBeGreaterThan(65_535);
  });

  it('is what they mount below VE_ROOT, in the container too, until it stops', {
    tags: ['slow'],
  }, async () => {
    await sandbox.create(101);
    mkdirSync(`${place}/data`);
    writeFileSync(`${place}/data/file`, 'shared');
    chmodSync(place, 0o755);
    script('101.mount', `mkdir -p "$VE_ROOT/srv"; mount --bind ${place}/data "$VE_ROOT/srv"`);
    expect(await vzctl('start', '101', '--wait')).toMatchObject({ code: 0 });
    expect((await vzctl('exec', '101', 'cat /srv/file')).stdout).toBe('shared');
    // Without an umount script: it goes all the same.
    expect(await vzctl('stop', '101')).toMatchObject({ code: 0, stderr: '' });
    expect(await status()).toBe(DOWN);
    expect(mounts()).toEqual([]);
    expect(readFileSync(`${place}/data/file`, 'latin1')).toBe('shared');
  });

  it('is the log, and a terminal that no line of theirs reaches as it is', { tags: ['slow'] }, async () => {
    await sandbox.create(101);
    script('101.start', "printf 'a\\033[31mb\\n'; head -c 300000 /dev/zero | tr '\\0' x");
    const { stdout } = await vzctl('start', '101');
    expect(stdout).toContain('101.start: a?[31mb\n');
    expect(stdout.length).toBeLessThan(80_000);
    const logged = readFileSync(`${sandbox.rootDir}/var/log/vzctl.log`, 'latin1');
    expect(logged).toContain('CT 101 : 101.start: a?[31mb');
  });
});

describe('a script that fails', { tags: ['slow'] }, () => {
  it.each([
    ['vps.premount', []],
    ['101.premount', ['vps.postumount']],
    ['vps.mount', ['101.postumount', 'vps.postumount']],
    ['101.mount', ['vps.umount', '101.postumount', 'vps.postumount']],
    ['vps.start', ['101.umount', 'vps.umount', '101.postumount', 'vps.postumount']],
    ['101.start', ['101.umount', 'vps.umount', '101.postumount', 'vps.postumount']],
  ])('%s: nothing is started, and what others did is undone, last thing first', async (name, undone) => {
    await sandbox.create(101);
    all();
    script(name, 'echo why >&2; exit 3');
    const { code, stdout, stderr } = await vzctl('start', '101');
    expect(code).toBe(79);
    expect(stderr).toBe(`action script '${conf(name)}' failed: exit status 3\n`);
    expect(stdout).toContain(`${name}: why\n`);
    expect(log().filter((line) => /umount$/.test(line))).toEqual(undone);
    expect(await status()).toBe(DOWN);
    expect(mounts()).toEqual([]);
    rmSync(conf(name));
    expect(await vzctl('start', '101')).toMatchObject({ code: 0, stderr: '' });
  });

  it('101.stop: it goes on running; a fast stop does without', async () => {
    await sandbox.create(101);
    script('101.stop', 'exit 1');
    await vzctl('start', '101', '--wait');
    expect(await vzctl('stop', '101')).toMatchObject({ code: 79 });
    expect(await status()).toBe(UP);
    expect(await vzctl('stop', '101', '--fast')).toMatchObject({ code: 0, stderr: '' });
  });

  it.each(['101.umount', '101.postumount'])('%s at a stop: it is told, and all is down', async (name) => {
    await sandbox.create(101);
    all();
    script(name, 'exit 1');
    await vzctl('start', '101', '--wait');
    expect(await vzctl('stop', '101')).toMatchObject({ code: 79, stderr: expect.stringContaining(name) });
    expect(await status()).toBe(DOWN);
    expect(log().filter((line) => /umount$/.test(line))).toHaveLength(3);
  });

  it('101.umount of vzctl umount: it stays mounted', async () => {
    await sandbox.create(101);
    await vzctl('mount', '101');
    script('101.umount', 'exit 1');
    expect(await vzctl('umount', '101')).toMatchObject({ code: 79 });
    expect(await status()).toBe('CTID 101 exist mounted down\n');
    rmSync(conf('101.umount'));
    expect(await vzctl('umount', '101')).toMatchObject({ code: 0 });
  });

  it.each([
    ['anybody may write', () => chmodSync(conf('101.premount'), 0o777), /not root's alone/],
    ['somebody else owns', () => chownSync(conf('101.premount'), 1, 1), /not root's alone/],
    ['is not to be executed', () => chmodSync(conf('101.premount'), 0o644), /cannot be executed/],
  ])('one that %s is not run', async (_, change, why) => {
    await sandbox.create(101);
    script('101.premount', `touch ${place}/ran`);
    change();
    expect(await vzctl('start', '101')).toMatchObject({ code: 79, stderr: expect.stringMatching(why) });
    expect(readdirSync(place)).toEqual([]);
    expect(await status()).toBe(DOWN);
  });
});

describe('vps.create', { tags: ['slow'] }, () => {
  it('may change what was made', async () => {
    script(
      'vps.create',
      `ls -d "$VE_PRIVATE" > ${place}/seen; echo 'DESCRIPTION="by script"' >> "$VE_CONFFILE"`,
    );
    await sandbox.create(101, '--hostname', 'x');
    expect(readFileSync(`${place}/seen`, 'latin1').trim()).toBe(`${sandbox.rootDir}/var/lib/vz/private/101`);
    expect(readFileSync(conf('101.conf'), 'latin1')).toContain('by script');
  });

  it('failing leaves no container', async () => {
    script('vps.create', 'exit 1');
    expect(await vzctl('create', '101', '--ostemplate', 'busybox', '--name', 'web')).toMatchObject({
      code: 79,
    });
    expect(await status()).toBe('CTID 101 deleted unmounted down\n');
    expect(readdirSync(`${sandbox.rootDir}/etc/vz/names`)).toEqual([]);
  });
});

describe('a script that hangs', { tags: ['slow'] }, () => {
  const hanging = (name: string): void =>
    script(
      name,
      name.endsWith('start')
        ? 'echo hangs; sleep 1000 & sleep 1000'
        : `sleep 1001 & setsid sleep 1002 & touch ${place}/hangs; sleep 1003`,
    );
  const sleepers = (): string =>
    readdirSync('/proc')
      .filter((pid) => /^\d+$/.test(pid))
      .map((pid) => {
        try {
          return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
        } catch {
          return '';
        }
      })
      .map((line) => line.replaceAll('\0', ' ').trim())
      .filter((line) => /^sleep 100[0-3]$/.test(line))
      .join();

  it.each(['vps.premount', '101.mount', '101.start'])(
    '%s: Ctrl-C ends it with all it has started',
    async (name) => {
      await sandbox.create(101);
      hanging(name);
      const running = sandbox.spawn('vzctl', ['start', '101']);
      let said = '';
      running.child.stdout?.on('data', (data: Buffer) => {
        said += data.toString();
      });
      await expect
        .poll(() => existsSync(`${place}/hangs`) || said.includes('hangs'), { timeout: 10_000 })
        .toBe(true);
      running.child.kill('SIGINT');
      expect(await running.ended).toMatchObject({ code: 130 });
      expect(sleepers()).toBe('');
      expect(await status()).toBe(DOWN);
      expect(mounts()).toEqual([]);
      expect(readdirSync(`${sandbox.rootDir}/run/vz`).filter((at) => at !== 'lock')).toEqual([]);
    },
  );

  it('101.stop: as long as init may take for it', async () => {
    await sandbox.create(101, '--stop-timeout', '2');
    script('101.stop', 'sleep 1000');
    await vzctl('start', '101', '--wait');
    const result = await vzctl('stop', '101');
    expect(result).toMatchObject({ code: 79, stderr: expect.stringContaining('within 2 s') });
    expect(await status()).toBe(UP);
  });

  it.each(['vps.premount', '101.mount', '101.start'])(
    '%s of a start that is killed: the next verb ends it',
    async (name) => {
      await sandbox.create(101);
      for (const action of ['umount', 'postumount'])
        script(`101.${action}`, `echo ${action} >> ${place}/log`);
      hanging(name);
      const running = sandbox.spawn('vzctl', ['start', '101']);
      let said = '';
      running.child.stdout?.on('data', (data: Buffer) => {
        said += data.toString();
      });
      await expect
        .poll(() => existsSync(`${place}/hangs`) || said.includes('hangs'), { timeout: 10_000 })
        .toBe(true);
      running.child.kill('SIGKILL');
      await running.ended;
      rmSync(conf(name));
      expect(await vzctl('start', '101')).toMatchObject({
        code: 0,
        stderr: expect.stringContaining('Took away'),
      });
      expect(sleepers()).toBe('');
      expect(log()).toEqual(name === 'vps.premount' ? ['postumount'] : ['umount', 'postumount']);
      expect(await status()).toBe(UP);
    },
  );

  it.each(['101.umount', '101.postumount'])(
    '%s of a stop that is killed: the next verb goes on',
    { tags: ['slow'] },
    async (name) => {
      await sandbox.create(101);
      hanging(name);
      await vzctl('start', '101');
      const running = sandbox.spawn('vzctl', ['stop', '101', '--fast']);
      await expect.poll(() => existsSync(`${place}/hangs`), { timeout: 10_000 }).toBe(true);
      running.child.kill('SIGKILL');
      await running.ended;
      script(name, `touch ${place}/again`);
      expect(await vzctl('destroy', '101')).toMatchObject({ code: 0 });
      expect(existsSync(`${place}/again`)).toBe(true);
      expect(sleepers()).toBe('');
    },
  );

  it('vps.create of a create that is killed: nothing is left', async () => {
    hanging('vps.create');
    const running = sandbox.spawn('vzctl', ['create', '101', '--ostemplate', 'busybox']);
    await expect.poll(() => existsSync(`${place}/hangs`), { timeout: 10_000 }).toBe(true);
    running.child.kill('SIGKILL');
    await running.ended;
    rmSync(conf('vps.create'));
    await sandbox.create(101);
    expect(sleepers()).toBe('');
    expect(await status()).toBe(DOWN);
  });

  it('leaves daemons alone that a script leaves on purpose', async () => {
    await sandbox.create(101);
    script('101.mount', `setsid sleep 1001 >/dev/null 2>&1 & echo $! > ${place}/pid`);
    script('101.umount', `kill $(cat ${place}/pid)`);
    await vzctl('start', '101', '--wait');
    expect(sleepers()).not.toBe('');
    expect(await vzctl('stop', '101')).toMatchObject({ code: 0 });
    expect(sleepers()).toBe('');
  });
});

describe('their files', { tags: ['slow'] }, () => {
  const scripts = (): readonly string[] =>
    readdirSync(`${sandbox.rootDir}/etc/vz/conf`)
      .filter((name) => /^10\d\.(?!conf)/.test(name))
      .sort();

  it('are set aside with the config of what is destroyed, until the id is used again', async () => {
    await sandbox.create(101);
    script('101.mount', ':');
    await vzctl('destroy', '101');
    expect(scripts()).toEqual(['101.mount.destroyed']);
    await sandbox.create(101);
    expect(scripts()).toEqual([]);
  });

  it('go to another id with the container, and along with a clone', async () => {
    await sandbox.create(101);
    script('101.mount', ':');
    expect(await sandbox.run('cella', ['clone', '101', '102'])).toMatchObject({ code: 0 });
    expect(scripts()).toEqual(['101.mount', '102.mount']);
    await vzctl('destroy', '102');
    expect(await sandbox.run('cella', ['move', '101', '102'])).toMatchObject({ code: 0 });
    expect(scripts()).toEqual(['102.mount']);
  });
});
