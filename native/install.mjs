/**
 * Builds the addon when the package is installed: node-gyp, with this Node's own headers where they are. Then keeps what
 * V8 makes of the commands, without which they only start more slowly.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';

const prefix = dirname(dirname(process.execPath));
// Without this node-gyp would download headers.
const headers = existsSync(`${prefix}/include/node/node_api.h`) ? [`--nodedir=${prefix}`] : [];

for (const tool of ['make', 'g++', 'python3']) {
  if (spawnSync(tool, ['--version'], { stdio: 'ignore' }).error) {
    console.error(`cella: ${tool} is needed to build the native addon: apt-get install make g++ python3`);
    process.exit(1);
  }
}
const { status, error } = spawnSync('node-gyp', ['rebuild', ...headers], { stdio: 'inherit' });
if (error) console.error(`cella: cannot run node-gyp: ${error.message}`);
const cache = 'dist/cli/bin/cache.js';
if (status === 0 && existsSync(cache)) spawnSync(process.execPath, [cache], { stdio: 'ignore' });
process.exit(status ?? 1);
