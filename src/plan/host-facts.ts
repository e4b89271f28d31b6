import type { CgroupMounts } from './cgroup.js';

/** What planning needs to know of the host, gathered once. */
export interface HostFacts {
  readonly arch: 'x64' | 'arm64';
  readonly cgroups: CgroupMounts;
  /** Which of our control groups this root directory's are, "" for the host's own. */
  readonly cgroupGroup: string;
  /** The container's programs are another machine's. */
  readonly emulated?: boolean;
}
