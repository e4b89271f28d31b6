/** A mail server that keeps to itself: a message goes in by SMTP and comes out by IMAP, on the loopback address. */
import { beforeAll, expect, it } from 'vitest';
import { dialogue } from '../helpers/dialogue.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ keep: [101] });
beforeAll(async () => {
  const template = await sandbox.template('mail');
  await sandbox.createFrom(template, 101);
  await sandbox.vzctl(['start', '101', '--wait']);
}, 1_200_000);

const inside = async (command: string) => (await sandbox.vzctl(['exec', '101', command])).stdout;

it('is up, with nothing failed', async () => {
  expect(await inside('systemctl --failed --no-legend --plain')).toBe('');
  expect((await inside('systemctl is-active postfix dovecot')).trim().split('\n')).toEqual([
    'active',
    'active',
  ]);
});

it('delivers a message and shows it', async () => {
  const sent = await inside(
    dialogue(
      ['127.0.0.1', 25],
      [
        ['220 ', 'HELO localhost'],
        ['250 ', 'MAIL FROM:<root@localhost>'],
        ['250 ', 'RCPT TO:<mailbox@localhost>'],
        ['250 ', 'DATA'],
        ['354 ', 'Subject: carried\r\n\r\nby hand\r\n.'],
        ['250 ', 'QUIT'],
      ],
    ),
  );
  expect(sent).toMatch(/^250 2\.0\.0 Ok: queued/m);
  await expect.poll(() => inside('ls /home/mailbox/Maildir/new'), { timeout: 20_000 }).not.toBe('');
  const read = await inside(
    dialogue(
      ['127.0.0.1', 143],
      [
        ['* OK', 'a LOGIN mailbox mailbox'],
        ['a OK', 'b SELECT INBOX'],
        ['b OK', 'c FETCH 1 BODY[]'],
        ['c OK', 'd LOGOUT'],
      ],
    ),
  );
  expect(read).toMatch(/^Subject: carried\r?$/m);
  expect(read).toMatch(/^by hand\r?$/m);
});

it('takes no mail for anybody elsewhere', async () => {
  const refused = await inside(
    dialogue(
      ['127.0.0.1', 25],
      [
        ['220 ', 'HELO localhost'],
        ['250 ', 'MAIL FROM:<root@localhost>'],
        ['250 ', 'RCPT TO:<somebody@example.org>'],
        ['5', 'QUIT'],
      ],
    ),
  );
  expect(refused).toMatch(/^55\d 5\.7\.1 /m);
});
