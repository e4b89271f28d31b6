/** What a hostile guest tries first, and what an operator's shell must not hand down to it. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { watch } from '../helpers/sandbox.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ clear: [101] });

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

const vzctl = (...args: readonly string[]) => sandbox.vzctl(args);

async function startContainer(...args: readonly string[]): Promise<void> {
  await sandbox.create(101, ...args);
  expect(await vzctl('start', '101', '--wait')).toMatchObject({ code: 0 });
}

/** vzctl as called from a shell that has set up much of its own. */
function fromShell(setUp: string, ...args: readonly string[]) {
  const vzctl = `${process.execPath} ${REPOSITORY}dist/bin/vzctl.cjs`;
  const running = watch(
    spawn('bash', ['-c', `${setUp}; ${vzctl} "$@"`, 'bash', ...args], {
      env: { ...process.env, CELLA_ROOT: sandbox.rootDir, LISTEN_FDS: '1', LD_PRELOAD: '' },
    }),
  );
  return running.ended;
}

describe('what the operator has set', () => {
  const SET_UP = "umask 077; ulimit -n 4096; trap '' HUP USR1; exec 9< /; cd /usr";
  const LOOK =
    'umask; ulimit -n; grep -E "^Sig(Blk|Ign)" /proc/$$/status; ls /proc/$$/fd; env | grep -c LISTEN; pwd';

  it.each([
    ['a command', '/proc/self'],
    ['init', '/proc/1'],
  ])('does not reach %s', async (_, process) => {
    await sandbox.create(101);
    expect(await fromShell(SET_UP, 'start', '101', '--wait')).toMatchObject({ code: 0, stderr: '' });
    const { stdout } = await fromShell(SET_UP, 'exec', '101', LOOK.replaceAll('/proc/$$', process));
    const [umask, files, blocked, ignored, ...rest] = stdout.split('\n');
    expect([umask, files]).toEqual(['0022', '1024']);
    expect(blocked).toMatch(/^SigBlk:\s0{16}$/);
    // Init ignores nothing of HUP (1) and USR1 (10) unless it chose to.
    expect(Number.parseInt(ignored?.split('\t')[1] ?? '', 16) & ((1 << 0) | (1 << 9))).toBe(0);
    expect(rest.filter((fd) => /^\d+$/.test(fd) && Number(fd) > 3)).toEqual([]);
    expect(rest.slice(-3)).toEqual(['0', '/', '']);
  });
});

describe('the program that enters', () => {
  /** The launcher, the addon, and Node.js itself. */
  const fingerprints = () =>
    [
      process.execPath,
      ...['cella.node', 'cella-launcher'].map((name) => `${REPOSITORY}build/Release/${name}`),
    ].map((path) => createHash('sha256').update(readFileSync(path)).digest('hex'));

  it('cannot be written to through /proc/PID/exe, nor read, nor traced', async () => {
    const before = fingerprints();
    await startContainer();
    // Tries every process but its own for as long as commands enter.
    await vzctl(
      'exec',
      '101',
      `cat > /root/attack <<'END'
cd /proc
while [ ! -e /tmp/enough ]; do
  for p in [2-9]* 1[0-9]*; do
    case "$(readlink $p/exe)" in /bin/busybox) continue ;; esac
    { echo overwritten > $p/exe && echo "wrote $p"; } 2>/dev/null
    for fd in $p/fd/*; do
      case "$(readlink $fd)" in ''|pipe:*|/dev/*|/root/*|/tmp/*|/proc/*) ;; *) echo "saw $(readlink $fd)" ;; esac
    done
  done
done >> /root/seen 2>/dev/null
END
sh /root/attack > /dev/null 2>&1 &`,
    );
    // The VM lane's processor is an emulated one, and that loop keeps it busy.
    const entries = process.env.CELLA_LANE === 'vm' ? 10 : 30;
    for (let i = 0; i < entries; i += 1)
      expect(await vzctl('exec', '101', 'true')).toMatchObject({ code: 0 });
    await vzctl('exec', '101', 'ln -sf /proc/self/exe /root/self');
    await vzctl('exec', '101', '/root/self true');
    expect((await vzctl('exec', '101', 'touch /tmp/enough; cat /root/seen')).stdout).toBe('');
    expect(fingerprints()).toEqual(before);
  });
});

describe('a root file system with links where mounts go', { tags: ['slow'] }, () => {
  it.each([
    ['proc', '/etc'],
    ['sys', '../../../../etc'],
    ['dev', '/proc/self/root'],
    ['run', '/'],
    ['dev', '/nowhere'],
  ])('/%s → %s: is refused, and nothing outside of it is touched', async (name, target) => {
    await sandbox.create(101, '--layout', 'overlay:directory');
    const upper = `${sandbox.rootDir}/var/lib/vz/private/101/upper`;
    symlinkSync(target, `${upper}/${name}`);
    const host = ['/etc', '/dev', '/run'].map((path) => readdirSync(path));
    expect(await vzctl('start', '101')).toMatchObject({
      code: 3,
      stderr: `cannot mount '/${name}': ENOTDIR\n`,
    });
    expect(['/etc', '/dev', '/run'].map((path) => readdirSync(path))).toEqual(host);
    expect((await vzctl('status', '101')).stdout).toBe('CTID 101 exist unmounted down\n');
  });
});
