/** The files of one guest, as the host changes them: only ever beneath the root, whatever the guest makes of them. */
import { CellaError, type ErrorCode, isErrno } from '../errors.js';
import { native } from '../native/binding.js';

/** Lists of hosts can be long. */
const LIMIT = 8 << 20;
/** No file to be read is there: what is there can be replaced all the same. */
const NO_FILE = ['ENOENT', 'ENOTDIR', 'ELOOP', 'EXDEV', 'ENODEV', 'EISDIR'];

const WHY: Readonly<Record<string, string>> = {
  EISDIR: 'it is a directory',
  EEXIST: 'a directory of another name is in the way',
  ELOOP: 'a directory of its path is a symbolic link',
  ENOTDIR: 'a directory of its path is none',
  EXDEV: 'something is mounted on its path',
  EFBIG: `it is larger than ${LIMIT >> 20} MiB`,
  EPERM: 'it cannot be replaced (see lsattr)',
  EROFS: 'its file system is read-only',
  ENOSPC: 'no space is left',
  EDQUOT: 'no space is left',
};

export interface GuestFilesOptions {
  /** For messages. */
  readonly ctid: number;
  /** Directory of the host where the root is mounted. */
  readonly root: string;
  /** Ids on the host of its user and group 0. */
  readonly ids: { readonly uid: number; readonly gid: number };
}

/** Paths are relative to the root; texts are bytes, a character each. */
export class GuestFiles {
  readonly #options: GuestFilesOptions;

  constructor(options: GuestFilesOptions) {
    this.#options = options;
  }

  /** Undefined: there is no file of that name. */
  async read(path: string, code: ErrorCode = 'SYSTEM'): Promise<string | undefined> {
    try {
      const { bytes } = await native().readGuestFile(this.#options.root, path, LIMIT);
      return bytes.toString('latin1');
    } catch (error) {
      if (isErrno(error, ...NO_FILE)) return undefined;
      throw this.#failed('read', path, { error, code });
    }
  }

  /** Whether there is a file or a directory of that name. */
  async has(path: string): Promise<boolean> {
    try {
      await native().readGuestFile(this.#options.root, path, LIMIT);
      return true;
    } catch (error) {
      return isErrno(error, 'EISDIR');
    }
  }

  /** In one step; `mode` of a file that was not there. */
  async replace(
    path: string,
    text: string,
    { code, mode }: { code: ErrorCode; mode: number },
  ): Promise<void> {
    const { root, ids } = this.#options;
    try {
      await native().replaceGuestFile(root, path, Buffer.from(text, 'latin1'), { ...ids, mode });
    } catch (error) {
      throw this.#failed('write', path, { error, code });
    }
  }

  #failed(verb: string, path: string, { error, code }: { error: unknown; code: ErrorCode }): CellaError {
    const errno = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    const why = WHY[errno] ?? errno;
    return new CellaError(code, `cannot ${verb} '/${path}' of container ${this.#options.ctid}: ${why}`, {
      cause: error,
    });
  }
}
