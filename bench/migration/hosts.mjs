/** Two root directories as two hosts, and a container in one of them that holds memory. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { openHost } from '../../dist/index.js';
import { ADDRESS, openNetworks } from './networks.mjs';

const CTID = 101;
const TOLD = '/run/told';
const PORT = 7000;
const execute = promisify(execFile);
const fileOf = (path) => fileURLToPath(new URL(path, import.meta.url));
const programOf = (name) => [process.execPath, fileOf(`../../dist/bin/${name}.cjs`)];
/** What it is to run there runs here, in the network of that host. */
const sshInto = (argv) =>
  `#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift 2\nexec ${argv.join(' ')} sh -c "$*"\n`;

export async function openHosts() {
  const directory = mkdtempSync(`${tmpdir()}/cella-bench-`);
  chmodSync(directory, 0o755);
  const holder = `${directory}/holder`;
  provideHolder(holder);
  const networks = await openNetworks();
  const ways = networks.hosts.map((argv, i) => {
    writeFileSync(`${directory}/ssh-${i}`, sshInto(argv), { mode: 0o755 });
    return `${directory}/ssh-${i}`;
  });
  const roots = ['a', 'b'].map((name) => `${directory}/${name}`);
  const hosts = await Promise.all(roots.map((rootDir) => openHost({ rootDir })));
  for (const [i, host] of hosts.entries()) {
    await host.setup();
    const cache = `${roots[i]}/var/lib/vz/template/cache`;
    cpSync(`${cache}/busybox`, `${cache}/bench`, { recursive: true, verbatimSymlinks: true });
    copyFileSync(holder, `${cache}/bench/rootfs/bin/holder`);
  }
  return {
    directory,
    holder,
    begin: (mib, rate) => begin({ hosts, roots, ways, networks }, mib, rate),
    close: () => {
      networks.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** CELLA_BENCH_HOLDER: one that was compiled elsewhere. */
function provideHolder(path) {
  const source = fileURLToPath(new URL('./holder.c', import.meta.url));
  if (process.env.CELLA_BENCH_HOLDER) copyFileSync(process.env.CELLA_BENCH_HOLDER, path);
  else execFileSync('gcc', ['-static', '-O2', '-o', path, source]);
}

/** One that moves to the other host each time that it is told to. */
async function begin({ hosts, roots, ways, networks }, mib, rate) {
  let at = 0;
  const there = () => hosts[at].container(CTID);
  /** A command of the host that it is at, in that one's network. */
  const command = async (name, ...args) => {
    const [program, ...rest] = [...networks.hosts[at], ...programOf(name), '--root-dir', roots[at], ...args];
    return (await execute(program, rest)).stdout;
  };
  await there().create({
    ostemplate: 'bench',
    changes: new Map([
      ['VE_LAYOUT', 'overlay:directory'],
      ['PHYSPAGES', `${mib + 64}M`],
      ['IP_ADDRESS', ADDRESS],
    ]),
  });
  await command('vzctl', 'start', String(CTID), '--wait');
  const run = async (command) => {
    const shell = await there().exec(['sh', '-c', command]);
    shell.stdin.end();
    shell.stderr.resume();
    let text = '';
    for await (const piece of shell.stdout) text += piece;
    await shell.wait();
    return text;
  };
  await run(
    `holder ${mib} ${rate} ${TOLD} ${PORT} </dev/null >/dev/null 2>&1 & until [ -s ${TOLD} ]; do sleep 0.1; done`,
  );
  const client = await connect(networks.client);
  return {
    told: () => run(`cat ${TOLD}`),
    heard: client.told,
    move: async (mode) => {
      const other = [...programOf('vzmigrate'), '--root-dir', roots[1 - at]].join(' ');
      const way = ['--ssh-command', ways[1 - at], '--remote-command', other];
      const result = await command(
        'vzmigrate',
        ...way,
        '--online',
        '--mode',
        mode,
        '--json',
        'peer',
        String(CTID),
      );
      at = 1 - at;
      return JSON.parse(result);
    },
    end: async () => {
      client.end();
      await command('vzctl', 'stop', String(CTID), '--fast');
      await there().destroy();
    },
  };
}

/** Somebody who is sent a byte a millisecond. */
async function connect(within) {
  const [program, ...args] = [...within, process.execPath, fileOf('client.mjs'), ADDRESS, String(PORT)];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (data) => (text += data));
  while (!text.includes('\n')) await sleep(20);
  return { told: async () => text, end: () => child.kill('SIGKILL') };
}
