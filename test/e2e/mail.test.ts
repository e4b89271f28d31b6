/** A mail server that keeps to itself: a message goes in by SMTP and comes out by IMAP, on the loopback address. */
import { beforeAll, expect, it } from 'vitest';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ keep: [101] });
beforeAll(async () => {
  const template = await sandbox.template('mail');
  await sandbox.createFrom(template, 101);
  await sandbox.vzctl(['start', '101', '--wait']);
}, 1_200_000);

/** Bash's own way to a port: says a line for each answer that begins as expected, and prints what it is told. */
function dialogue(port: number, lines: readonly (readonly [answer: string, say: string])[]): string {
  const steps = lines.map(
    ([answer, say]) =>
      `while read -r -t 20 line <&3; do echo "$line"; case $line in '${answer}'*) break ;; esac; done; printf '%s\\r\\n' '${say}' >&3`,
  );
  return `exec bash -c "${`exec 3<>/dev/tcp/127.0.0.1/${port}; ${steps.join('; ')}; cat <&3`.replace(/["$`\\]/g, '\\$&')}"`;
}

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
    dialogue(25, [
      ['220 ', 'HELO localhost'],
      ['250 ', 'MAIL FROM:<root@localhost>'],
      ['250 ', 'RCPT TO:<mailbox@localhost>'],
      ['250 ', 'DATA'],
      ['354 ', 'Subject: carried\r\n\r\nby hand\r\n.'],
      ['250 ', 'QUIT'],
    ]),
  );
  expect(sent).toMatch(/^250 2\.0\.0 Ok: queued/m);
  await expect.poll(() => inside('ls /home/mailbox/Maildir/new'), { timeout: 20_000 }).not.toBe('');
  const read = await inside(
    dialogue(143, [
      ['* OK', 'a LOGIN mailbox mailbox'],
      ['a OK', 'b SELECT INBOX'],
      ['b OK', 'c FETCH 1 BODY[]'],
      ['c OK', 'd LOGOUT'],
    ]),
  );
  expect(read).toMatch(/^Subject: carried\r?$/m);
  expect(read).toMatch(/^by hand\r?$/m);
});

it('takes no mail for anybody elsewhere', async () => {
  const refused = await inside(
    dialogue(25, [
      ['220 ', 'HELO localhost'],
      ['250 ', 'MAIL FROM:<root@localhost>'],
      ['250 ', 'RCPT TO:<somebody@example.org>'],
      ['5', 'QUIT'],
    ]),
  );
  expect(refused).toMatch(/^55\d 5\.7\.1 /m);
});
