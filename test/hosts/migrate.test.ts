/** Containers that move between two hosts by ssh, there and back and there again: what is connected to them stays so. */
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { invite, Login } from '../helpers/login.js';
import { requires } from '../helpers/requires.js';
import { ADDRESS, HERE, TwoHosts } from '../helpers/two-hosts.js';
import { useSandbox } from '../helpers/use-sandbox.js';

requires('two-hosts');

const PATIENCE_MS = 60_000;
const sandbox = useSandbox({ needs: ['two-hosts'], keep: [101] });
const hosts = new TwoHosts(sandbox, '/var/tmp/cella-migrate');

beforeAll(() => hosts.open());
afterEach(() => hosts.clear());
afterAll(() => hosts.close());

/** By the address that the two hosts do not share. */
const connectTo = (port: number): Socket => connect({ host: ADDRESS, port, localAddress: HERE });

/** Three moves; `look` after each. */
async function moveAround(look: (where: 'here' | 'there') => Promise<void>): Promise<void> {
  for (const where of ['there', 'here', 'there'] as const) {
    await (where === 'there' ? hosts.onward('--online') : hosts.back('--online'));
    await look(where);
    await hosts.expectAt(where);
  }
}

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
    await moveAround(hears);
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
    await moveAround(async (where) => {
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
/** Whose mail is read over the network. */
const MAILBOX = `sed -i 's/^listen = .*/listen = */' /etc/dovecot/dovecot.conf && systemctl restart dovecot &&
  cd /home/mailbox && mkdir -p -m 700 Maildir Maildir/new Maildir/cur Maildir/tmp &&
  { echo; seq ${LINES}; } >Maildir/new/1.large && chown -R mailbox: Maildir`;

/** Reads only as much as it is told to. */
class Reader {
  readonly #socket: Socket;
  #text = '';

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (data) => {
      this.#text += data.toString('latin1');
    });
  }

  async takes(enough: (text: string) => boolean): Promise<string> {
    this.#socket.resume();
    await expect.poll(() => enough(this.#text), { timeout: PATIENCE_MS, interval: 20 }).toBe(true);
    this.#socket.pause();
    return this.#text;
  }

  async says(tag: string, command: string): Promise<string> {
    this.#text = '';
    this.#socket.write(`${tag} ${command}\r\n`);
    return this.takes((text) => new RegExp(`^${tag} OK`, 'm').test(text));
  }
}

it('a message that is being fetched by IMAP', { timeout: 900_000 }, async () => {
  await hosts.start('mail');
  await hosts.inside('here', MAILBOX);
  const client = connectTo(143);
  const reader = new Reader(client);
  try {
    await reader.takes((text) => text.startsWith('* OK'));
    await reader.says('a', 'LOGIN mailbox mailbox');
    expect(await reader.says('b', 'SELECT INBOX')).toContain('* 1 EXISTS');
    await reader.says('c', 'NOOP');
    client.write('d FETCH 1 BODY[TEXT]\r\n');
    let taken = 0;
    await moveAround(async () => {
      taken += 1_000_000;
      await reader.takes((text) => text.length > taken);
    });
    const whole = await reader.takes((text) => text.includes('\r\nd OK'));
    expect(whole.split('\r\n').filter((line) => /^\d+$/.test(line)).length).toBe(LINES);
    expect(await reader.says('e', 'NOOP')).toContain('e OK');
    expect(await hosts.inside('there', 'systemctl is-system-running')).toBe('running');
  } finally {
    client.destroy();
  }
});
