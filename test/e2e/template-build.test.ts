/** A build of Debian that is cut short while mmdebstrap and its children work and have mounted things. */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { useSandbox } from '../helpers/use-sandbox.js';

// Compares mounts and processes with before.
const sandbox = useSandbox({ needs: ['mmdebstrap'] });

const cache = (): readonly string[] => readdirSync(`${sandbox.rootDir}/var/lib/vz/template/cache`);
const staged = (): readonly string[] => cache().filter((name) => /^\.debian-13/.test(name));

/** Settles when mmdebstrap is at work. */
async function building() {
  const build = sandbox.spawn('cella', ['template', 'build', 'debian-13']);
  await new Promise<void>((resolve) => {
    build.child.stdout?.on('data', (data: Buffer) => {
      if (data.toString().includes('apt-get update')) resolve();
    });
    void build.ended.then(() => resolve());
  });
  return build;
}

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('ends at %s, and nothing of it is left', { tags: ['slow'] }, async (name, code) => {
  const build = await building();
  build.child.kill(name);
  expect(await build.ended).toMatchObject({ code, stderr: 'interrupted\n' });
  expect(cache().filter((at) => at !== '.lock')).toEqual(['busybox']);
});

it('is ended with the process that builds; the next build clears its directory away', {
  tags: ['slow'],
}, async () => {
  const build = await building();
  build.child.kill('SIGKILL');
  await build.ended;
  const gone = (): boolean =>
    !execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).includes(sandbox.rootDir);
  await expect.poll(gone, { timeout: 10_000 }).toBe(true);
  const left = staged();
  expect(left).toHaveLength(1);
  const next = await building();
  expect(staged()).not.toContain(left[0]);
  next.child.kill('SIGINT');
  await next.ended;
  expect(staged()).toEqual([]);
});

it('says which recipes there are, and which machines', async () => {
  expect(await sandbox.run('cella', ['template', 'build', 'solaris'])).toMatchObject({
    code: 91,
    stderr:
      "there is no recipe 'solaris'\nChoose one of these: busybox, debian-12, debian-13, docker, mail.\n",
  });
  expect(await sandbox.run('cella', ['template', 'build', 'debian-13', '--arch', 'vax'])).toMatchObject({
    code: 21,
    stderr: "'vax' is not an architecture that is built for\nChoose one of these: x86_64, aarch64.\n",
  });
});
