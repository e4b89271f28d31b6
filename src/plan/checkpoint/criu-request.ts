/** Options of CRIU, by the names of its images/rpc.proto. */

/** criu_opts, as far as we use them. Descriptors are this process's own. */
export interface CriuOptions {
  readonly images_dir_fd: number;
  readonly pid?: number;
  /** What was dumped goes on. */
  readonly leave_running?: boolean;
  readonly tcp_established?: boolean;
  /** Terminals whose other side is outside. */
  readonly shell_job?: boolean;
  readonly file_locks?: boolean;
  /** 4: everything. */
  readonly log_level?: number;
  /** A name in the working directory. */
  readonly log_file?: string;
  readonly notify_scripts?: boolean;
  /** Mount point of the restored root. */
  readonly root?: string;
  /** Images that these build upon, from their directory on: what has not changed since then is not in these. */
  readonly parent_img?: string;
  /** Pages count as unchanged from now on, until they are written to (soft-dirty). */
  readonly track_mem?: boolean;
  readonly link_remap?: boolean;
  readonly manage_cgroups?: boolean;
  readonly cg_root?: readonly CgroupRoot[];
  /** The restored init becomes this process's child. */
  readonly rst_sibling?: boolean;
  /** criu_cg_mode. */
  readonly manage_cgroups_mode?: number;
  /** Bytes of a deleted file that is still open. */
  readonly ghost_limit?: number;
  readonly external?: readonly string[];
  /** CLONE_NEW… of namespaces whose contents are not its concern. */
  readonly empty_ns?: number;
  readonly freeze_cgroup?: string;
  /** Seconds that freezing may take. */
  readonly timeout?: number;
  readonly tcp_skip_in_flight?: boolean;
  /** Memory is fetched as it is needed. */
  readonly lazy_pages?: boolean;
  readonly orphan_pts_master?: boolean;
  /** A file with options as on a command line, which count more than these. */
  readonly config_file?: string;
  /** Connections are restored as closed ones. */
  readonly tcp_close?: boolean;
  readonly network_lock?: number;
  /** What was restored is stopped before it runs. */
  readonly leave_stopped?: boolean;
}

interface CgroupRoot {
  /** Absent: of all hierarchies. */
  readonly ctrl?: string;
  readonly path: string;
}

/** criu_cg_mode and criu_network_lock_method. */
export const CGROUPS = { ignore: 0, soft: 3 } as const;
export const NETWORK_LOCK = { nftables: 2 } as const;
