/** A guest's settings as its files. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withBlock } from '../../../../src/plan/guest/block.js';
import { familyOf } from '../../../../src/plan/guest/family.js';
import { editFiles, editHosts, type GuestSettings } from '../../../../src/plan/guest/files.js';
import {
  formatResolvConf,
  parseResolvConf,
  reachable,
  resolverOf,
} from '../../../../src/plan/guest/resolver.js';

describe('familyOf', () => {
  it.each([
    ['ID=debian\nVERSION_ID="13"\n', 'debian'],
    ['NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n', 'debian'],
    ['ID=linuxmint\nID_LIKE="ubuntu debian"\n', 'debian'],
    ['ID="rocky"\nID_LIKE="rhel centos fedora"\n', 'redhat'],
    ["ID='almalinux'\n", 'redhat'],
    ['ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', 'suse'],
    ['ID=sles\n', 'suse'],
    ['ID=sle-micro\n', 'suse'],
    ['ID=alpine\n', 'alpine'],
    ['ID=manjaro\nID_LIKE=arch\n', 'arch'],
    ['ID=gentoo\n', 'generic'],
    ['ID=__proto__\nID_LIKE=constructor\n', 'generic'],
    ['', 'generic'],
    [undefined, 'generic'],
  ])('%j → %s', (text, family) => expect(familyOf(text)).toBe(family));
});

describe('withBlock', () => {
  it('puts lines behind the others, and replaces them there', () => {
    const once = withBlock('first', ['a', 'b']);
    expect(once).toMatchInlineSnapshot(`
      "first
      # Begin of what the host writes (vzctl set); changes to it are lost.
      a
      b
      # End of what the host writes.
      "
    `);
    const twice = withBlock(`${once}last\n`, ['c']);
    expect(twice).toMatchInlineSnapshot(`
      "first
      # Begin of what the host writes (vzctl set); changes to it are lost.
      c
      # End of what the host writes.
      last
      "
    `);
    expect(withBlock(twice, [])).toBe('first\nlast\n');
  });

  it('takes the rest of a half for the guest’s', () => {
    const [begin] = withBlock('', ['a']).split('\n');
    expect(withBlock(`${begin}\nkept\n`, [])).toBe('kept\n');
    expect(withBlock(begin ?? '', [])).toBe('');
  });

  it('is the same when it is done again, and keeps every other line', () => {
    const text = fc.array(fc.constantFrom('a', '', '# Begin', 'x y'), { maxLength: 6 });
    fc.assert(
      fc.property(text, fc.array(fc.constantFrom('1', '2')), (before, lines) => {
        const file = before.map((line) => `${line}\n`).join('');
        const done = withBlock(file, lines);
        expect(withBlock(done, lines)).toBe(done);
        expect(withBlock(done, [])).toBe(file);
      }),
    );
  });
});

describe('editHosts', () => {
  it('names the host by its full name first', () => {
    expect(
      editHosts('127.0.0.1 localhost\n', {
        hostname: 'web.example.org',
        addresses: ['192.0.2.1', '2001:db8::1'],
        neighbours: [{ hostname: 'db', addresses: ['10.0.0.3'] }],
      }),
    ).toMatchInlineSnapshot(`
        "127.0.0.1 localhost
        # Begin of what the host writes (vzctl set); changes to it are lost.
        192.0.2.1	web.example.org web
        2001:db8::1	web.example.org web
        10.0.0.3	db
        # End of what the host writes.
        "
      `);
    expect(editHosts(undefined, { hostname: 'web', addresses: [], neighbours: [] })).toMatchInlineSnapshot(`
      "127.0.0.1	localhost
      ::1	localhost ip6-localhost ip6-loopback
      # Begin of what the host writes (vzctl set); changes to it are lost.
      127.0.1.1	web
      # End of what the host writes.
      "
    `);
  });
});

describe('resolv.conf', () => {
  it('is read as the resolver does', () => {
    const text = 'nameserver 192.0.2.1 # first\n;nameserver 9.9.9.9\ndomain old\nsearch a b\noptions edns0\n';
    expect(parseResolvConf(text)).toEqual({ nameservers: ['192.0.2.1'], searchDomains: ['a', 'b'] });
    expect(parseResolvConf(formatResolvConf(parseResolvConf(text)))).toEqual(parseResolvConf(text));
  });

  it('leaves out servers that nobody reaches from elsewhere', () => {
    expect(reachable({ nameservers: ['127.0.0.53', '::1', '192.0.2.1'], searchDomains: ['.', 'a'] })).toEqual(
      { nameservers: ['192.0.2.1'], searchDomains: ['a'] },
    );
  });

  it('has what is set, what the host has, and else what it had', () => {
    const host = { nameservers: ['192.0.2.1'], searchDomains: ['host'] };
    const own = { nameservers: ['192.0.2.9'], searchDomains: ['own'] };
    expect(resolverOf({ nameservers: undefined, searchDomains: undefined }, host, own)).toBeUndefined();
    expect(resolverOf({ nameservers: 'inherit', searchDomains: undefined }, host, own)).toEqual({
      nameservers: ['192.0.2.1'],
      searchDomains: ['own'],
    });
    expect(resolverOf({ nameservers: undefined, searchDomains: ['x'] }, host, own)).toEqual({
      nameservers: ['192.0.2.9'],
      searchDomains: ['x'],
    });
  });
});

describe('editFiles', () => {
  const host = { nameservers: ['192.0.2.53'], searchDomains: [] };
  const settings: GuestSettings = {
    hostname: 'web.example.org',
    nameservers: ['9.9.9.9'],
    searchDomains: undefined,
    addresses: [],
    neighbours: undefined,
    interfaces: [],
  };
  const edit = (
    family: Parameters<typeof familyOf>[0],
    files: Readonly<Record<string, string>>,
    wish = settings,
  ) =>
    editFiles(wish, {
      family: familyOf(family),
      read: (path) => files[path],
      has: (path) => path in files,
      host,
    });
  const paths = (...args: Parameters<typeof edit>) => edit(...args).map(({ path }) => path);

  it('writes hostname, hosts and resolv.conf, each where the distribution has it', () => {
    expect(paths('ID=debian', {})).toEqual(['etc/hostname', 'etc/hosts', 'etc/resolv.conf']);
    expect(paths('ID=sles', { 'etc/HOSTNAME': 'old\n' })).toEqual([
      'etc/HOSTNAME',
      'etc/hosts',
      'etc/resolv.conf',
    ]);
    expect(paths('ID=sles', { 'etc/hostname': 'new\n', 'etc/HOSTNAME': 'new\n' })).toContain('etc/hostname');
    const old = edit('ID=centos', { 'etc/sysconfig/network': 'NETWORKING=yes\nHOSTNAME=old\n' });
    expect(old.find(({ path }) => path === 'etc/sysconfig/network')?.text).toBe(
      'NETWORKING=yes\nHOSTNAME="web.example.org"\n',
    );
    expect(paths('ID=fedora', { 'etc/sysconfig/network': '# Created by anaconda\n' })).not.toContain(
      'etc/sysconfig/network',
    );
  });

  it('has nothing to do where all is as it should be, or nothing is set', () => {
    const done = Object.fromEntries(edit('ID=debian', {}).map(({ path, text }) => [path, text]));
    expect(edit('ID=debian', done)).toEqual([]);
    const nothing = { ...settings, hostname: undefined, nameservers: undefined };
    expect(edit('ID=debian', {}, nothing)).toEqual([]);
  });
});
