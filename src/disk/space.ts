/** Keeps work on hostile images from filling the file system: a small image can unpack to any amount. */
import { statfs } from 'node:fs/promises';
import { CellaError } from '../errors.js';

const INTERVAL_MS = 250;
/** What is left to the host: a twentieth, and no more than this. */
const RESERVE = 1 << 30;

/** Runs `work` with a signal that aborts with the caller's, or when little space is left at `directory`. */
export async function withSpace<T>(
  directory: string,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const full = new AbortController();
  const look = async (): Promise<void> => {
    const { bavail, blocks, bsize } = await statfs(directory);
    if (bavail * bsize >= Math.min(RESERVE, (blocks * bsize) / 20)) return;
    full.abort(
      new CellaError('NO_SPACE', `the file system of '${directory}' has no room for what is in the image`),
    );
  };
  await look();
  full.signal.throwIfAborted();
  const timer = setInterval(() => void look().catch(() => undefined), INTERVAL_MS);
  try {
    return await work(signal ? AbortSignal.any([signal, full.signal]) : full.signal);
  } finally {
    clearInterval(timer);
  }
}
