/** Many isolated mail servers behind one public address: each has its own ports of the host. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { dialogue } from '../helpers/dialogue.js';
import { Networks } from '../helpers/networks.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ keep: [101, 102] });
const networks = new Networks(sandbox);
const SERVERS = [
  { ctid: 101, smtp: 2501, imap: 14301 },
  { ctid: 102, smtp: 2502, imap: 14302 },
] as const;

const inside = async (ctid: number, command: string) =>
  (await networks.vzctl('exec', String(ctid), command)).stdout;

beforeAll(async () => {
  await networks.open();
  const template = await sandbox.template('mail');
  for (const { ctid, smtp, imap } of SERVERS) {
    await sandbox.createFrom(template, ctid);
    await networks.good('set', String(ctid), '--publish', `${smtp}:25`, '--publish', `${imap}:143`, '--save');
    await networks.good('start', String(ctid), '--wait');
    // The template's servers keep to their loopback until their administrator says otherwise.
    await inside(
      ctid,
      `postconf -e inet_interfaces=all; sed -i 's/^listen = .*/listen = */' /etc/dovecot/dovecot.conf
       systemctl restart postfix dovecot`,
    );
  }
}, 1_200_000);
afterAll(async () => {
  await networks.close();
});

it.each(SERVERS)(
  'container $ctid takes and shows its own mail at ports of the one address',
  { tags: ['slow'] },
  async ({ ctid, smtp, imap }) => {
    const sent = await networks.wan.run(
      dialogue(
        ['192.0.2.1', smtp],
        [
          ['220 ', 'HELO outside'],
          ['250 ', 'MAIL FROM:<somebody@example.org>'],
          ['250 ', 'RCPT TO:<mailbox@localhost>'],
          ['250 ', 'DATA'],
          ['354 ', `Subject: for ${ctid}\r\n\r\nfrom outside\r\n.`],
          ['250 ', 'QUIT'],
        ],
      ),
    );
    expect(sent).toMatch(/^250 2\.0\.0 Ok: queued/m);
    await expect.poll(() => inside(ctid, 'ls /home/mailbox/Maildir/new'), { timeout: 20_000 }).not.toBe('');
    const read = await networks.wan.run(
      dialogue(
        ['192.0.2.1', imap],
        [
          ['* OK', 'a LOGIN mailbox mailbox'],
          ['a OK', 'b SELECT INBOX'],
          ['b OK', 'c FETCH 1 BODY[]'],
          ['c OK', 'd LOGOUT'],
        ],
      ),
    );
    expect(read).toMatch(new RegExp(`^Subject: for ${ctid}\\r?$`, 'm'));
    // Who sent it is known: no address of the host's is in its place.
    expect(read).toMatch(/^Received: from outside .*192\.0\.2\.2/m);
  },
);
