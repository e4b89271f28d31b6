/** What the kernel says of the programs that it can have emulated. */
import { machine } from 'node:os';
import { expect, it } from 'vitest';
import { isEmulated, parseHandlers, requireEmulation } from '../../../src/template/foreign.js';

const entry = (name: string, flags: string, state = 'enabled'): string => `== ${name}
${state}
interpreter /usr/bin/qemu-aarch64-static
flags: ${flags}
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff
`;
const python = '== python\nenabled\ninterpreter /usr/bin/python\nflags: \noffset 0\nmagic cb0d0d0a\n';

it('reads the entries that are in use', () => {
  const text = `${python}${entry('qemu-aarch64', 'OCF')}${entry('off', 'F', 'disabled')}`;
  expect(parseHandlers(text)).toEqual([
    { name: 'python', flags: '', magic: 'cb0d0d0a' },
    { name: 'qemu-aarch64', flags: 'OCF', magic: '7f454c460201010000000000000000000200b700' },
  ]);
});

it('wants an emulator that containers find too', () => {
  expect(isEmulated('aarch64', parseHandlers(entry('a', 'POCF')))).toBe(true);
  expect(() => isEmulated('aarch64', parseHandlers(entry('a', 'OC')))).toThrow(
    "this host runs programs for aarch64 only outside containers: 'a' has no flag F in binfmt_misc",
  );
  expect(() => isEmulated('aarch64', parseHandlers(python))).toThrow(
    'this host does not run programs for aarch64',
  );
  expect(() => isEmulated('riscv64', parseHandlers(entry('a', 'F')))).toThrow(
    'this host does not run programs for riscv64',
  );
});

it('asks for nothing where programs are the host’s own', async () => {
  await expect(requireEmulation(machine())).resolves.toBeUndefined();
});
