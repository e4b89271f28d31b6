/** Capability numbers, masks, and what system containers keep. */
import { describe, expect, it } from 'vitest';
import { CAPABILITIES, capabilityMask, SYSTEM_CAPABILITIES } from '../../../src/plan/capabilities.js';

const dropped = (privileged: boolean): readonly string[] => {
  const kept = new Set(SYSTEM_CAPABILITIES[privileged ? 'privileged' : 'unprivileged']);
  return Object.keys(CAPABILITIES).filter((name) => !kept.has(name));
};

describe('the table', () => {
  it('numbers 0 to 40 without a gap', () => {
    expect(Object.values(CAPABILITIES)).toEqual(Array.from({ length: 41 }, (_, number) => number));
  });

  it.each([
    ['CAP_CHOWN', 0],
    ['CAP_SETPCAP', 8],
    ['CAP_NET_ADMIN', 12],
    ['CAP_SYS_MODULE', 16],
    ['CAP_SYS_ADMIN', 21],
    ['CAP_SYS_TIME', 25],
    ['CAP_SETFCAP', 31],
    ['CAP_MAC_ADMIN', 33],
    ['CAP_BPF', 39],
    ['CAP_CHECKPOINT_RESTORE', 40],
  ])('has %s as %i', (name, number) => {
    expect(CAPABILITIES[name]).toBe(number);
  });
});

describe('capabilityMask', () => {
  it('sets one bit for each name, once', () => {
    expect(capabilityMask([])).toBe(0n);
    expect(capabilityMask(['CAP_CHOWN', 'CAP_CHECKPOINT_RESTORE', 'CAP_CHOWN'])).toBe(0x10000000001n);
    expect(capabilityMask(Object.keys(CAPABILITIES))).toBe(0x1ffffffffffn);
  });

  it.each(['CHOWN', 'cap_chown', 'CAP_NONE', ''])('refuses %j', (name) => {
    expect(() => capabilityMask([name])).toThrow('unknown capability');
  });
});

describe('SYSTEM_CAPABILITIES', () => {
  it('drops with a user namespace only what is not namespaced', () => {
    expect(dropped(false)).toEqual([
      'CAP_SYS_MODULE',
      'CAP_SYS_RAWIO',
      'CAP_SYS_TIME',
      'CAP_MAC_OVERRIDE',
      'CAP_MAC_ADMIN',
      'CAP_WAKE_ALARM',
      'CAP_BLOCK_SUSPEND',
    ]);
  });

  it('keeps without one the legacy list and what systemd needs, no more', () => {
    const legacy =
      'chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_broadcast net_admin ' +
      'net_raw ipc_lock ipc_owner sys_chroot sys_ptrace sys_admin sys_boot sys_nice sys_resource ' +
      'sys_tty_config mknod lease audit_write setfcap';
    expect(SYSTEM_CAPABILITIES.privileged).toEqual(
      legacy.split(' ').map((name) => `CAP_${name.toUpperCase()}`),
    );
  });
});
