/** Passwords in a guest's files. */
import { describe, expect, it } from 'vitest';
import { withPassword } from '../../../../src/plan/guest/password.js';

const change = { hash: '$6$new', today: 20_000 };
const passwd = 'root:x:0:0:root:/root:/bin/sh\nrootkit::1:1::/:/bin/sh\nweb:x:1000:1000::/home/web:/bin/sh\n';

describe('withPassword', () => {
  it('changes hash and day of that user alone', () => {
    const shadow = 'rootkit:*:1:0:99999:7:::\nroot:$6$old:19000:0:99999:7:::\n';
    expect(withPassword({ passwd, shadow }, 'root', change)).toEqual({
      passwd,
      shadow: 'rootkit:*:1:0:99999:7:::\nroot:$6$new:20000:0:99999:7:::\n',
    });
  });

  it('adds the line that a user lacks, on a line of its own', () => {
    expect(withPassword({ passwd, shadow: 'root:*:1::::::' }, 'web', change)?.shadow).toBe(
      'root:*:1::::::\nweb:$6$new:20000:0:99999:7:::\n',
    );
  });

  it('leaves no other password beside the shadow', () => {
    expect(withPassword({ passwd, shadow: '' }, 'rootkit', change)?.passwd).toContain('\nrootkit:x:1:1:');
  });

  it('takes passwd where there is no shadow', () => {
    expect(withPassword({ passwd, shadow: undefined }, 'root', change)).toEqual({
      passwd: passwd.replace('root:x:', 'root:$6$new:'),
      shadow: undefined,
    });
  });

  it.each(['nobody', '', 'roo', 'root:x', '.*'])('knows no user %j', (user) => {
    expect(withPassword({ passwd, shadow: '' }, user, change)).toBeUndefined();
  });

  it('bears lines that are none', () => {
    expect(withPassword({ passwd: 'root\nroot:x:0:0:::\n', shadow: 'root\n' }, 'root', change)).toEqual({
      passwd: 'root\nroot:x:0:0:::\n',
      shadow: 'root\nroot:$6$new:20000:0:99999:7:::\n',
    });
  });
});
