/** Memory: limits of a control group, and beancounters that have come to mean less. */
import { HUGEPAGES } from '../hugepages.js';
import { FACTOR, GUARANTEE, MEMINFO } from '../numbers.js';
import * as types from '../value-type.js';
import { container, type Parameter, stored } from './parameter.js';

const RAM = types.bytesInPages(true);
const SWAP = types.bytesInPages(false);

export const MEMORY: readonly Parameter[] = [
  container(['PHYSPAGES', '--ram'], RAM, 'memory limit', { unit: 'bytes', live: true }),
  container(['PHYSPAGES', '--physpages'], types.SOME_PAGES, 'the same in pages', {
    unit: 'pages',
    live: true,
  }),
  container(['SWAPPAGES', '--swap'], SWAP, 'swap limit, besides memory', { unit: 'bytes', live: true }),
  container(['SWAPPAGES', '--swappages'], types.PAGES, 'the same in pages', { unit: 'pages', live: true }),
  container(
    ['VMGUARPAGES', '--vmguarpages'],
    types.PAGES,
    'memory that it keeps while others ask for theirs',
    {
      unit: 'pages',
      live: true,
    },
  ),
  container(['OOMGUARPAGES', '--oomguarpages'], types.PAGES, 'memory that is not taken from it at all', {
    unit: 'pages',
    live: true,
  }),
  container(['MEMGUARANTEE', '--memguarantee'], GUARANTEE, 'as --vmguarpages, in percent of its limit', {
    unit: 'percent',
    live: true,
    default: 'auto: none',
  }),
  container(['LOCKEDPAGES', '--lockedpages'], types.PAGES, 'what each of its processes may lock in memory', {
    short: '-l',
    unit: 'pages',
  }),
  container(['SHMPAGES', '--shmpages'], types.PAGES, 'shared memory, and size of /dev/shm', {
    unit: 'pages',
  }),
  container(
    ['HUGEPAGES', '--hugepages'],
    HUGEPAGES,
    'memory in huge pages of a size; unlimited for no limit',
    {
      live: true,
    },
  ),
  container(
    ['OOM_GROUP', '--oom_group'],
    types.YES_NO,
    'whether all of it is killed where it has no memory left, not one process',
    { live: true, default: 'no' },
  ),
  container(
    ['KSM', '--ksm'],
    types.YES_NO,
    'whether its memory is shared with others that have the same in theirs, which they can find out by timing',
    { default: 'no' },
  ),
  stored(['VM_OVERCOMMIT', '--vm_overcommit'], FACTOR, 'memory that may be promised, as a multiple'),
  stored(['PRIVVMPAGES', '--privvmpages'], types.PAGES, 'memory that may be promised', { unit: 'pages' }),
  stored(['KMEMSIZE', '--kmemsize'], types.BYTES, 'memory of the kernel: counted as memory', {
    short: '-k',
    unit: 'bytes',
  }),
  stored(['DCACHESIZE', '--dcachesize'], types.BYTES, 'cache of directories: counted as memory', {
    short: '-x',
    unit: 'bytes',
  }),
  stored(['MEMGUARANTEE_BYTES'], types.BYTES, 'kept for other tools'),
  stored(
    ['PAGECACHE_ISOLATION', '--pagecache-isolation'],
    types.YES_NO,
    'keep its file cache within its limit',
  ),
  stored(['MEMINFO', '--meminfo'], MEMINFO, 'what /proc/meminfo shows'),
];
