/** The console: what is written and typed, who watches, and guests that write what they should not. */
import { readFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServiceClient } from '../../dist/service/index.js';
import { eventually, Service, untilKeeperIsGone, watchConsole } from '../helpers/service.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ keep: [101] });
let service: Service;

beforeAll(async () => {
  service = await Service.start(sandbox);
  await sandbox.create(101);
  await sandbox.good('start', '101');
});

afterAll(async () => {
  await sandbox.vzctl(['stop', '101', '--fast']);
  await service.kill('SIGTERM');
  await untilKeeperIsGone(sandbox);
});

const inside = async (command: string) => sandbox.vzctl(['exec2', '101', command]);

/** What comes out of a console from now on. */
const watch = () => watchConsole(sandbox, 101);

describe('a console', () => {
  it('is a terminal of the guest', async () => {
    expect((await inside('test -c /dev/console && test -t 0 < /dev/console')).code).toBe(0);
    expect((await inside('test -t 0 < /proc/1/fd/0')).code).toBe(0);
  });

  it('shows all who watch what is written, and what was before they came', { tags: ['slow'] }, async () => {
    await inside('echo long ago > /dev/console');
    const [one, two] = [await watch(), await watch()];
    await inside('echo just now > /dev/console');
    for (const { seen, stream } of [one, two]) {
      await eventually(() => expect(seen()).toMatch(/long ago\r\n[\s\S]*just now\r\n/));
      stream.destroy();
    }
  });

  it('takes what is typed, and lets go at ESC and a dot', async () => {
    const answer = inside('read line < /dev/console; echo "got $line" > /dev/console');
    const session = sandbox.spawn('vzctl', ['console', '101']);
    await eventually(() => expect(readFileSync(`/proc/${session.child.pid}/comm`, 'utf8')).toBe('node\n'));
    await sleep(500);
    let shown = '';
    session.child.stdout?.on('data', (data: Buffer) => {
      shown += data.toString();
    });
    session.child.stdin?.write('typed\n');
    await answer;
    await eventually(() => expect(shown).toContain('got typed'));
    session.child.stdin?.write('\u001b.');
    expect(await session.ended).toMatchObject({ code: 0 });
  });

  it('has the size of the terminal before it', { tags: ['slow'] }, async () => {
    await new ServiceClient(sandbox.rootDir).call('PUT', '/v1/containers/101/console/size', {
      rows: 50,
      columns: 132,
    });
    expect((await inside('stty size < /dev/console')).stdout).toBe('50 132\n');
  });

  it('outlives its run: who watches sees the next one', { tags: ['slow'] }, async () => {
    const { seen, stream } = await watch();
    await sandbox.good('restart', '101', '--fast');
    await inside('echo a new run > /dev/console');
    await eventually(() => expect(seen()).toContain('a new run'));
    stream.destroy();
  });
});

describe('a guest that writes', () => {
  it('without end is slowed down, and costs neither memory nor disk', async () => {
    const memory = (): number =>
      Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${service.pid}/status`, 'utf8'))?.[1]);
    const { stream } = await watch();
    stream.pause();
    const before = memory();
    await inside('timeout 5 cat /dev/urandom > /dev/console');
    expect(memory() - before).toBeLessThan(40_000);
    const log = `${sandbox.rootDir}/var/log/vz/console/101.log`;
    // The newer one may have just taken the older one's place.
    const kept = statSync(`${log}.1`).size + (statSync(log, { throwIfNoEntry: false })?.size ?? 0);
    expect(kept).toBeLessThanOrEqual(2 * (128 + 64) * 1024);
    expect((await inside('echo done')).stdout).toBe('done\n');
    stream.destroy();
  });

  it('what a terminal would obey does nothing to a terminal that shows the log', {
    tags: ['slow'],
  }, async () => {
    await inside(String.raw`printf 'a\033]0;title\007b\033[31mc\033[0m\rd\033Pq\033\\e\n' > /dev/console`);
    await eventually(async () => expect(await sandbox.good('logs', '101')).toMatch(/abcde\n$/));
    expect((await sandbox.vzctl(['logs', '101', '--raw'])).stdout).toContain('\u001b[31m');
  });

  it('is followed as it goes on', { tags: ['slow'] }, async () => {
    const following = sandbox.spawn('cella', ['logs', '101', '-f']);
    let seen = '';
    following.child.stdout?.on('data', (bytes: Buffer) => {
      seen += bytes.toString();
    });
    // What was written before comes first.
    await eventually(() => expect(seen).not.toBe(''));
    await inside('echo one more > /dev/console');
    await eventually(() => expect(seen).toContain('one more'));
    following.child.kill('SIGTERM');
    await following.ended;
  });
});
