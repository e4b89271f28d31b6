/**
 * The one error class, and vzctl's exit numbers that its codes stand for.
 *
 * Numbers are the contract of legacy vzctl (vzctl(8), EXIT STATUS).
 */

/** Exit status of the command line for each error code. */
export const EXIT = {
  OK: 0,
  LIMIT_FAILED: 1,
  CPU_FAILED: 2,
  SYSTEM: 3,
  UNSUPPORTED_KERNEL: 5,
  NO_RESOURCES: 6,
  COMMAND_FAILED: 8,
  LOCKED: 9,
  NO_GLOBAL_CONFIG: 10,
  PERMISSION: 12,
  CAPABILITY_FAILED: 13,
  NO_CONFIG: 14,
  EXEC_TIMEOUT: 15,
  SUSPEND_FAILED: 16,
  RESUME_FAILED: 17,
  BAD_OPTION: 20,
  BAD_VALUE: 21,
  MISSING_ARGUMENT: 27,
  NO_TEMPLATE_GIVEN: 29,
  NOT_RUNNING: 31,
  ALREADY_RUNNING: 32,
  STOP_FAILED: 33,
  IP_FAILED: 34,
  OVERCOMMIT: 36,
  NOT_MOUNTED: 40,
  ALREADY_MOUNTED: 41,
  NO_PRIVATE: 43,
  PRIVATE_EXISTS: 44,
  NO_SPACE: 46,
  BROKEN_CONTAINER: 47,
  CREATE_FAILED: 48,
  MOUNT_FAILED: 50,
  UMOUNT_FAILED: 51,
  DESTROY_FAILED: 52,
  QUOTA_FAILED: 62,
  NO_DISKSPACE: 63,
  BAD_HOSTNAME: 70,
  BAD_ADDRESS: 71,
  BAD_NAMESERVER: 72,
  BAD_SEARCHDOMAIN: 73,
  PASSWORD_FAILED: 74,
  IP_IN_USE: 78,
  SCRIPT_FAILED: 79,
  SHAPING_FAILED: 80,
  INVALID_CONFIG: 85,
  DEVICE_FAILED: 86,
  NO_IP: 89,
  TEMPLATE_NOT_FOUND: 91,
  NETDEV_FAILED: 104,
  DISABLED: 105,
  APPLY_FAILED: 109,
  VETH_FAILED: 130,
  NAME_FAILED: 131,
  WAIT_FAILED: 133,
  SAVE_FAILED: 139,
  PCI_FAILED: 147,
  IO_FAILED: 148,
  IMAGE_MISSING: 150,
  IMAGE_FAILED: 151,
  RESIZE_FAILED: 154,
  CONVERT_FAILED: 155,
  SNAPSHOT_FAILED: 156,
  MERGE_FAILED: 157,
  SNAPSHOT_DELETE_FAILED: 158,
  SWITCH_FAILED: 159,
  SNAPSHOT_MOUNT_FAILED: 160,
  SNAPSHOT_UMOUNT_FAILED: 161,
  SNAPSHOT_LIST_FAILED: 167,
  PORT_IN_USE: 219,
  MIGRATION_FAILED: 220,
  CONNECTION_LOST: 221,
  MIGRATION_UNDECIDED: 222,
} as const satisfies Record<string, number>;

export type ErrorCode = keyof typeof EXIT;

export interface ErrorDetails {
  /** One imperative sentence: what the operator can do about it. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** An expected failure: lower case, no full stop, names the thing. */
export class CellaError extends Error {
  override readonly name = 'CellaError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    this.code = code;
    this.hint = details.hint;
  }
}

/** The first CellaError along the causes of any thrown value. */
export function firstCoded(error: unknown): CellaError | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof CellaError) return at;
  return undefined;
}

/** The exit number for any thrown value: that of its first CellaError, else SYSTEM. */
export function exitNumber(error: unknown): number {
  return EXIT[firstCoded(error)?.code ?? 'SYSTEM'];
}

/** Whether `error` is a Node system error with one of the given errno names. */
export function isErrno(error: unknown, ...codes: readonly string[]): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

/** Whether it failed for want of room, anywhere along the causes: tools only say so. */
export function isFull(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause)
    if (isErrno(at, 'ENOSPC', 'EDQUOT') || /No space left on device|Disk quota exceeded/.test(at.message))
      return true;
  return false;
}
