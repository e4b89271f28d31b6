/** Debian's own init with a console, as the node service starts it: who is at work there is so afterwards. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServiceClient } from '../../dist/service/index.js';
import { eventually, Service, untilKeeperIsGone } from '../helpers/service.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const BUILDING_MS = 1_200_000;
const sandbox = useSandbox({ needs: ['criu'], keep: [101] });
const inside = async (command: string) => (await sandbox.vzctl(['exec', '101', command])).stdout.trim();
let service: Service;
let seen = '';
let type: (text: string) => void = () => undefined;

async function suspendAndResume(): Promise<void> {
  await sandbox.good('suspend', '101');
  await sandbox.good('resume', '101');
}

/** Types a line until its answer is there: a terminal that is just being set up forgets what was typed. */
async function say(line: string, answer: RegExp): Promise<void> {
  seen = '';
  await eventually(async () => {
    type(`${line}\r`);
    await sleep(1500);
    expect(seen).toMatch(answer);
  });
}

/** No login, whose service manager of its own nobody could suspend. */
const SHELL = `systemd-run --quiet --unit=shell --property=Conflicts=console-getty.service \\
  --property=StandardInput=tty-force --property=StandardOutput=tty --property=StandardError=tty \\
  --property=TTYPath=/dev/console --property=TTYReset=yes bash --norc -i`;

beforeAll(async () => {
  service = await Service.start(sandbox);
  await sandbox.createFrom(await sandbox.template('debian-13'), 101);
  expect(await sandbox.vzctl(['start', '101', '--wait'])).toMatchObject({ code: 0, stderr: '' });
  const stream = await new ServiceClient(sandbox.rootDir).console(101);
  stream.on('data', (bytes: Buffer) => {
    seen += bytes.toString();
  });
  type = (text) => void stream.write(text);
}, BUILDING_MS);

afterAll(async () => {
  await sandbox.vzctl(['stop', '101', '--fast']);
  await service.kill('SIGTERM');
  await untilKeeperIsGone(sandbox);
});

describe('systemd with a console', () => {
  it('asks for a login as before', { timeout: 120_000 }, async () => {
    await eventually(() => expect(seen).toMatch(/login: $/));
    await suspendAndResume();
    expect(await inside('systemctl is-system-running; systemctl is-active console-getty')).toBe(
      'running\nactive',
    );
    await say('', /login: $/);
  });

  it('goes on with a shell that it controls', { timeout: 120_000, tags: ['slow'] }, async () => {
    await inside(SHELL);
    await say('mark=there; echo "[$mark]"', /\[there\]/);
    await suspendAndResume();
    await say('echo "still [$mark]"; tty', /still \[there\]\s+\/dev\/(console|pts\/0)/);
    await suspendAndResume();
    // It is of its own session, which a signal from the terminal reaches.
    await say('sleep 1000; echo "[$mark] slept"', /sleep 1000/);
    type('\x03');
    await say('echo "once more [$mark]"', /once more \[there\]/);
    expect(await inside('systemctl --failed --no-legend --plain')).toBe('');
    await inside('systemctl kill --signal=KILL shell; systemctl start console-getty');
    await say('', /login: $/);
  });

  it('shows what it writes, and reboots', { timeout: 120_000, tags: ['slow'] }, async () => {
    await inside('echo from inside >/dev/console');
    await eventually(() => expect(seen).toContain('from inside'));
    await inside('reboot');
    await service.until(/container 101 ended .*how=rebooted/);
    await eventually(() => expect(seen, service.lines(/./).join('\n')).toMatch(/login: $/));
    expect(readFileSync(`${sandbox.rootDir}/var/log/vz/console/101.log`, 'utf8')).toContain('from inside');
    await suspendAndResume();
    await say('', /login: $/);
    expect(await sandbox.vzctl(['stop', '101'])).toMatchObject({ code: 0, stderr: '' });
  });
});
