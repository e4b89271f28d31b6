import { run } from './run.js';

/** All of the file system that a path is on is on the disk (sync(1)). */
export async function syncFileSystem(path: string): Promise<void> {
  await run(['sync', '--file-system', path]);
}
