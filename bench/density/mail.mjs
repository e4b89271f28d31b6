/** Mail servers side by side: what each takes, and what they share of the page cache. */
import { readdirSync, symlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { memory } from './memory.mjs';

const FIRST = 5001;
/** That boot at the same time. */
const PARALLEL = 4;

/** `template`: a directory that `cella template build` or the test cache has made. */
export async function measureMail(host, rootDir, template, count) {
  symlinkSync(template, `${rootDir}/var/lib/vz/template/cache/mail`);
  const containers = Array.from({ length: count }, (_, i) => host.container(FIRST + i));
  const [available, cached] = [memory('MemAvailable'), memory('Cached')];
  const begin = performance.now();
  const left = [...containers];
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      for (let one = left.shift(); one !== undefined; one = left.shift()) {
        await one.create({ ostemplate: 'mail', changes: new Map([['PHYSPAGES', '0:131072']]) });
        await one.start({ wait: true });
      }
    }),
  );
  console.log(`${count} mail servers run after ${((performance.now() - begin) / 1000).toFixed(0)} s`);
  await sleep(20_000);
  const used = (available - memory('MemAvailable')) / count / 1024;
  console.log(`RESULT density/mail/memory ${used.toFixed(1)} MiB-each goal -`);
  console.log(
    `RESULT density/mail/page-cache ${((memory('Cached') - cached) / count / 1024).toFixed(2)} MiB-each goal -`,
  );
  const held = (await host.usage()).filter(({ ctid }) => ctid >= FIRST);
  const charged = held.reduce((sum, { used }) => sum + Number(used?.memory ?? 0), 0) / held.length / 2 ** 20;
  console.log(`RESULT density/mail/charged ${charged.toFixed(1)} MiB-each goal -`);
  for (const one of containers) {
    await one.stop({ fast: true });
    await one.destroy();
  }
}

/** Of a template cache below ~/.cache; undefined: none was built. */
export function findMail(cache) {
  for (const key of readdirSync(cache)) {
    if (!key.startsWith('mail-')) continue;
    const name = readdirSync(`${cache}/${key}/cache`).find((at) => at.startsWith('mail'));
    if (name) return `${cache}/${key}/cache/${name}`;
  }
  return undefined;
}
