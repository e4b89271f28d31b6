/** Two root directories as two hosts, and a container in one of them that holds memory. */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { openHost } from '../../dist/index.js';

const CTID = 101;
const TOLD = '/run/told';
/** What it is to run there runs here. */
const SSH = '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift 2\nexec sh -c "$*"\n';
const VZMIGRATE = fileURLToPath(new URL('../../dist/bin/vzmigrate.cjs', import.meta.url));

export async function openHosts() {
  const directory = mkdtempSync(`${tmpdir()}/cella-bench-`);
  chmodSync(directory, 0o755);
  const holder = `${directory}/holder`;
  provideHolder(holder);
  const ssh = `${directory}/ssh`;
  writeFileSync(ssh, SSH, { mode: 0o755 });
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
    begin: (mib, rate) => begin({ hosts, roots, ssh }, mib, rate),
    close: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** CELLA_BENCH_HOLDER: one that was compiled elsewhere. */
function provideHolder(path) {
  const source = fileURLToPath(new URL('./holder.c', import.meta.url));
  if (process.env.CELLA_BENCH_HOLDER) copyFileSync(process.env.CELLA_BENCH_HOLDER, path);
  else execFileSync('gcc', ['-static', '-O2', '-o', path, source]);
}

/** One that moves to the other host each time that it is told to. */
async function begin({ hosts, roots, ssh }, mib, rate) {
  let at = 0;
  const there = () => hosts[at].container(CTID);
  await there().create({
    ostemplate: 'bench',
    changes: new Map([
      ['VE_LAYOUT', 'overlay:directory'],
      ['PHYSPAGES', `${mib + 64}M`],
    ]),
  });
  await there().start({ wait: true });
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
    `holder ${mib} ${rate} ${TOLD} </dev/null >/dev/null 2>&1 & until [ -s ${TOLD} ]; do sleep 0.1; done`,
  );
  return {
    told: () => run(`cat ${TOLD}`),
    move: async (mode) => {
      const command = `'${process.execPath}' ${VZMIGRATE} --root-dir ${roots[1 - at]}`;
      const result = await there().migrate({ to: 'peer', ssh, command, online: true, mode });
      at = 1 - at;
      return result;
    },
    end: async () => {
      await there().stop({ fast: true });
      await there().destroy();
    },
  };
}
