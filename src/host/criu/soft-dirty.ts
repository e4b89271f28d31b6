/** Whether the kernel tells which pages a process has written to (CONFIG_MEM_SOFT_DIRTY): found out by having it done. */
import { closeSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { isErrno } from '../../errors.js';

const PAGE = 4096;
/** Bytes of an entry of proc_pid_pagemap(5), and where in it bit 55 is. */
const ENTRY = 8;
const [DIRTY_BYTE, DIRTY] = [6, 1 << 7];

/** Of our own stack, which is written to all the time, once all of it counts as unchanged. */
export function tellsChanges(): boolean {
  try {
    writeFileSync('/proc/self/clear_refs', '4');
    return isStackDirty();
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'EACCES', 'EPERM', 'EINVAL')) return false;
    throw error;
  }
}

function isStackDirty(): boolean {
  const found = /^([0-9a-f]+)-([0-9a-f]+) .*\[stack\]$/m.exec(readFileSync('/proc/self/maps', 'utf8'));
  if (!found) return false;
  const [from = 0, to = 0] = found.slice(1).map((address) => Number.parseInt(address, 16) / PAGE);
  const entries = Buffer.alloc((to - from) * ENTRY);
  const fd = openSync('/proc/self/pagemap', 'r');
  try {
    readSync(fd, entries, 0, entries.length, from * ENTRY);
  } finally {
    closeSync(fd);
  }
  return entries.some((byte, at) => at % ENTRY === DIRTY_BYTE && (byte & DIRTY) !== 0);
}
