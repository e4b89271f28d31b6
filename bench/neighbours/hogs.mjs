/** What one container does to a machine while its neighbour is at work; each is a line of shell that never ends. */
export const HOGS = {
  cpu: 'for i in 1 2 3 4 5 6 7 8; do (while :; do :; done) & done; wait',
  'fork-bomb': 'f() { while :; do (sleep 0.01; :) & done; }; while :; do f; done 2>/dev/null',
  memory: 'while :; do tail /dev/zero; done 2>/dev/null',
  disk: 'while :; do dd if=/dev/zero of=/root/large bs=1M count=200 conv=fsync; rm /root/large; done 2>/dev/null',
  inodes: 'i=0; mkdir /root/d; while :; do i=$((i + 1)); : >/root/d/$i || rm -r /root/d/*; done 2>/dev/null',
  log: 'while :; do echo "a line that says nothing, and is long enough to take its place" >/dev/console; done',
};

/** As a provider gives them to a small container, on a host with more processors than one. */
export const LIMITS = new Map([
  ['CPUS', '1'],
  ['PHYSPAGES', '0:16384'],
  ['SWAPPAGES', '0:0'],
  ['NUMPROC', '120'],
  ['DISKSPACE', '307200:307200'],
  ['IOLIMIT', '8388608'],
]);
