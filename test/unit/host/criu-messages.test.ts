import { expect, it } from 'vitest';
import { decodeResponse, encodeAnswer, encodeRequest } from '../../../src/host/criu/messages.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytes = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

it('asks as rpc.proto has it', () => {
  expect(hex(encodeRequest('version'))).toBe('080a');
  const options = {
    images_dir_fd: 5,
    pid: 300,
    file_locks: true,
    external: ['a', 'bc'],
    empty_ns: 0x4000_0000,
  };
  expect(hex(encodeRequest('dump', options))).toBe(
    hex(bytes('0801 12 17 0805 10ac02 4001 aa020161 aa02026263 b0028080808004')),
  );
  expect(
    hex(
      encodeRequest('restore', { images_dir_fd: 3, cg_root: [{ path: '/x' }, { ctrl: 'cpu', path: '/y' }] }),
    ),
  ).toBe(hex(bytes('0802 12 15 0803 ca0104 12022f78 ca0109 0a03637075 12022f79')));
});

it('leaves out what is not said', () => {
  expect(hex(encodeRequest('check', { images_dir_fd: 9 }))).toBe('080312020809');
});

it('answers a notification', () => {
  expect([true, false].map((ok) => hex(encodeAnswer(ok)))).toEqual(['08061801', '08061800']);
});

it('understands answers, and what later ones have besides', () => {
  expect(decodeResponse(bytes('080a 1001 52 06 0804 1002 2001'))).toEqual({
    type: 10,
    success: true,
    version: { major: 4, minor: 2, sublevel: 1 },
  });
  expect(decodeResponse(bytes('0806 1001 2a 0d 0a09 706f73742d64756d70 1007'))).toEqual({
    type: 6,
    success: true,
    notify: { script: 'post-dump', pid: 7 },
  });
  expect(decodeResponse(bytes('0802 1001 22 02 0809 fa3f 0161 f13f 0000000000000000'))).toEqual({
    type: 2,
    success: true,
    pid: 9,
  });
  expect(decodeResponse(bytes('0801 1000 3801 4a026e6f'))).toEqual({
    type: 1,
    success: false,
    errno: 1,
    errmsg: 'no',
  });
});

it('throws for what is no message', () => {
  for (const text of ['08', '0aff', '1205']) expect(() => decodeResponse(bytes(text))).toThrow();
});
