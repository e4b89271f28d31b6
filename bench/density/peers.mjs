/** The process that Podman and LXC keep beside each container: conmon, and the monitor of lxc-start. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { processesLike } from './memory.mjs';

const COUNT = 20;

// crun refuses hosts with both hierarchies of control groups: the empty one is out of its sight.
const AWAY = `umount /sys/fs/cgroup/unified 2>/dev/null || true
  mount -t tmpfs tmpfs /run; mkdir -p /run/lock; mount -t tmpfs tmpfs "$1"; cd "$1"`;

const PODMAN = `podman="podman --root $1/store --runroot /run/podman --storage-driver vfs --events-backend none --cgroup-manager cgroupfs"
  for i in $(seq "$3"); do
    $podman run -d --cgroups disabled --network none --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 --rootfs "$2" /bin/sleep 600 >/dev/null
  done; sleep 2; eval "$4"; $podman kill --all >/dev/null`;

const LXC = `for i in $(seq "$3"); do
    mkdir -p "lxc/c$i"
    printf 'lxc.uts.name = c%s\\nlxc.rootfs.path = dir:%s\\nlxc.init.cmd = /bin/sleep 600\\nlxc.net.0.type = empty\\nlxc.apparmor.profile = unconfined\\n' "$i" "$2" >"lxc/c$i/config"
    lxc-start -P "$1/lxc" -n "c$i"
  done; sleep 2; eval "$4"
  for i in $(seq "$3"); do lxc-stop -k -P "$1/lxc" -n "c$i"; done`;

const PEERS = [
  { name: 'podman', packages: ['podman', 'crun', 'conmon'], script: PODMAN, monitor: /(^|\/)conmon\0/ },
  { name: 'lxc', packages: ['lxc'], script: LXC, monitor: /^\[lxc monitor\]/ },
];

/** Tells, and returns, KiB for each container by peer; what cannot run here is left out, with its words. */
export function measurePeers(directory, rootfs) {
  const at = `${directory}/peers`;
  mkdirSync(at);
  const look = `${directory}/look.mjs`;
  for (const { name, packages, script, monitor } of PEERS) {
    writeFileSync(
      look,
      `import { processesLike } from '${new URL('memory.mjs', import.meta.url).href}'; console.log(JSON.stringify(processesLike(${monitor})));`,
    );
    try {
      const apt = ['install', '-y', '-qq', '--no-install-recommends', ...packages];
      execFileSync('apt-get', apt, { stdio: 'ignore' });
      const before = processesLike(monitor).count;
      const said = execFileSync(
        'unshare',
        [
          ...['-m', '--propagation', 'private', 'sh', '-euc', `${AWAY}\n${script}`, 'sh'],
          ...[at, rootfs, String(COUNT), `${process.execPath} ${look}`],
        ],
        { encoding: 'utf8', timeout: 300_000 },
      );
      const { count, kib } = JSON.parse(said.trim().split('\n').at(-1));
      if (count - before !== COUNT) throw new Error(`${count - before} of ${COUNT} are there`);
      console.log(`RESULT density/userland/${name} ${(kib / count).toFixed(1)} KiB-each goal -`);
    } catch (error) {
      const [first] = (error.stderr?.trim() || error.message).split('\n').slice(-1);
      console.log(`${name} is left out: ${first}`);
    }
  }
}
