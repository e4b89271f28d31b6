/** Containers that move between two hosts by ssh, there and back and there again: who is connected to them stays so. */
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { MailReader } from '../helpers/imap.js';
import { invite, Login } from '../helpers/login.js';
import { requires } from '../helpers/requires.js';
import { ADDRESS, connectTo, HERE, TwoHosts } from '../helpers/two-hosts.js';
import { useSandbox } from '../helpers/use-sandbox.js';

requires('two-hosts');

const PATIENCE_MS = 60_000;
const sandbox = useSandbox({ needs: ['two-hosts'], keep: [101] });
const hosts = new TwoHosts(sandbox, '/var/tmp/cella-migrate');

beforeAll(() => hosts.open());
afterEach(() => hosts.clear());
afterAll(() => hosts.close());

it('a line that is said back', { timeout: 600_000 }, async () => {
  await hosts.start('busybox');
  await hosts.inside('here', '(nc -l -p 7000 -e cat </dev/null >/dev/null 2>&1 &); sleep 1');
  const client = connectTo(7000);
  const lines = createInterface({ input: client })[Symbol.asyncIterator]();
  const hears = async (text: string): Promise<void> => {
    client.write(`${text}\n`);
    const silence = sleep(PATIENCE_MS, { value: 'silence' });
    expect((await Promise.race([lines.next(), silence])).value).toBe(text);
  };
  try {
    await hears('before');
    await hosts.moveAround(['post-copy', 'hybrid', 'stop'], hears);
  } finally {
    client.destroy();
  }
});

it('a session of ssh with Debian', { timeout: 900_000 }, async () => {
  await hosts.start('ssh');
  const key = `${sandbox.rootDir}/key`;
  await hosts.inside('here', invite(key));
  const login = new Login({ address: ADDRESS, key, from: HERE });
  try {
    await login.answers();
    await hosts.moveAround(['stop', 'pre-copy', 'post-copy'], async (where) => {
      await login.answers();
      expect(await hosts.inside(where, 'systemctl is-system-running; systemctl --failed --no-legend')).toBe(
        'running',
      );
    });
  } finally {
    login.end();
  }
});

const LINES = 900_000;
/**
 * Whose mail is read over the network. Indexes that Dovecot has on disk it knows by their inodes' numbers, which files get
 * anew where they go.
 */
const MAILBOX = `sed -i 's/^listen = .*/listen = */' /etc/dovecot/dovecot.conf
  echo 'mail_index_path = MEMORY' >>/etc/dovecot/dovecot.conf; systemctl restart dovecot
  cd /home/mailbox && mkdir -p -m 700 Maildir Maildir/new Maildir/cur Maildir/tmp &&
  { echo; seq ${LINES}; } >Maildir/new/1.large && chown -R mailbox: Maildir`;

it('a message that is being fetched by IMAP', { timeout: 900_000 }, async () => {
  await hosts.start('mail');
  await hosts.inside('here', MAILBOX);
  const client = connectTo(143);
  const reader = new MailReader(client);
  try {
    await reader.takes((text) => text.startsWith('* OK'));
    await reader.says('a', 'LOGIN mailbox mailbox');
    expect(await reader.says('b', 'SELECT INBOX')).toContain('* 1 EXISTS');
    reader.asks('c', 'FETCH 1 BODY[TEXT]');
    let taken = 0;
    await hosts.moveAround(['pre-copy', 'post-copy', 'hybrid'], async () => {
      taken += 1_000_000;
      await reader.takes((text) => text.length > taken);
    });
    const whole = await reader.takes((text) => text.includes('\r\nc OK'));
    expect(whole.split('\r\n').filter((line) => /^\d+$/.test(line)).length).toBe(LINES);
    expect(await reader.says('d', 'NOOP')).toContain('d OK');
    expect(await hosts.inside('there', 'systemctl is-system-running')).toBe('running');
  } finally {
    client.destroy();
  }
});
