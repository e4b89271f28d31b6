/** Disk space, how it is stored, and how fast it is. */
import { BINDMOUNT } from '../bindmounts.js';
import { IOLIMIT, IOPRIO, IOPSLIMIT } from '../numbers.js';
import * as types from '../value-type.js';
import { plain, words } from '../value-type.js';
import { parseText } from '../values.js';
import { container, type Parameter, stored } from './parameter.js';

export const DISK: readonly Parameter[] = [
  container(['VE_LAYOUT', '--layout'], types.LAYOUT, 'how files are stored', {
    settable: false,
    default: 'overlay',
  }),
  ...['--ve_layout', '--velayout'].map((option) =>
    container(['VE_LAYOUT', option], types.LAYOUT, 'as --layout', { settable: false, hidden: true }),
  ),
  container(['DISKSPACE', '--diskspace'], types.SOME_BLOCKS, 'disk limit, soft and hard', {
    unit: 'KiB',
    live: true,
  }),
  container(['DISKINODES', '--diskinodes'], types.SOME_ITEMS, 'limit of files, soft and hard', {
    live: true,
  }),
  container(
    ['QUOTAUGIDLIMIT', '--quotaugidlimit'],
    types.COUNT,
    'quotas of users and groups inside: 0 none, else on',
    {
      default: '0',
    },
  ),
  stored(['DISK_QUOTA', '--diskquota'], types.YES_NO, 'whether there are disk limits'),
  stored(['QUOTATIME', '--quotatime'], types.SECONDS, 'how long the soft limit may be passed', {
    unit: 'seconds',
  }),
  stored(['JOURNALED_QUOTA', '--jquota'], words('on', 'off'), 'quotas in the journal: always'),
  stored(['NOATIME', '--noatime'], types.YES_NO, 'do not keep the times at which files are read'),
  stored(['BINDMOUNT', '--bindmount_add'], BINDMOUNT, 'directory of the host to show in the container'),
  stored(['BINDMOUNT', '--bindmount_del'], BINDMOUNT, 'take such a directory away', {
    placeholder: 'DST|all',
    edit: 'remove',
  }),
  stored(['DISK'], plain('TEXT', parseText), 'kept for other tools'),
  stored(['ROOT_DISK'], plain('TEXT', parseText), 'kept for other tools'),
  container(['IOPRIO', '--ioprio'], IOPRIO, 'its share of the disk, the higher the more', {
    live: true,
    default: '4',
  }),
  container(['IOLIMIT', '--iolimit'], IOLIMIT, 'rate of reading, and of writing, at most; 0 for no limit', {
    unit: 'MiB/s',
    live: true,
  }),
  container(['IOPSLIMIT', '--iopslimit'], IOPSLIMIT, 'reads, and writes, a second at most; 0 for no limit', {
    live: true,
  }),
];
