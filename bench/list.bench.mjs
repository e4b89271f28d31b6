/**
 * vzlist -a of 1,000 containers that do not run, in a process of its own, beside 100: Node.js's start apart, ten times as
 * many may take ten times as long, and no longer.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { openHost } from '../dist/index.js';
import { alternate } from './measure.mjs';

const VZLIST = fileURLToPath(new URL('../dist/bin/vzlist.cjs', import.meta.url));
const directory = mkdtempSync(`${tmpdir()}/cella-bench-`);

/** A host of so many config files; what they name need not be there. */
const fill = async (name, count) => {
  const rootDir = `${directory}/${name}`;
  await (await openHost({ rootDir })).setup();
  const conf = `${rootDir}/etc/vz/conf`;
  const sample = readFileSync(`${conf}/ve-vswap-256m.conf-sample`, 'utf8');
  for (let ctid = 101; ctid < 101 + count; ctid += 1)
    writeFileSync(
      `${conf}/${ctid}.conf`,
      `${sample}OSTEMPLATE="busybox"\nHOSTNAME="h${ctid}.example"\nIP_ADDRESS="10.0.0.1"\nLOCAL_UID="${65_536 * ctid}"\n`,
    );
  return (...args) =>
    () =>
      execFileSync(process.execPath, [VZLIST, '-a', ...args], {
        env: { ...process.env, CELLA_ROOT: rootDir },
        maxBuffer: 1 << 26,
      });
};

try {
  const [none, few, many] = [await fill('none', 0), await fill('few', 100), await fill('many', 1000)];
  const times = await alternate(
    { none: none(), few: few(), many: many(), sorted: many('-s', '-hostname'), json: many('-j') },
    { rounds: 15, warmUp: 2 },
  );
  for (const [name, time] of Object.entries(times)) console.log(`${name} ${time.toFixed(0)} ms`);
  console.log(`RESULT list/1000 ${times.many.toFixed(0)} ms goal 1000`);
  console.log(`RESULT list/1000/json ${times.json.toFixed(0)} ms goal 1500`);
  const growth = (times.many - times.none) / (times.few - times.none);
  console.log(`RESULT list/growth ${growth.toFixed(2)} ratio goal 10`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
