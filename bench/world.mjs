/** What the benches run: one static program in one root file system, under Cella and under its peers. */
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { openHost } from '../dist/index.js';

const PEERS = ['crun', 'runc'];

/** Installs the peers that Debian has; says which are missing. Returns those that are there, by version. */
export function installPeers() {
  try {
    execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...PEERS], {
      stdio: 'ignore',
    });
  } catch {
    console.log('some peers could not be installed');
  }
  return PEERS.filter((name) => {
    try {
      console.log(execFileSync(name, ['--version'], { encoding: 'utf8' }).split('\n')[0]);
      return true;
    } catch {
      console.log(`${name} is missing: left out`);
      return false;
    }
  });
}

/**
 * Ends at once. Without the C library's start-up, which asks the processor for its features: in a virtual machine
 * that takes 0.4 ms, and is no runtime's doing.
 */
const TRUE = '#include <unistd.h>\nvoid _start(void) { _exit(0); }\n';
const PAUSE = '#include <unistd.h>\nint main(void) { for (;;) pause(); }\n';

/** A template and a bundle with a static /bin/true, whose init, or command, is that or, `lasting`, never ends. */
export async function openWorld({ lasting = false } = {}) {
  const directory = mkdtempSync(`${tmpdir()}/cella-bench-`);
  // runc opens the root as the container's user.
  chmodSync(directory, 0o755);
  // What does not outlive a boot is in memory, as on every host with systemd: for the peers too.
  for (const at of ['host/run', 'peers']) mountMemory(`${directory}/${at}`);
  const host = await openHost({ rootDir: `${directory}/host` });
  await host.setup();
  const cache = `${directory}/host/var/lib/vz/template/cache`;
  cpSync(`${cache}/busybox`, `${cache}/bench`, { recursive: true, verbatimSymlinks: true });
  const root = `${cache}/bench/rootfs`;
  compile(TRUE, ['-nostartfiles'], `${root}/bin/true`);
  for (const at of ['sbin/init', 'bin/bench']) {
    if (lasting) compile(PAUSE, [], `${root}/${at}`);
    else compile(TRUE, ['-nostartfiles'], `${root}/${at}`);
  }
  const container = host.container(101);
  await container.create({ ostemplate: 'bench', changes: new Map([['NUMPROC', '1000']]) });
  const bundle = makeBundle(directory, root);
  return {
    host,
    container,
    bundle,
    /** State directory for the peers. */
    state: `${directory}/peers`,
    close: async () => {
      await container.stop({ fast: true });
      await container.destroy();
      for (const at of ['host/run', 'peers']) execFileSync('umount', [`${directory}/${at}`]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function compile(source, flags, path) {
  rmSync(path, { force: true });
  execFileSync('gcc', ['-static', '-O2', ...flags, '-x', 'c', '-o', path, '-'], { input: source });
}

function mountMemory(path) {
  mkdirSync(path, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', path]);
}

function makeBundle(directory, rootfs) {
  const bundle = `${directory}/bundle`;
  mkdirSync(bundle);
  cpSync(rootfs, `${bundle}/rootfs`, { recursive: true, verbatimSymlinks: true });
  execFileSync('crun', ['spec'], { cwd: bundle });
  const config = JSON.parse(readFileSync(`${bundle}/config.json`, 'utf8'));
  config.process.terminal = false;
  config.process.args = ['/bin/bench'];
  delete config.process.rlimits;
  // The same limits and the same seven namespaces as ours; `spec` leaves two out.
  config.linux.resources = { memory: { limit: 256 << 20 }, pids: { limit: 1000 } };
  config.linux.namespaces.push({ type: 'user' }, { type: 'cgroup' });
  const ids = [{ containerID: 0, hostID: 1_048_576, size: 65_536 }];
  Object.assign(config.linux, { uidMappings: ids, gidMappings: ids });
  writeFileSync(`${bundle}/config.json`, JSON.stringify(config));
  return bundle;
}

/**
 * Runs argv in a private mount namespace where the empty unified hierarchy is out of sight: crun refuses hybrid
 * hosts. The shell there lives on, so that the namespace costs the peer nothing.
 */
export function openPeerShell() {
  const hide =
    'umount /sys/fs/cgroup/unified 2>/dev/null; while read -r line; do $line </dev/null >/dev/null 2>&1; echo done $?; done';
  const shell = spawn('unshare', ['-m', '--propagation', 'private', 'sh', '-c', hide], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const waiting = [];
  shell.stdout.on('data', (data) => {
    for (const line of data.toString().trim().split('\n')) waiting.shift()?.(line);
  });
  return {
    run: async (line, expected = 'done 0') => {
      const answer = new Promise((resolve) => waiting.push(resolve));
      shell.stdin.write(`${line}\n`);
      const said = await answer;
      if (said !== expected) throw new Error(`${line}: ${said}`);
    },
    close: () => shell.stdin.end(),
  };
}
