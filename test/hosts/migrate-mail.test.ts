/** A mail server that moves between two hosts while somebody reads a large message. */
import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { requires } from '../helpers/requires.js';
import { connectTo, TwoHosts } from '../helpers/two-hosts.js';
import { useSandbox } from '../helpers/use-sandbox.js';

requires('two-hosts');

const PATIENCE_MS = 60_000;
const sandbox = useSandbox({ needs: ['two-hosts'], keep: [101] });
const hosts = new TwoHosts(sandbox, '/var/tmp/cella-migrate-mail');

beforeAll(() => hosts.open());
afterEach(() => hosts.clear());
afterAll(() => hosts.close());

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
    await hosts.moveAround(['pre-copy', 'post-copy', 'hybrid'], async () => {
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
